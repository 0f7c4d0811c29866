"""What is cut off an axis, and what is not."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from sdebayes import plots
from sdebayes.plots.sight import keep_in_sight

VALUES = np.array([1.0, 2.0, np.nan, 3.0])


def limits(errors: float, scale: str = "linear", values: np.ndarray = VALUES) -> tuple[float, float]:
    _, ax = plt.subplots()
    ax.errorbar(np.arange(values.size), values, errors)
    ax.set_yscale(scale)
    before = ax.get_ylim()
    keep_in_sight(ax, values)
    after = ax.get_ylim()
    plt.close("all")
    assert before[0] <= after[0] < after[1] <= before[1]
    return after if after != before else (np.nan, np.nan)


def test_bars_far_beyond_the_values_are_cut():
    assert limits(1000.0) == (1 - 6, 3 + 6)
    assert np.isnan(limits(2.0)).all()


def test_on_a_logarithmic_axis_ranges_are_of_logarithms():
    np.testing.assert_allclose(limits(0.9999, "log")[0], 1 / 27)
    np.testing.assert_allclose(limits(1e6, "log")[1], 3 * 27)


@pytest.mark.parametrize("values", [np.full(3, np.nan), np.ones(3)])
def test_values_without_a_range_cut_nothing(values):
    assert np.isnan(limits(100.0, values=values)).all()


def test_paths_that_run_away_do_not_hide_the_data():
    """Five of a hundred simulations are a million times as large: the data still fill a good part of the panel."""
    data, lags = np.linspace(1.0, 0.3, 8), 2.0 ** np.arange(8)
    simulated = np.tile(data, (100, 1))
    simulated[:5] *= 1e6
    dataset = xr.Dataset(
        {
            "allan_deviation": (("sample", "lag", "state"), simulated[..., None]),
            "allan_deviation_data": (("lag", "state"), data[:, None]),
        },
        {"lag": lags, "state": ["x1"]},
    )
    axes = plots.moments.allan_deviation(dataset, prob=0.98)
    low, high = np.log(axes[0].get_ylim())
    plt.close("all")
    assert np.log(data.max() / data.min()) / (high - low) > 0.14


def test_simulations_that_miss_the_data_stay_in_sight():
    data, lags = np.linspace(1.0, 0.3, 8), 2.0 ** np.arange(8)
    missed = np.tile(1e6 * data, (50, 1))
    dataset = xr.Dataset(
        {
            "allan_deviation": (("sample", "lag", "state"), missed[..., None]),
            "allan_deviation_data": (("lag", "state"), data[:, None]),
        },
        {"lag": lags, "state": ["x1"]},
    )
    axes = plots.moments.allan_deviation(dataset)
    low, high = axes[0].get_ylim()
    plt.close("all")
    assert low < data.min()
    assert high > missed.max()
