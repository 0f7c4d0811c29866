"""Figures of how data stand beside what a model foretells: surprise, coverage, p-values, asymmetry, noise."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis import calibration, moments, process
from sdebayes.data import trajectories

GENERATOR = np.random.default_rng(0)


def line(ax, label: str):
    return next(artist for artist in ax.lines if artist.get_label() == label)


def test_surprise_is_a_row_a_trajectory():
    tail = np.array([[0.5, 1e-3, np.nan], [0.9, 1e-7, 0.2]])
    dataset = xr.Dataset(
        {"tail_probability": (("trajectory", "time"), tail)}, {"trajectory": ["first", "second"]}
    )
    ax = plots.surprise.surprise(dataset)
    shown = ax.collections[0].get_array()
    np.testing.assert_array_equal(np.ma.filled(shown, np.nan).reshape(2, 3), tail)
    assert ax.collections[0].get_clim() == (1e-4, 1.0)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["first", "second"]
    with pytest.raises(DataError, match=r"surprise\.surprise"):
        plots.surprise.surprise(xr.Dataset())


def test_coverage_stands_beside_what_was_promised():
    values = xr.DataArray(
        GENERATOR.uniform(size=(4, 50, 2)), {"state": ["x1", "x2"]}, ("trajectory", "time", "state")
    )
    found = calibration.coverage(values, nominal=0.8)
    ax = plots.calibration.coverage(found)
    np.testing.assert_allclose(ax.containers[0][0].get_xdata(), found.coverage)
    assert ax.get_legend_handles_labels()[1] == ["promised, 80%", "data, 90% interval"]
    with pytest.raises(DataError, match=r"calibration\.coverage"):
        plots.calibration.coverage(xr.Dataset())


def test_p_values_in_the_tails_are_counted():
    dataset = xr.Dataset(
        {"mean": ("lag", [0.01, 0.5, np.nan, 0.99]), "kurtosis": ("lag", [0.4, 0.5, 0.6, 0.7])}
    )
    ax = plots.moments.predictive_p_values(dataset)
    assert [text.get_text() for text in ax.texts] == ["2 of 3", "0 of 4"]
    strokes = [segment[0][0] for artist in ax.collections for segment in artist.get_segments()]
    assert sorted(strokes) == [0.01, 0.4, 0.5, 0.5, 0.6, 0.7, 0.99]
    with pytest.raises(DataError, match="between 0 and 1"):
        plots.moments.predictive_p_values(dataset + 1)
    with pytest.raises(DataError, match="predictive_p_values"):
        plots.moments.predictive_p_values(dataset * np.nan)


def test_p_values_of_an_analysis_are_drawn():
    data = trajectories(GENERATOR.normal(size=(5, 30, 2)))
    simulated = xr.Dataset(
        {"y": (("sample", "path", "time", "state"), GENERATOR.normal(size=(40, 5, 30, 2)))},
        {"sample": np.arange(40), "time": np.arange(30.0), "state": data["state"].values},
    )
    found = moments.predictive_p_values(moments.increments(data, 3, simulated))
    ax = plots.moments.predictive_p_values(found)
    labels = [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()]
    assert labels == ["mean", "mean squared displacement", "skewness", "kurtosis", "slope"]


def test_asymmetry_in_time_is_a_matrix():
    found = process.reversibility(trajectories(GENERATOR.normal(size=(7, 30, 3))))
    ax = plots.process.reversibility(found)
    np.testing.assert_array_equal(ax.collections[0].get_array(), found.asymmetry)
    low, high = ax.collections[0].get_clim()
    assert high == -low == float(abs(found.asymmetry).max())
    assert len(ax.texts) == 6
    with pytest.raises(DataError, match=r"process\.reversibility"):
        plots.process.reversibility(xr.Dataset())


def test_noise_has_a_row_a_state():
    draws = xr.DataArray(
        GENERATOR.gamma(4, size=(500, 2)),
        {"sample": np.arange(500), "state": ["x1", "x2"]},
        ("sample", "state"),
    )
    ax = plots.variance.noise(draws)
    np.testing.assert_allclose(line(ax, "posterior median").get_xdata(), draws.median("sample"))
    np.testing.assert_allclose(ax.collections[0].get_segments()[1][:, 0], draws[:, 1].quantile([0.05, 0.95]))
    with pytest.raises(DataError, match="no draws"):
        plots.variance.noise(draws.isel(sample=0))
