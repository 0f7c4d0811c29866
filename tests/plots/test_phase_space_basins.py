"""The figure of basins."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_rgb

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis import phase_space
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, ParametricDrift
from sdebayes.plots.style import POSTERIOR


@pytest.fixture(scope="module")
def wells() -> xr.Dataset:
    sde = SDE(
        ParametricDrift(lambda x, t, p: jnp.stack([x[0] - x[0] ** 3, -x[1]]), {}),
        ConstantDiffusion(0.5 * jnp.eye(2)),
    )
    return phase_space.basins(sde, limits=[(-2.0, 2.0), (-1.0, 1.0)], points=6)


def test_colours_are_the_attractors_and_opacity_their_probability(wells):
    unsure = wells.copy(deep=True)
    unsure["probability"][:2, 0] = 0.5
    ax = plots.phase_space.basins(
        unsure, truth=wells, data=trajectories(np.ones((1, 5, 2)) * np.arange(5)[:, None])
    )
    image = ax.images[0].get_array()
    left = int(np.nanargmin(wells["location"].sel(state="x1")))
    colour = to_rgb((POSTERIOR, "#CC79A7")[left])
    np.testing.assert_allclose(image[3, 1, :3], colour)
    np.testing.assert_allclose(image[3, 1, 3], 0.7)
    np.testing.assert_allclose(image[3, 0, 3], 0.08)
    assert not np.allclose(image[3, 4, :3], colour)
    names = {"data", "true edges", "point 1, 50%", "point 2, 50%"}
    assert set(ax.get_legend_handles_labels()[1]) == names


def test_attractors_without_a_basin_are_left_out(wells):
    one = wells.isel(attractor=[0, 2])
    ax = plots.phase_space.basins(one)
    assert ax.get_legend_handles_labels()[1] == ["point 1, 50%"]
    np.testing.assert_allclose(ax.images[0].get_array()[3, 1, :3], to_rgb(POSTERIOR))
    with pytest.raises(DataError, match="share"):
        plots.phase_space.basins(wells.drop_vars("share"))
