from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sdebayes._core.errors import DataError
from sdebayes.analysis import summarize


def normal(n: int = 40_001) -> np.ndarray:
    return stats.norm.ppf((np.arange(n) + 0.5) / n)


@pytest.mark.smoke
def test_statistics_of_a_known_law():
    draws = stats.expon.ppf((np.arange(40_001) + 0.5) / 40_001)
    dataset = xr.Dataset({"rate": ("sample", draws)})
    equal = summarize(dataset, prob=0.8).rate
    np.testing.assert_allclose(equal, [1, 1, np.log(2), -np.log(0.9), -np.log(0.1)], rtol=2e-3)
    shortest = summarize(dataset, interval="hdi", prob=0.8).rate
    np.testing.assert_allclose(shortest.sel(statistic=["lower", "upper"]), [0, -np.log(0.2)], atol=2e-3)


def test_chain_and_draw_are_pooled_and_other_variables_stay():
    generator = np.random.default_rng(0)
    values = generator.standard_normal((2, 50, 3))
    dataset = xr.Dataset(
        {"x": (("chain", "draw", "state"), values), "data": ("state", [1.0, 2.0, 3.0])},
        coords={"state": ["a", "b", "c"], "draw": np.arange(50)},
        attrs={"seed": 1},
    )
    summary = summarize(dataset)
    assert summary.x.dims == ("statistic", "state")
    np.testing.assert_allclose(summary.x.sel(statistic="mean"), values.mean((0, 1)))
    np.testing.assert_allclose(summary.x.sel(statistic="sd"), values.reshape(100, 3).std(0, ddof=1))
    np.testing.assert_allclose(
        summary.x.sel(statistic="lower"), np.quantile(values.reshape(100, 3), 0.05, axis=0)
    )
    xr.testing.assert_equal(summary.data, dataset.data)
    assert summary.attrs == {"seed": 1, "interval": "eti", "prob": 0.9}
    xr.testing.assert_equal(summarize(xr.DataTree(dataset)), summary)


def test_missing_draws_are_left_out():
    values = np.array([[1.0, np.nan], [2.0, np.nan], [np.nan, np.nan], [4.0, 7.0]])
    summary = summarize(xr.DataArray(values, dims=("sample", "state"), name="x")).x
    np.testing.assert_allclose(summary.sel(statistic="mean"), [7 / 3, 7.0])
    np.testing.assert_allclose(summary.sel(statistic="median"), [2.0, 7.0])
    assert np.isnan(summary.sel(statistic="sd").values[1])
    assert summarize(xr.DataArray(values[:3], dims=("sample", "state"))).value[:, 1].isnull().all()


@pytest.mark.parametrize("interval", ["eti", "hdi"])
def test_one_draw_is_its_own_interval(interval):
    summary = summarize(xr.DataArray([3.0], dims="sample", name="x"), interval).x
    assert summary.sel(statistic=["mean", "median", "lower", "upper"]).values.tolist() == [3.0] * 4


@pytest.mark.parametrize("interval", ["eti", "hdi"])
def test_infinite_draws_count(interval):
    draws = np.array([[1.0, 1.0], [2.0, -np.inf], [np.inf, 3.0], [np.inf, 2.0], [np.nan, np.nan]])
    summary = summarize(xr.DataArray(draws, dims=("sample", "state")), interval, prob=0.5).value
    np.testing.assert_array_equal(summary.sel(statistic="median"), [np.inf, 1.5])
    np.testing.assert_array_equal(summary.sel(statistic="mean"), [np.inf, -np.inf])
    assert summary.sel(statistic="sd").isnull().all()
    expected = {"eti": [[1.75, -np.inf], [np.inf, 2.25]], "hdi": [[1.0, 1.0], [np.inf, 3.0]]}[interval]
    np.testing.assert_array_equal(summary.sel(statistic=["lower", "upper"]), expected)


@pytest.mark.parametrize("interval", ["eti", "hdi"])
def test_draws_that_are_all_infinite(interval):
    summary = summarize(xr.DataArray([np.inf] * 3, dims="sample"), interval).value
    np.testing.assert_array_equal(summary, [np.inf, np.nan, np.inf, np.inf, np.inf])


def test_predictive_intervals_pool_paths_too():
    draws = normal().reshape(1, -1)[:, :40_000].reshape(200, 200)
    summary = summarize(xr.DataArray(draws, dims=("sample", "path"), name="x"), over=("sample", "path")).x
    np.testing.assert_allclose(summary.sel(statistic=["lower", "upper"]), [-1.645, 1.645], atol=2e-3)


def test_bad_input(untyped):
    with pytest.raises(DataError, match=r"no draws.*found state"):
        summarize(xr.Dataset({"x": ("state", [1.0])}))
    with pytest.raises(DataError, match=r"prob=1\.5"):
        summarize(xr.Dataset({"x": ("sample", [1.0])}), prob=1.5)
    with pytest.raises(DataError, match="prob='a'"):
        summarize(xr.Dataset({"x": ("sample", [1.0])}), prob="a")
    for wrong in (np.zeros(3), None):
        with pytest.raises(DataError, match=r"dataset=.* must be a Dataset or a DataArray"):
            summarize(wrong)
    with pytest.raises(DataError, match="dimensions chain and found sample"):
        summarize(xr.Dataset({"x": ("sample", [1.0])}), over="chain")
    with pytest.raises(DataError, match="interval='sd'"):
        summarize(xr.Dataset({"x": ("sample", [1.0])}), interval="sd")
