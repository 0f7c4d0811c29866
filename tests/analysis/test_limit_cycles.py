"""Limit cycles against closed forms and an adaptive solver."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space import fixed_points, limit_cycles
from sdebayes.dynamics import SDE, ConstantDiffusion, ParametricDrift
from tests.cases import first_of

BOX = np.array([[2.0, 2.0], [-2.0, -2.0], [0.1, 0.0], [1.0, -1.5]])


def _hopf(x, t, p):
    return x * (p["a"] - x @ x) + p["omega"] * jnp.stack([-x[1], x[0]])


def _van_der_pol(x, t, p):
    return jnp.stack([x[1], p["mu"] * (1 - x[0] ** 2) * x[1] - x[0]])


def _stack(function, **parameters) -> SDE:
    draws = [
        dict(zip(parameters, map(jnp.asarray, row), strict=True))
        for row in zip(*parameters.values(), strict=True)
    ]
    sdes = [SDE(ParametricDrift(function, own), ConstantDiffusion(jnp.eye(2))) for own in draws]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *sdes)


@pytest.mark.thorough
def test_the_hopf_normal_form_has_a_circle_beyond_its_bifurcation():
    """r' = r (a − r²), θ' = ω: radius √a, period 2π/ω, multiplier exp(−2a·2π/ω); none for a < 0."""
    a, omega = np.array([1.0, -0.5, 0.25]), np.array([2.0, 2.0, 1.0])
    found = limit_cycles(_stack(_hopf, a=a, omega=omega), BOX)
    np.testing.assert_array_equal(found["exists"], [True, False, True])
    assert found.sizes["cycle"] == 1
    there, period = [0, 2], 2 * np.pi / omega
    np.testing.assert_allclose(found["period"][there, 0], period[there], rtol=1e-6)
    np.testing.assert_allclose(found["multiplier"][there, 0], np.exp(-2 * a * period)[there], rtol=1e-4)
    radius = np.linalg.norm(found["orbit"], axis=-1)
    np.testing.assert_allclose(radius[there, 0], np.sqrt(a[there])[:, None] * np.ones(128), rtol=1e-6)
    np.testing.assert_allclose(
        found["amplitude"][there, 0], np.sqrt(a[there])[:, None] * np.ones(2), rtol=1e-3
    )
    assert np.isnan(found["period"].values[1, 0])
    assert not bool(found["stable"][1, 0])


@pytest.mark.parametrize("mu", first_of([3.0, 0.5]))
def test_the_period_of_van_der_pol_is_that_of_an_adaptive_solver(mu):
    def drift(t, x):
        return [x[1], mu * (1 - x[0] ** 2) * x[1] - x[0]]

    def upward(t, x):
        return x[0]

    upward.direction = 1
    box = BOX * np.array([1.0, 1.5 * mu])
    late = solve_ivp(drift, (0, 200), [2.0, 0.0], events=upward, rtol=1e-10, atol=1e-12)
    found = limit_cycles(_stack(_van_der_pol, mu=[mu]), box)
    assert bool(found["exists"].all())
    np.testing.assert_allclose(found["period"][0, 0], np.diff(late.t_events[0])[-1], rtol=1e-5)
    np.testing.assert_allclose(found["amplitude"][0, 0, 0], np.abs(late.y[0, -2000:]).max(), rtol=5e-3)
    assert float(found["multiplier"][0, 0]) < 1
    zero = fixed_points(_stack(_van_der_pol, mu=[mu]), box)
    kind = zero["kind"].attrs["flag_meanings"].split(", ")[int(zero["kind"][0, 0])]
    assert kind == ("unstable focus" if mu < 2 else "unstable node")


@pytest.mark.thorough
def test_two_cycles_side_by_side_are_two():
    """r' = r (1 − r²)(r² − 4)(r² − 9)/36: circles of radius 1 and 3 attract, that of radius 2 does not."""

    def nested(x, t, p):
        r = x @ x
        return x * (1 - r) * (r - 4) * (r - 9) / 36 + jnp.stack([-x[1], x[0]])

    sde = SDE(ParametricDrift(nested, {}), ConstantDiffusion(jnp.eye(2)))
    found = limit_cycles(sde, np.array([[0.5, 0.0], [0.0, 3.2], [3.0, -3.0], [-2.5, 0.0]]))
    np.testing.assert_allclose(np.sort(found["amplitude"][0, :, 0]), [1.0, 3.0], rtol=1e-3)


def test_wells_and_linear_drifts_have_none(double_well, rotation):
    assert not bool(limit_cycles(double_well, BOX)["exists"].any())
    found = limit_cycles(rotation, np.zeros((1, 3)))
    assert not bool(found["exists"].any())
    assert found.sizes["sample"] == 2


def test_a_slow_spiral_is_no_cycle():
    spiral = SDE(
        ParametricDrift(lambda x, t, p: jnp.stack([-x[1] - 0.01 * x[0], x[0] - 0.01 * x[1]]), {}),
        ConstantDiffusion(jnp.eye(2)),
    )
    assert not bool(limit_cycles(spiral, BOX)["exists"].any())


def test_an_explosion_is_no_cycle():
    away = SDE(ParametricDrift(lambda x, t, p: x**3, {}), ConstantDiffusion(jnp.eye(2)))
    with jax.debug_nans(False):
        assert not bool(limit_cycles(away, BOX)["exists"].any())


def test_places_to_start_from_are_needed(double_well):
    with pytest.raises(DataError, match="x0"):
        limit_cycles(double_well)
