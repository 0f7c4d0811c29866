from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sdebayes._core.errors import DataError
from sdebayes.analysis import forecasts
from sdebayes.data import trajectories


def forecast(means: list[float], sds: list[float], shape: tuple[int, int]) -> xr.Dataset:
    """Make a forecast of two states that is the same at every step, one normal law a draw."""
    mean = np.broadcast_to(np.array(means)[:, None, None, None], (len(means), *shape, 2))
    covariance = np.array(sds)[:, None, None, None, None] ** 2 * np.array([[1.0, 0.5], [0.5, 4.0]])
    covariance = np.broadcast_to(covariance, (len(means), *shape, 2, 2))
    dims = ("sample", "trajectory", "time", "state")
    return xr.Dataset({"mean": (dims, mean), "covariance": ((*dims, "state_bis"), covariance)})


def test_values_are_those_of_the_mixture():
    y = np.random.default_rng(0).standard_normal((3, 4, 2))
    y[1, 3:] = np.nan
    y[0, 1, 1] = np.nan
    pit = forecasts.pit(forecast([0.0, 1.0], [1.0, 2.0], (3, 4)), trajectories(y))
    assert pit.dims == ("trajectory", "time", "state")
    expected = 0.5 * stats.norm.cdf(y[2, 3, 1], 0, 2) + 0.5 * stats.norm.cdf(y[2, 3, 1], 1, 4)
    assert float(pit[2, 3, 1]) == pytest.approx(expected)
    np.testing.assert_array_equal(pit.isnull(), np.isnan(y))


def test_calibrated_forecasts_give_uniform_values_and_narrow_ones_do_not():
    y = np.random.default_rng(1).standard_normal((10, 100, 2)) * [1.0, 2.0]
    data = trajectories(y)
    right = forecasts.pit(forecast([0.0], [1.0], (10, 100)), data)
    narrow = forecasts.pit(forecast([0.0], [0.6], (10, 100)), data)
    assert stats.kstest(right.values.ravel(), "uniform").pvalue > 1e-3
    assert stats.kstest(narrow.values.ravel(), "uniform").pvalue < 1e-6


def test_forecasts_of_other_data_are_refused():
    data = trajectories(np.random.default_rng(1).standard_normal((2, 4, 2)))
    with pytest.raises(DataError, match=r"2 trajectories.*given to predict"):
        forecasts.pit(forecast([0.0], [1.0], (3, 4)), data)


def test_forecasts_of_other_coordinates_than_the_states_are_read_alike():
    data = trajectories(np.random.default_rng(0).normal(size=(2, 30, 2)))
    of_states = forecast([0.0, 1.0], [1.0, 2.0], (2, 30))
    of_others = of_states.rename(state="observed", state_bis="observed_bis")
    xr.testing.assert_identical(forecasts.pit(of_others, data), forecasts.pit(of_states, data))
