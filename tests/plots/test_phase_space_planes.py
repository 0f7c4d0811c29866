"""Figures of a plane: nullclines."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis import phase_space
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ParametricDrift

LIMITS = [(-2.0, 2.0), (-2.0, 2.0)]


def decays(equilibria) -> SDE:
    sdes = [
        SDE(LinearDrift(jnp.eye(2), jnp.array([b, 0.0])), ConstantDiffusion(jnp.eye(2))) for b in equilibria
    ]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *sdes)


def labels(ax) -> list[str]:
    return ax.get_legend_handles_labels()[1]


@pytest.mark.thorough
def test_nullclines_have_the_band_of_the_equilibria():
    """f₁ = b − x₁: the line stands at the median of b and the band between its 5 and 95 % quantiles."""
    b = np.random.default_rng(0).normal(0.3, 0.4, 101)
    lines = phase_space.nullclines(decays(b), limits=LIMITS, points=21)
    data = trajectories(np.random.default_rng(1).normal(size=(2, 30, 2)))
    truth = phase_space.nullclines(decays([0.3]), limits=LIMITS, points=21)
    ax = plots.phase_space.nullclines(lines, data=data, truth=truth)
    band, median = ax.collections[:2]
    np.testing.assert_allclose(median.get_paths()[0].vertices[:, 0], np.median(b), atol=1e-9)
    edges = band.get_paths()[0].vertices[:, 0]
    np.testing.assert_allclose([edges.min(), edges.max()], np.quantile(b, [0.05, 0.95]), atol=0.02)
    assert labels(ax) == ["data", "dx1/dt = 0, 90%", "dx2/dt = 0, 90%", "truth"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x1", "x2")


def test_nullclines_of_one_drift_have_no_band():
    ax = plots.phase_space.nullclines(phase_space.nullclines(decays([0.0]), limits=LIMITS))
    assert len(ax.collections) == 2
    assert labels(ax) == ["dx1/dt = 0", "dx2/dt = 0"]


def test_nullclines_outside_of_the_plane_are_not_drawn():
    far = phase_space.nullclines(decays([0.0, 0.1]), limits=[(1.0, 2.0), (1.0, 2.0)])
    assert len(plots.phase_space.nullclines(far).collections) == 0


def test_nullclines_need_a_probability_and_their_dataset():
    lines = phase_space.nullclines(decays([0.0]), limits=LIMITS)
    with pytest.raises(DataError, match="between 0 and 1"):
        plots.phase_space.nullclines(lines, prob=1.5)
    with pytest.raises(DataError, match="probability_positive"):
        plots.phase_space.nullclines(lines.drop_vars("probability_positive"))


def circles(radii) -> SDE:
    def hopf(x, t, p):
        return x * (p["a"] - x @ x) + 2.0 * jnp.stack([-x[1], x[0]])

    sdes = [
        SDE(ParametricDrift(hopf, {"a": jnp.asarray(r * abs(r))}), ConstantDiffusion(jnp.eye(2)))
        for r in radii
    ]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *sdes)


@pytest.mark.thorough
def test_limit_cycles_are_the_circles_of_the_draws():
    starts = np.array([[1.0, 0.0], [0.0, -1.0], [0.3, 0.3], [-0.9, 0.9]])
    found = phase_space.limit_cycles(circles([1.0, 0.8, -0.5, -0.7]), starts)
    truth = phase_space.limit_cycles(circles([0.9]), starts)
    data = trajectories(np.random.default_rng(1).normal(size=(2, 30, 2)))
    ax = plots.phase_space.limit_cycles(found, states=["x2", "x1"], data=data, truth=truth)
    drawn = [line for line in ax.lines if len(line.get_xdata()) == 129]
    radii = [np.hypot(*line.get_data()) for line in drawn]
    np.testing.assert_allclose(radii, np.array([1.0, 0.8, 0.9])[:, None] * np.ones(129), rtol=1e-5)
    assert ax.texts[0].get_text() == "limit cycle in 50% of the draws,\nperiod 3.14 (3.14 to 3.14)"
    assert labels(ax) == ["data", "cycles of the draws", "truth"]
    with pytest.raises(DataError, match="2 of the states x1, x2; got x1"):
        plots.phase_space.limit_cycles(found, states=["x1"])


def test_no_limit_cycle_is_said():
    found = phase_space.limit_cycles(decays([0.0]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    ax = plots.phase_space.limit_cycles(found)
    assert ax.texts[0].get_text() == "limit cycle in 0% of the draws"
