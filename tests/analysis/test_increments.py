"""Increments and Allan deviations against their definitions and against closed forms."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sdebayes._core.errors import DataError
from sdebayes.analysis import moments
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift
from sdebayes.simulation import simulate

RATE, NOISE, PATHS = 0.2, 0.5, 800
OU = SDE(LinearDrift(jnp.array([[RATE]]), jnp.zeros(1)), ConstantDiffusion(jnp.eye(1)))
VARIANCE = 1 / (2 * RATE)


@pytest.fixture(scope="module")
def simulated() -> xr.Dataset:
    """One draw of many stationary paths, with white noise on them."""
    paths = simulate(OU, np.arange(80.0), paths=PATHS, seed=3)
    noise = np.sqrt(NOISE) * np.random.default_rng(0).normal(size=paths["y"].shape)
    return paths.assign(y=paths["y"] + noise)


def test_increments_are_those_of_the_pairs_that_were_seen():
    rng = np.random.default_rng(0)
    y = rng.gamma(2.0, size=(3, 9, 2))
    y[0, 2, 0] = np.nan
    y[2, 6:] = np.nan
    found = moments.increments(trajectories(y), [1, 4])
    step = np.concatenate([row[4:, 0] - row[:-4, 0] for row in y])
    step = step[np.isfinite(step)]
    place = found.sel(lag=4).isel(state=0)
    assert int(place.pairs_data) == len(step)
    assert float(place.mean_data) == pytest.approx(step.mean())
    assert float(place.mean_squared_displacement_data) == pytest.approx(np.mean(step**2))
    assert float(place.skewness_data) == pytest.approx(stats.skew(step))
    assert float(place.kurtosis_data) == pytest.approx(stats.kurtosis(step))


def test_moments_that_so_few_pairs_fix_are_not_known():
    found = moments.increments(trajectories(np.random.default_rng(0).normal(size=(1, 6, 1))), [2, 3, 4])
    np.testing.assert_array_equal(found["pairs_data"][:, 0], [4, 3, 2])
    np.testing.assert_array_equal(found["skewness_data"].notnull()[:, 0], [True, True, False])
    np.testing.assert_array_equal(found["kurtosis_data"].notnull()[:, 0], [True, False, False])
    assert bool(found["mean_squared_displacement_data"].notnull().all())


def test_the_mean_squared_displacement_of_a_noisy_ornstein_uhlenbeck_process(simulated):
    found = moments.increments(None, [1, 2, 5, 20], simulated)
    lag = found["lag"].values
    expected = 2 * VARIANCE * (1 - np.exp(-RATE * lag)) + 2 * NOISE
    own = simulated["y"].values[0, :, :, 0]
    error = np.array([np.mean((own[:, k:] - own[:, :-k]) ** 2, 1).std() for k in lag]) / np.sqrt(PATHS)
    assert found["mean_squared_displacement"].dims == ("sample", "lag", "state")
    assert np.all(np.abs(found["mean_squared_displacement"].values[0, :, 0] - expected) < 4 * error)
    assert np.all(np.abs(found["kurtosis"]) < 0.1)


def allan_variance(m: int) -> float:
    """Of the noisy process, from its autocovariances."""
    lags = np.arange(2 * m)
    covariance = VARIANCE * np.exp(-RATE * lags) + NOISE * (lags == 0)
    matrix = covariance[np.abs(np.subtract.outer(lags, lags))]
    weights = np.repeat([-1.0, 1.0], m) / m
    return float(0.5 * weights @ matrix @ weights)


def test_the_allan_deviation_of_a_noisy_ornstein_uhlenbeck_process(simulated):
    found = moments.allan_deviation(None, [1, 4, 16], simulated)
    expected = [np.sqrt(allan_variance(m)) for m in (1, 4, 16)]
    np.testing.assert_allclose(found["allan_deviation"].values[0, :, 0], expected, rtol=0.03)


def test_slopes_of_white_noise_and_of_a_random_walk():
    white = np.random.default_rng(1).normal(size=(1, 100_000, 1))
    lengths = [1, 2, 4, 8, 16, 32]
    slope = moments.allan_deviation(trajectories(white), lengths)["slope_data"].values[:, 0]
    np.testing.assert_allclose(slope, -0.5, atol=0.05)
    walk = moments.allan_deviation(trajectories(np.cumsum(white, axis=1)), [16, 32, 64])
    np.testing.assert_allclose(walk["slope_data"].values[:, 0], 0.5, atol=0.05)
    assert np.isnan(moments.allan_deviation(trajectories(white), [3])["slope_data"]).all()


def test_blocks_with_a_gap_do_not_count():
    y = np.arange(8.0).reshape(1, 8, 1) ** 2
    y[0, 3] = np.nan
    found = moments.allan_deviation(trajectories(y), [2])
    # Neighbouring blocks without step 3: only (16, 25) beside (36, 49).
    assert int(found["pairs_data"][0, 0]) == 1
    assert float(found["allan_deviation_data"][0, 0]) == pytest.approx((42.5 - 20.5) / np.sqrt(2))


def test_both_stand_beside_each_other(simulated):
    data = trajectories(simulated["y"].values[0, :5])
    found = moments.increments(data, 3, simulated)
    assert found["lag"].values.tolist() == [1, 2, 3]
    assert {"mean_squared_displacement", "mean_squared_displacement_data", "pairs_data"} <= set(found)
    assert "pairs" not in found


@pytest.mark.parametrize("lags", [0, 9, [2, 1], [3, 9], []])
def test_bad_lags(lags):
    data = trajectories(np.random.default_rng(0).normal(size=(2, 9, 1)))
    with pytest.raises(
        DataError,
        match=r"(expected growing whole numbers of steps from 1 to 8|must be a whole number, 1 or more, or several)",
    ):
        moments.increments(data, lags)
    with pytest.raises(DataError, match="neither data nor a simulation"):
        moments.allan_deviation(None)
