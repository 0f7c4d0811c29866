"""Figures of scores from step to step."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdebayes import plots
from sdebayes._core.errors import DataError


@pytest.fixture(scope="module")
def judged() -> xr.Dataset:
    generator = np.random.default_rng(0)
    energy = generator.gamma(4.0, size=(5, 6, 10))
    energy[:, 1:, 8:] = np.nan  # two steps that one trajectory alone reaches
    crps = generator.gamma(4.0, size=(5, 6, 10, 2))
    dims = ("horizon", "trajectory", "time")
    coords = {"horizon": [1, 2, 3, 4, 5], "time": np.arange(10)}
    return xr.Dataset({"energy_score": (dims, energy), "crps": ((*dims, "state"), crps)}, coords)


def test_scores_are_averaged_over_trajectories(judged):
    ax = plots.forecasts.scores(judged)
    assert ax.get_legend_handles_labels()[1] == ["1 step ahead", "3 steps ahead", "5 steps ahead"]
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), np.arange(8))
    np.testing.assert_allclose(ax.lines[1].get_ydata(), judged.energy_score.values[2, :, :8].mean(0))
    single = plots.forecasts.scores(judged.isel(horizon=0, drop=True), variable="crps")
    np.testing.assert_allclose(single.lines[0].get_ydata(), judged.crps.values[0].mean((0, 2)))


def test_what_scores_cannot_be_drawn(judged):
    with pytest.raises(DataError, match="variable='pit'"):
        plots.forecasts.scores(judged, variable="pit")
    with pytest.raises(DataError, match=r"forecasts\.scores"):
        plots.forecasts.scores(judged, variable="log_score")
    with pytest.raises(DataError, match="two trajectories"):
        plots.forecasts.scores(judged.isel(trajectory=[0]))
