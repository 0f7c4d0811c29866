"""Simulated exit times against closed forms and the grid."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space import Ball, Box, exit_time, simulated_exit_time
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ParametricDiffusion, ParametricDrift


def still(n: int) -> SDE:
    return SDE(LinearDrift(jnp.zeros((n, n)), jnp.zeros(n)), ConstantDiffusion(jnp.eye(n)))


@pytest.mark.thorough
def test_brownian_motion_leaves_a_ball_in_four_dimensions():
    """τ = (r² − |x|²)/d."""
    starts = [[0.0, 0.0, 0.0, 0.0], [0.5, 0.0, 0.5, 0.0]]
    found = simulated_exit_time(still(4), Ball(np.zeros(4), 1.0), starts, paths=300)
    expected = np.array([1.0, 0.5]) / 4
    away = found.exit_time.values[0] - expected
    assert (np.abs(away) < 4 * found.standard_error.values[0] + 0.02 * expected).all()
    assert (found.standard_error / found.exit_time < 0.15).all()
    np.testing.assert_array_equal(found.share_left, 1)
    assert found.exit_time.dims == ("sample", "point")


@pytest.mark.thorough
def test_many_paths_have_no_bias_left():
    """Monitoring at steps alone is 6 % late here; a Monte-Carlo error of 2 % shows it."""
    found = simulated_exit_time(still(3), Ball(np.zeros(3), 1.0), np.zeros(3), paths=3000).isel(sample=0)
    error = float(found.standard_error)
    assert error < 0.03 / 3
    assert abs(float(found.exit_time) - 1 / 3) < 3.5 * error


def pulled(x, t, p):
    return p["a"] * (x - x**3)


def spread(x, t, p):
    return 0.7 * jnp.diag(jnp.sqrt(1 + 0.5 * x**2))


@pytest.mark.thorough
def test_it_agrees_with_the_grid():
    """Two draws with noise that depends on the state."""

    def one(scale: float) -> SDE:
        return SDE(ParametricDrift(pulled, {"a": jnp.asarray(scale)}), ParametricDiffusion(spread, {}))

    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), one(0.5), one(1.0))
    region = Box([-np.inf, -1.0], [0.5, 1.0])
    solved = exit_time(stacked, region, [-0.8, 0.0], limits=[(-3.0, 1.0), (-1.3, 1.3)])
    run = simulated_exit_time(stacked, region, [-0.8, 0.0], paths=500)
    away = np.abs(run.exit_time - solved.exit_time)
    assert (away < 4 * run.standard_error).all()
    assert (run.standard_error < 0.1 * run.exit_time).all()


@pytest.mark.thorough
def test_paths_that_are_followed_for_a_short_time_only():
    """From the well of a slow process: the rate of leaving is constant, so few exits tell the mean."""
    quick = SDE(LinearDrift(jnp.eye(3), jnp.zeros(3)), ConstantDiffusion(jnp.sqrt(2.0) * jnp.eye(3)))
    whole = simulated_exit_time(quick, Ball(np.zeros(3), 2.5), np.zeros(3), dt=0.02, paths=400)
    part = simulated_exit_time(quick, Ball(np.zeros(3), 2.5), np.zeros(3), dt=0.02, longest=1.0, paths=400)
    assert part.share_left.item() < 0.5
    assert part.standard_error.item() > whole.standard_error.item()
    error = np.hypot(part.standard_error, whole.standard_error)
    assert (np.abs(part.exit_time - whole.exit_time) < 4 * error + 0.25 * whole.exit_time).all()


def test_a_region_that_is_never_left():
    held = SDE(LinearDrift(jnp.eye(3), jnp.zeros(3)), ConstantDiffusion(1e-3 * jnp.eye(3)))
    found = simulated_exit_time(held, Ball(np.zeros(3), 1.0), np.zeros(3), paths=20, dt=0.1, longest=2.0)
    assert np.isinf(found.exit_time).all()
    assert np.isnan(found.standard_error).all()
    np.testing.assert_array_equal(found.share_left, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exit_time(still(3), Ball(np.zeros(3), 1.0), np.zeros(3)), r"simulated_exit_time\(source"),
        (lambda: exit_time(still(3), Ball(np.zeros(2), 1.0), np.zeros(3)), "2 states and the source 3"),
        (lambda: simulated_exit_time(still(3), Ball(np.zeros(3), 1.0), np.ones(3)), "not inside"),
        (lambda: simulated_exit_time(still(3), Ball(np.zeros(3), 1.0), np.zeros(3), 0), "paths=0"),
        (lambda: simulated_exit_time(still(3), Ball(np.zeros(3), 1.0), np.zeros(3), dt=0.0), "positive"),
    ],
)
def test_arguments_that_cannot_be_used(call, message):
    with pytest.raises(DataError, match=message):
        call()
