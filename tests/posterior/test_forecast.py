"""Forecasts several steps ahead, against the dense multivariate normal of each draw."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import DataError
from tests.likelihood.dense import Dense
from tests.posterior.conftest import ornstein_uhlenbeck

HORIZON = 3


@pytest.fixture(params=["noisy", "exact"])
def posterior(request) -> sb.Posterior:
    return request.getfixturevalue(request.param)


def blinded(y: np.ndarray, k: int, h: int) -> np.ndarray:
    """What had been seen h steps before step k."""
    seen = y.copy()
    seen[k - h + 1 :] = np.nan
    return seen


def test_each_law_is_that_of_the_dense_normal_that_has_not_seen_the_last_steps(posterior, held_out):
    laws = sb.forecast(posterior, held_out, horizon=HORIZON, samples=2)
    assert laws["mean"].dims == ("sample", "horizon", "trajectory", "time", "state")
    stacked, ends = posterior.observed_sde(), held_out["n_steps"].values
    for index, sample in enumerate(laws["sample"].values):
        dense = Dense.of(stacked, int(sample))
        for i, end in enumerate(ends):
            y, t = held_out["y"].values[i, :end], held_out["t"].values[i, :end]
            for h in range(1, HORIZON + 1):
                here = laws.sel(horizon=h).isel(sample=index, trajectory=i)
                assert here["mean"].sel(time=[*range(1, h), *range(end, 9)]).isnull().all()
                for k in range(h, end):
                    mean, covariance = dense.predict(blinded(y, k, h), t, k)
                    np.testing.assert_allclose(here["mean"].sel(time=k), mean, atol=1e-8)
                    np.testing.assert_allclose(here["covariance"].sel(time=k), covariance, atol=1e-8)


def test_trajectories_that_share_their_steps_take_the_fast_path(posterior, held_out):
    shared = sb.trajectories(
        [y[:n] for y, n in zip(np.nan_to_num(held_out["y"].values), (7, 4, 9), strict=True)]
    )
    laws = sb.forecast(posterior, shared, horizon=HORIZON, samples=1)
    dense = Dense.of(posterior.observed_sde(), 0)
    for i, h, k in ((0, 1, 6), (1, 3, 3), (2, 3, 8), (2, 2, 2)):
        y, t = shared["y"].values[i, : k + 1], shared["t"].values[i, : k + 1]
        mean, covariance = dense.predict(blinded(y, k, h), t, k)
        here = laws.sel(horizon=h, time=k).isel(sample=0, trajectory=i)
        np.testing.assert_allclose(here["mean"], mean, atol=1e-8)
        np.testing.assert_allclose(here["covariance"], covariance, atol=1e-8)


def test_one_step_ahead_is_what_predict_says(posterior, held_out):
    laws = sb.forecast(posterior, held_out, horizon=1, samples=3).sel(horizon=1)
    predicted = posterior.predict(held_out, samples=3).sel(time=laws["time"])
    known = predicted["mean"].notnull()
    assert known.any()
    for name in ("mean", "covariance"):
        expected = predicted[name].where(known)
        np.testing.assert_allclose(laws[name].where(known), expected, atol=1e-8)


@pytest.mark.thorough
def test_thinned_targets_are_some_of_all(noisy, held_out):
    every = sb.forecast(noisy, held_out, horizon=2, samples=2)
    some = sb.forecast(noisy, held_out, horizon=2, samples=2, every=3)
    assert some["time"].values.tolist() == [1, 4, 7]
    np.testing.assert_allclose(some["mean"], every["mean"].sel(time=some["time"]))


def test_whole_numbers_of_numpy_are_taken(noisy, held_out, untyped):
    found = sb.forecast(noisy, held_out, horizon=np.int64(2), samples=1, every=np.int64(3))
    xr.testing.assert_equal(found, sb.forecast(noisy, held_out, horizon=2, samples=1, every=3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"horizon": 0}, "horizon=0"),
        ({"every": 0}, "every=0"),
        ({"horizon": 9}, r"9 steps, too few.*horizon=8"),
    ],
)
def test_what_cannot_be_predicted_is_refused(noisy, held_out, arguments, message):
    with pytest.raises(DataError, match=message):
        sb.forecast(noisy, held_out, **arguments)


@pytest.mark.thorough
def test_intervals_hold_new_trajectories_of_the_same_process_as_often_as_they_say(noisy):
    values = ornstein_uhlenbeck(77, [25] * 150, noise=0.6, effect=0.5)
    data = sb.trajectories(values)
    laws = sb.forecast(noisy, data, horizon=4, samples=40, every=2)
    pit = sb.analysis.forecasts.scores(laws, data)["pit"]
    found = sb.analysis.forecasts.reliability(pit, nominal=(0.5, 0.9))
    np.testing.assert_allclose(found["overall"].sel(nominal=0.9), 0.9, atol=0.03)
    np.testing.assert_allclose(found["overall"].sel(nominal=0.5), 0.5, atol=0.04)
