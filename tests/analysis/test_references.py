"""Simple forecasts against dense normal conditioning and against data of their own kind."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sdebayes._core.errors import DataError
from sdebayes.analysis import forecasts
from sdebayes.analysis.forecasts.references import _levels, climatology, persistence, running_mean
from sdebayes.data import trajectories


def grid(data: xr.Dataset, horizon: int) -> xr.Dataset:
    """Make an empty forecast: one draw, everything valid that has enough steps before it."""
    ahead, time = np.arange(1, horizon + 1), data["time"].values[1:]
    shape = (3, horizon, data.sizes["trajectory"], len(time))
    valid = (time >= ahead[:, None])[:, None] & data["y"].notnull().any("state").values[:, 1:]
    n = data.sizes["state"]
    mean = np.where(valid[..., None], np.zeros((*shape, n)), np.nan)
    covariance = np.where(valid[..., None, None], np.zeros((*shape, n, n)), np.nan)
    dims = ("sample", "horizon", "trajectory", "time")
    coords = {"horizon": ahead, "trajectory": data["trajectory"], "time": time, "state": data["state"]}
    variables = {"mean": ((*dims, "state"), mean), "covariance": ((*dims, "state", "state_bis"), covariance)}
    return xr.Dataset(variables, coords)


def levelled(seed: int, count: int, length: int) -> xr.Dataset:
    """Draw steps without order around a level of each trajectory."""
    rng = np.random.default_rng(seed)
    level = rng.normal(size=(count, 1, 2)) * [1.0, 0.5] + [2.0, 0.0]
    return trajectories(level + rng.normal(size=(count, length, 2)) @ np.array([[1.0, 0.3], [0.0, 0.6]]))


def test_climatology_is_the_law_of_all_training_steps():
    training, data = levelled(0, 8, 30), levelled(1, 3, 6)
    found = climatology(grid(data, 2), training)
    assert found["mean"].sizes["sample"] == 1
    steps = training["y"].values.reshape(-1, 2)
    np.testing.assert_allclose(found["mean"][0, 1, 2, 3], steps.mean(0))
    np.testing.assert_allclose(found["covariance"][0, 1, 2, 3], np.cov(steps.T))
    assert found["mean"][0, 1, :, 0].isnull().all()


def test_the_running_mean_is_the_dense_normal_conditional():
    training, data = levelled(0, 30, 40), levelled(1, 3, 7)
    data["y"][1, 2] = np.nan
    found = running_mean(grid(data, 3), data, training)
    m, B, W = _levels(training["y"].values)
    for i, k, h in ((0, 1, 1), (1, 5, 2), (1, 4, 1), (2, 6, 3)):
        y = data["y"].values[i, : k - h + 1]
        y = y[np.isfinite(y).all(-1)]
        s = len(y)
        joint = np.kron(np.ones((s + 1, s + 1)), B) + np.kron(np.eye(s + 1), W)
        past, cross = joint[: 2 * s, : 2 * s], joint[2 * s :, : 2 * s]
        here = found.isel(sample=0, trajectory=i).sel(horizon=h, time=k)
        expected = m + cross @ np.linalg.solve(past, (y - m).ravel())
        np.testing.assert_allclose(here["mean"], expected)
        left = joint[2 * s :, 2 * s :] - cross @ np.linalg.solve(past, cross.T)
        np.testing.assert_allclose(here["covariance"], left)


def test_components_of_variance_are_those_of_the_process():
    training = levelled(2, 800, 20)
    m, B, W = _levels(training["y"].values)
    np.testing.assert_allclose(m, [2.0, 0.0], atol=0.15)
    np.testing.assert_allclose(B, np.diag([1.0, 0.25]), atol=0.15)
    np.testing.assert_allclose(W, [[1.0, 0.3], [0.3, 0.45]], atol=0.05)


def test_persistence_of_a_random_walk_is_calibrated_and_keeps_the_last_value():
    rng = np.random.default_rng(3)
    training, data = (trajectories(rng.normal(size=(40, 60, 2)).cumsum(1)) for _ in range(2))
    data["y"][0, 4, 1] = np.nan
    forecast = persistence(grid(data, 3), data, training)
    y = data["y"].values
    np.testing.assert_allclose(forecast["mean"].sel(horizon=2, time=6).values[0, 0], [y[0, 4, 0], y[0, 3, 1]])
    np.testing.assert_allclose(
        forecast["covariance"].sel(horizon=3, time=6).values[0, 5], 3 * np.eye(2), atol=0.4
    )
    pit = forecasts.scores(forecast, data)["pit"].sel(horizon=1)
    assert stats.kstest(pit.values[np.isfinite(pit.values)], "uniform").pvalue > 1e-3


def test_data_that_do_not_fit_are_refused():
    training, data = levelled(0, 8, 30), levelled(1, 3, 6)
    with pytest.raises(DataError, match="one StateSpace"):
        climatology(grid(data, 2), training.isel(state=[0]))
    with pytest.raises(DataError, match="too few for a covariance"):
        climatology(grid(data, 2), training.isel(trajectory=[0], time=slice(3)))
    with pytest.raises(DataError, match="other trajectories"):
        persistence(grid(data, 2), data.isel(trajectory=[0]), training)
    with pytest.raises(DataError, match="0 pairs of steps 3 apart"):
        persistence(grid(data, 3), data, training.isel(time=slice(3)))
    with pytest.raises(DataError, match="1 trajectories"):
        running_mean(grid(data, 2), data, training.isel(trajectory=[0]))
