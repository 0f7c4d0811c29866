"""Scores of mixtures of normals against numerical integration, SciPy and brute force."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import integrate, stats
from scipy.special import logsumexp

from sdebayes._core.errors import DataError
from sdebayes.analysis import forecasts
from sdebayes.data import trajectories

SHAPE = (2, 4)


def mixture(draws: int, states: int, seed: int = 0) -> xr.Dataset:
    """Make a forecast over one horizon with another law at every draw and step."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=(draws, 1, *SHAPE, states))
    factor = rng.normal(size=(draws, 1, *SHAPE, states, states))
    covariance = factor @ factor.swapaxes(-1, -2) + 0.2 * np.eye(states)
    dims = ("sample", "horizon", "trajectory", "time", "state")
    names = observed(states).coords
    coords = {"horizon": [1], "trajectory": names["trajectory"].values, "state": names["state"].values}
    return xr.Dataset({"mean": (dims, mean), "covariance": ((*dims, "state_bis"), covariance)}, coords)


def observed(states: int, seed: int = 1) -> xr.Dataset:
    y = np.random.default_rng(seed).normal(size=(*SHAPE, states))
    return trajectories(y)


def law(forecast: xr.Dataset, i: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    here = forecast.isel(horizon=0, trajectory=i, time=k)
    return here["mean"].values, here["covariance"].values


@pytest.mark.parametrize("draws", [1, 2, 5, 6])
def test_crps_is_the_integral_over_the_distribution_function(draws):
    forecast, data = mixture(draws, 2), observed(2)
    found = forecasts.scores(forecast, data)["crps"]
    for i, k, j in ((0, 0, 0), (1, 3, 1)):
        mean, covariance = law(forecast, i, k)
        sd = np.sqrt(covariance[:, j, j])
        y = float(data["y"][i, k, j])

        def squared(x, mean=mean[:, j], sd=sd, y=y):
            return (stats.norm.cdf(x, mean, sd).mean() - (x >= y)) ** 2

        expected = sum(integrate.quad(squared, *ends)[0] for ends in ((-40, y), (y, 40)))
        assert float(found[0, i, k, j]) == pytest.approx(expected, rel=1e-7)


def test_energy_score_of_one_coordinate_is_its_crps_within_its_own_error():
    forecast, data = mixture(7, 1), observed(1)
    runs = [forecasts.scores(forecast, data, seed=seed) for seed in range(40)]
    energy = np.array([run["energy_score"].values for run in runs])
    variance = np.array([run["energy_variance"].values for run in runs]).mean(0)
    np.testing.assert_allclose(variance.mean(), energy.var(0, ddof=1).mean(), rtol=0.3)
    error = np.sqrt(variance / len(runs))
    z = (energy.mean(0) - runs[0]["crps"].values[..., 0]) / error
    assert np.abs(z).max() < 4


def test_energy_score_is_that_of_many_draws_by_brute_force():
    forecast, data = mixture(3, 4), observed(4)
    data["y"][0, 0, 2] = np.nan
    runs = [forecasts.scores(forecast, data, seed=seed)["energy_score"].values[0] for seed in range(60)]
    rng = np.random.default_rng(5)
    for i, k, some in ((0, 0, [0, 1, 3]), (1, 2, [0, 1, 2, 3])):
        mean, covariance = law(forecast, i, k)

        def draw(mean=mean, covariance=covariance):
            parts = [
                rng.multivariate_normal(m, c, size=20_000) for m, c in zip(mean, covariance, strict=True)
            ]
            return rng.permutation(np.concatenate(parts))

        x, other = draw()[:, some], draw()[:, some]
        y = data["y"].values[i, k, some]
        each = np.linalg.norm(x - y, axis=1) - 0.5 * np.linalg.norm(x - other, axis=1)
        mine = np.array([run[i, k] for run in runs])
        error = np.hypot(each.std() / np.sqrt(each.size), mine.std(ddof=1) / np.sqrt(mine.size))
        assert abs(mine.mean() - each.mean()) < 4 * error


def test_log_score_squared_error_and_pit_are_those_of_scipy():
    forecast, data = mixture(3, 2), observed(2)
    data["y"][1, 2, 0] = np.nan
    found = forecasts.scores(forecast, data).isel(horizon=0)
    for i, k, some in ((0, 1, [0, 1]), (1, 2, [1])):
        mean, covariance = law(forecast, i, k)
        y = data["y"].values[i, k, some]
        logs = [
            stats.multivariate_normal(m[some], c[np.ix_(some, some)]).logpdf(y)
            for m, c in zip(mean, covariance, strict=True)
        ]
        assert float(found["log_score"][i, k]) == pytest.approx(logsumexp(logs) - np.log(3))
        assert float(found["squared_error"][i, k, 1]) == pytest.approx((y[-1] - mean[:, 1].mean()) ** 2)
    assert found["crps"].isnull()[1, 2].values.tolist() == [True, False]
    single = forecast.isel(horizon=0, drop=True)
    np.testing.assert_allclose(found["pit"], forecasts.pit(single, data))


def test_forecasts_without_a_horizon_and_steps_without_a_forecast():
    forecast, data = mixture(2, 2), observed(2)
    forecast["mean"][:, :, 1, :2] = np.nan
    found = forecasts.scores(forecast.isel(horizon=0, drop=True), data)
    assert found["horizon"].values.tolist() == [1]
    for name in ("crps", "log_score", "energy_score"):
        assert found[name].isnull().values.reshape(2, 4, -1)[..., 0].tolist() == [
            [False] * 4,
            [True, True, False, False],
        ]


def test_forecasts_of_other_data_are_refused():
    with pytest.raises(DataError, match="given to forecast"):
        forecasts.scores(mixture(2, 3), observed(2))
    with pytest.raises(DataError, match="given to forecast"):
        forecasts.scores(mixture(2, 2).isel(trajectory=[0]), observed(2))
