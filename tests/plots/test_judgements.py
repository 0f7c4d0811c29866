"""Figures of how data stand beside what a model predicts: surprise, coverage, p-values, asymmetry, noise."""

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


def test_surprise_is_a_row_a_trajectory_with_what_does_not_belong():
    p = np.array([[0.5, 1e-3, np.nan], [0.9, 1e-7, 0.2]])
    q = np.array([[0.5, 0.2, np.nan], [0.9, 0.01, 0.3]])
    grid = ("trajectory", "time")
    dataset = xr.Dataset({"p_value": (grid, p), "q_value": (grid, q)}, {"trajectory": ["first", "second"]})
    ax = plots.quality.surprise(dataset)
    shown = ax.collections[0].get_array()
    np.testing.assert_array_equal(np.ma.filled(shown, np.nan).reshape(2, 3), p)
    assert ax.collections[0].get_clim() == (1e-4, 1.0)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["first", "second"]
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 1]])
    assert len(plots.quality.surprise(dataset, rate=0.25).lines[0].get_xydata()) == 2
    with pytest.raises(DataError, match=r"quality\.surprise"):
        plots.quality.surprise(xr.Dataset())


def test_candidates_stand_in_the_order_of_their_scores():
    score = np.array([0.5, 2.0, -1.0])
    dataset = xr.Dataset(
        {
            "score": ("candidate", score),
            "probability": ("candidate", np.exp(score) / np.exp(score).sum()),
            "probability_by_draw": (("sample", "candidate"), GENERATOR.dirichlet([1, 3, 1], 50)),
        },
        {"candidate": ["a", "b", "c"], "sample": np.arange(50)},
    )
    ax = plots.quality.rank(dataset)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "a", "c"]
    assert [text.get_text() for text in ax.texts] == ["+2.0", "+0.5", "-1.0"]
    np.testing.assert_allclose(line(ax, "probability").get_xdata(), dataset["probability"][[1, 0, 2]])
    assert line(ax, "all alike").get_xdata()[0] == 1 / 3
    with pytest.raises(DataError, match=r"quality\.rank"):
        plots.quality.rank(xr.Dataset())


def test_parts_of_coherence_are_stacked_from_zero():
    parts = {"place": [0.1, 0.2], "level": [-0.1, 0.3], "order": [0.2, 0.4]}
    dataset = xr.Dataset(
        {name: ("trajectory", values) for name, values in parts.items()}, {"trajectory": ["a", "b"]}
    )
    dataset["total"] = sum(dataset[name] for name in parts)
    ax = plots.quality.coherence(dataset)
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bars in ax.containers for bar in bars]
    expected = [(0, 0.2), (0, 0.1), (0.2, 0.5), (0, -0.1), (0.5, 0.9), (0.1, 0.3)]
    np.testing.assert_allclose(ends, expected)
    np.testing.assert_allclose(line(ax, "sum").get_xdata(), [0.9, 0.2])
    with pytest.raises(DataError, match=r"quality\.coherence"):
        plots.quality.coherence(xr.Dataset())


def test_tasks_have_a_row_and_scorers_a_colour():
    dims, share = ("task", "scorer"), np.array([[0.9, 0.6], [0.8, 0.5]])
    dataset = xr.Dataset(
        {
            "accuracy": (dims, share),
            "lower": (dims, share - 0.1),
            "upper": (dims, share + 0.05),
            "count": ("task", [7, 8]),
        },
        {"task": ["steps shuffled", "reversed"], "scorer": ["model", "cosine"]},
    )
    ax = plots.quality.order_tasks(dataset)
    np.testing.assert_allclose(line(ax, "model").get_xdata(), [0.9, 0.8])
    np.testing.assert_allclose(line(ax, "cosine").get_xdata(), [0.6, 0.5])
    assert [text.get_text() for text in ax.texts] == ["of 7", "of 8"]
    with pytest.raises(DataError, match=r"quality\.order_tasks"):
        plots.quality.order_tasks(xr.Dataset())


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


def test_the_chosen_candidate_of_each_step_is_marked():
    score = np.array([[0.5, 2.0, -1.0], [1.0, np.nan, np.nan]])
    dataset = xr.Dataset(
        {
            "score": (("step", "candidate"), score),
            "chosen": ("step", [1, 0]),
            "text": ("step", ["Of $5 and more.", "word " * 40]),
            "agreement": ("step", [0.75, 1.0]),
        }
    )
    ax = plots.steering.steer(dataset)
    np.testing.assert_array_equal(line(ax, "chosen").get_xdata(), [2.0, 1.0])
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0] == r"Of \$5 and more."
    assert names[1].endswith("word …")
    assert names[1].count("\n") == 2
    assert [text.get_text() for text in ax.texts] == ["75%", "100%", "agree"]
    with pytest.raises(DataError, match=r"sdebayes\.steer"):
        plots.steering.steer(xr.Dataset())
