"""Dependence of errors on measures, against SciPy, least squares, and data of known dependence."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sdebayes._core.errors import DataError
from sdebayes.analysis import forecasts

DIMS = ("trajectory", "time")


def pair(seed: int, slope: float, level: float, count: int = 12, length: int = 30) -> tuple:
    """Draw a measure and an error that both have a level of their trajectory, the second also a slope."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(count, 1))
    x = shared + rng.normal(size=(count, length))
    y = slope * x + level * shared + rng.normal(size=(count, length)) * (1 + rng.random((count, 1)))
    return xr.DataArray(y, dims=DIMS, name="error"), xr.Dataset({"words": (DIMS, x)})


def test_estimates_are_those_of_scipy():
    y, x = pair(0, 0.5, 1.0)
    y[2, 5:9] = np.nan
    found = forecasts.dependence(y, x, resamples=50).sel(term="words")
    values = x["words"].values
    known = np.isfinite(y.values)
    flat = values[known], y.values[known]
    sd = flat[0].std()
    assert float(found["sd"]) == pytest.approx(sd)
    assert float(found["slope"]) == pytest.approx(stats.linregress(*flat).slope * sd)
    assert float(found["rank_correlation"]) == pytest.approx(stats.spearmanr(*flat).statistic)
    groups = np.nonzero(known)[0][:, None] == np.arange(12)
    design = np.column_stack([flat[0], groups])
    assert float(found["within_slope"]) == pytest.approx(np.linalg.lstsq(design, flat[1])[0][0] * sd)
    order = np.argsort(flat[0])
    fifth = order[: len(order) // 5]
    assert float(found["bin_error"][0]) == pytest.approx(flat[1][fifth].mean(), abs=0.02)
    assert float(found["bin_measure"][0]) == pytest.approx(flat[0][fifth].mean(), abs=0.02)


def test_the_bootstrap_is_that_of_whole_trajectories_one_by_one():
    y, x = pair(1, 0.5, 1.0)
    found = forecasts.dependence(y, x, resamples=4000).sel(term="words")
    rng = np.random.default_rng(7)
    slopes = []
    for _ in range(2000):
        rows = rng.integers(12, size=12)
        slopes.append(stats.linregress(x["words"].values[rows].ravel(), y.values[rows].ravel()).slope)
    upper = stats.norm.cdf(np.sqrt(12 / 11) * stats.t.ppf(0.95, 11))
    expected = np.quantile(slopes, [1 - upper, upper]) * float(found["sd"])
    width = expected[1] - expected[0]
    np.testing.assert_allclose([found["slope_lower"], found["slope_upper"]], expected, atol=0.06 * width)


def test_what_trajectories_share_does_not_count_within_them():
    y, x = pair(2, 0.0, 2.0, count=40)
    found = forecasts.dependence(y, x).sel(term="words")
    assert float(found["slope_lower"]) > 0.5
    assert float(found["within_slope_lower"]) < 0 < float(found["within_slope_upper"])
    assert float(found["within_rank_correlation_lower"]) < 0 < float(found["within_rank_correlation_upper"])


@pytest.mark.slow
def test_intervals_hold_the_slope_as_often_as_they_say():
    inside = np.zeros(2)
    for seed in range(400):
        y, x = pair(seed, 0.3, 1.0)
        found = forecasts.dependence(y, x, resamples=500, seed=seed).sel(term="words")
        sd = float(found["sd"])
        for number, (name, truth) in enumerate((("slope", 0.3 + 0.5), ("within_slope", 0.3))):
            inside[number] += found[f"{name}_lower"] < truth * sd < found[f"{name}_upper"]
    for count, (least, most) in zip(inside, ((0.75, 0.95), (0.88, 0.92)), strict=True):
        low, high = stats.binomtest(int(count), 400).proportion_ci(0.99, method="wilson")
        assert low < most
        assert high > least


def test_times_are_matched_by_their_labels():
    y, x = pair(3, 0.5, 0.0)
    labelled = x.assign_coords(time=np.arange(30), trajectory=np.arange(12))
    some = y.assign_coords(time=np.arange(30), trajectory=np.arange(12)).isel(time=slice(4, None, 2))
    found = forecasts.dependence(some, labelled, resamples=20)
    flat = labelled["words"].values[:, 4::2].ravel(), some.values.ravel()
    assert float(found["rank_correlation"][0]) == pytest.approx(stats.spearmanr(*flat).statistic)


def test_what_does_not_fit_is_refused():
    y, x = pair(4, 0.5, 0.0)
    with pytest.raises(DataError, match="Choose one horizon"):
        forecasts.dependence(y.expand_dims(horizon=2), x)
    with pytest.raises(DataError, match="2 trajectories have both"):
        forecasts.dependence(y.isel(trajectory=[0, 1]), x.isel(trajectory=[0, 1]))
    with pytest.raises(DataError, match="same at all steps"):
        forecasts.dependence(y, x.assign(flat=(DIMS, np.ones((12, 30)))))
    for wrong in ({"bins": 0}, {"resamples": 0}, {"resamples": 1}):
        with pytest.raises(DataError, match="must be a whole number"):
            forecasts.dependence(y, x, **wrong)


@pytest.mark.parametrize("level", [0.0, 1000.0])
def test_a_measure_that_is_constant_within_trajectories_has_no_slope_there(level):
    y, x = pair(5, 0.5, 1.0)
    steady = level + x["words"].isel(time=[0] * 30).drop_vars("time", errors="ignore")
    found = forecasts.dependence(y, xr.Dataset({"words": (DIMS, steady.values)}), resamples=200).sel(
        term="words"
    )
    for name in ("within_slope", "within_rank_correlation"):
        assert all(np.isnan(float(found[name + end])) for end in ("", "_lower", "_upper")), name
    flat = steady.values.ravel(), y.values.ravel()
    assert float(found["slope"]) == pytest.approx(stats.linregress(*flat).slope * flat[0].std())
    assert float(found["slope_lower"]) < float(found["slope"]) < float(found["slope_upper"])


def test_a_bin_of_one_trajectory_has_the_interval_of_the_samples_that_hold_it():
    """Steps of trajectory 0 have the largest measure: its bin exists in 1 − (1 − 1/12)¹² = 65 % of samples."""
    y, x = pair(6, 0.0, 0.0)
    x["words"][0] += 100.0
    found = forecasts.dependence(y, x, bins=12, resamples=500).sel(term="words")
    ends = [float(found[name][-1]) for name in ("bin_error_lower", "bin_error", "bin_error_upper")]
    np.testing.assert_allclose(ends, y.values[0].mean())
    assert np.isfinite(found["bin_error_lower"]).all()
