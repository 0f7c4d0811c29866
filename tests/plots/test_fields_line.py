"""Figures of lines."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.colors import to_hex

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis import fields
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift

RATES = jnp.array([[0.5, 1.0], [-1.0, 0.5]])


def linear(scale: float) -> SDE:
    return SDE(LinearDrift(scale * RATES, jnp.zeros(2)), ConstantDiffusion(2 * jnp.eye(2)))


TRUTH = linear(1.0)
DRAWS = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(linear, np.linspace(0.8, 1.2, 9)))


def test_a_line_is_drawn_with_its_truth():
    ends = [-1.0, 0.0], [1.0, 0.0]
    axes = plots.fields.line(fields.line(DRAWS, *ends), truth=fields.line(TRUTH, *ends))
    lines = {artist.get_label(): artist for artist in axes[0].lines}
    x = lines["truth"].get_xdata()
    np.testing.assert_allclose(lines["truth"].get_ydata(), -0.5 * (x - 1), atol=1e-6)
    np.testing.assert_allclose(lines["posterior, mean"].get_ydata(), -0.5 * (x - 1), atol=1e-6)
    assert to_hex(lines["truth"].get_color()) == "#000000"
    np.testing.assert_allclose(axes[1].lines[0].get_ydata(), 2.0, rtol=1e-6)
    with pytest.raises(DataError, match="drift_along"):
        plots.fields.line(fields.grid(DRAWS, (0,)))
