"""Figures of time scales and of the field of exit times."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis import phase_space
from sdebayes.analysis.phase_space import Ball
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift


def linear(rate: float, n: int) -> SDE:
    return SDE(LinearDrift(rate * jnp.eye(n), jnp.zeros(n)), ConstantDiffusion(jnp.eye(n)))


def stacked(rates: tuple[float, ...], n: int) -> SDE:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *(linear(rate, n) for rate in rates))


def line(ax, label: str):
    return next(artist for artist in ax.lines if artist.get_label() == label)


def test_time_scales_of_a_linear_process():
    """Its generator has the eigenvalues −λ, −2λ, …"""
    draws = phase_space.time_scales(stacked((0.9, 1.0, 1.1), 1), 3, [(-6.0, 6.0)], points=161)
    truth = phase_space.time_scales(linear(1.0, 1), 2, [(-6.0, 6.0)], points=161)
    ax = plots.phase_space.time_scales(draws, truth=truth)
    np.testing.assert_allclose(line(ax, "posterior median").get_xdata(), [1, 1 / 2, 1 / 3], rtol=0.01)
    np.testing.assert_allclose(line(ax, "truth").get_xdata(), [1, 1 / 2], rtol=0.01)
    assert ax.get_yticklabels()[0].get_text() == "1  (0% rotate)"
    with pytest.raises(DataError, match=r"time_constant.*time_scales"):
        plots.phase_space.time_scales(xr.Dataset())


def test_exit_time_over_one_state():
    draws, region = stacked((0.5, 1.0, 2.0), 1), Ball([0.0], 1.0)
    found = phase_space.exit_time(draws, region, points=41)
    ax = plots.phase_space.exit_time_field(
        found, truth=phase_space.exit_time(linear(1.0, 1), region, points=41)
    )
    expected = found.exit_time_field[1]
    np.testing.assert_allclose(line(ax, "posterior, median").get_ydata(), expected)
    np.testing.assert_allclose(line(ax, "truth").get_ydata(), expected, rtol=1e-6)
    assert ax.get_ylabel() == "mean exit time (unit of time)"


def test_exit_time_over_two_states():
    draws, region = stacked((0.5, 1.0, 2.0), 2), Ball([0.0, 0.0], 1.0)
    found = phase_space.exit_time(draws, region, points=21)
    ax = plots.phase_space.exit_time_field(found, truth=found.isel(sample=[1]))
    colours = np.ma.filled(ax.collections[0].get_array(), np.nan).reshape(21, 21)
    np.testing.assert_allclose(colours, found.exit_time_field[1].transpose("grid_x2", "grid_x1"))
    assert ax.get_legend_handles_labels()[1] == ["half of the longest, draws", "truth"]
    with pytest.raises(DataError, match="exit_time_field"):
        plots.phase_space.exit_time_field(xr.Dataset())
