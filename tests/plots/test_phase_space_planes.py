"""Figures of a plane: nullclines."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis import phase_space
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift
from sdebayes.paths import trajectories

LIMITS = [(-2.0, 2.0), (-2.0, 2.0)]


def decays(equilibria) -> SDE:
    sdes = [
        SDE(LinearDrift(jnp.eye(2), jnp.array([b, 0.0])), ConstantDiffusion(jnp.eye(2))) for b in equilibria
    ]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *sdes)


def labels(ax) -> list[str]:
    return ax.get_legend_handles_labels()[1]


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
    assert labels(ax) == ["data", "dx1/dt = 0, 90% band", "dx2/dt = 0, 90% band", "truth"]
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
