"""What the figures of forecasts show of a dataset of known numbers."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis import forecasts
from sdebayes.plots.style import POSTERIOR


@pytest.fixture
def table() -> xr.Dataset:
    value = np.array([[0.5, 0.3, 0.2], [0.2, 0.1, 0.1], [0.0, 0.0, 0.0]])
    dims = ("candidate", "horizon")
    names = ["model", "running mean", "climatology"]
    by_state = xr.DataArray(np.stack([value, value / 2], -1), dims=(*dims, "state"))
    variables = {
        "energy_score_skill": (dims, value),
        "energy_score_skill_lower": (dims, 0.8 * value),
        "energy_score_skill_upper": (dims, 1.2 * value),
        "crps_skill": by_state,
        "crps_skill_lower": 0.8 * by_state,
        "crps_skill_upper": 1.2 * by_state,
    }
    coords = {"candidate": names, "horizon": [1, 2, 3], "state": ["PC1", "PC2"]}
    return xr.Dataset(variables, coords, {"baseline": "climatology"})


def test_skill_has_a_line_for_each_forecast_but_the_baseline(table):
    (ax,) = plots.forecasts.by_horizon(table)
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert set(lines) == {"climatology", "model", "running mean"}
    np.testing.assert_allclose(lines["model"].get_ydata(), [0.5, 0.3, 0.2])
    assert lines["model"].get_color() == POSTERIOR
    assert len(ax.collections) == 2
    low, high = ax.collections[0].get_datalim(ax.transData).intervaly
    assert (low, high) == pytest.approx((0.2 - 0.04, 0.5 + 0.1))


def test_skill_of_states_has_a_panel_for_each(table):
    axes = plots.forecasts.by_horizon(table, variable="crps_skill")
    assert [ax.get_title(loc="left") for ax in axes] == ["PC1", "PC2"]
    with pytest.raises(DataError, match="by_horizon"):
        plots.forecasts.by_horizon(table, variable="log_gain")


@pytest.mark.parametrize(
    "dims", [("horizon", "trajectory", "time", "state"), ("trajectory", "time", "state")]
)
def test_reliability_of_uniform_values_lies_about_zero(dims):
    sizes = {"horizon": 5, "trajectory": 8, "time": 40, "state": 2}
    values = np.random.default_rng(0).random([sizes[dim] for dim in dims])
    coords = {"horizon": np.arange(1, 6)} if "horizon" in dims else {}
    found = forecasts.reliability(xr.DataArray(values, coords, dims))
    ax = plots.forecasts.reliability(found)
    labels = ax.get_legend_handles_labels()[1]
    assert labels == (["1 step ahead", "3 steps ahead", "5 steps ahead"] if coords else ["forecast"])
    shares = np.concatenate([bars.lines[0].get_ydata() for bars in ax.containers])
    assert np.abs(shares).max() < 0.06


def test_dependence_shows_the_means_of_the_bins():
    rng = np.random.default_rng(0)
    dims = ("trajectory", "time")
    x = rng.normal(size=(6, 30))
    measures = xr.Dataset({"words": (dims, x), "grade": (dims, -x)})
    measures["words"].attrs = {"long_name": "words", "units": "word"}
    found = forecasts.dependence(xr.DataArray(2 * x, dims=dims, name="energy score"), measures, resamples=50)
    axes = plots.forecasts.dependence(found)
    assert [ax.get_title(loc="left")[:9] for ax in axes] == ["ρ = +1.00", "ρ = −1.00"]
    assert axes[0].get_xlabel() == "words"
    assert axes[0].get_ylabel() == "energy score"
    line = axes[0].containers[0].lines[0]
    np.testing.assert_allclose(line.get_ydata(), 2 * np.asarray(line.get_xdata(), dtype=float))
    with pytest.raises(DataError, match=r"forecasts\.dependence"):
        plots.forecasts.dependence(measures)
