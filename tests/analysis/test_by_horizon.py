"""Averages over horizons against the closed forms of an autoregression whose law is known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sdebayes._core.errors import DataError
from sdebayes.analysis import forecasts
from sdebayes.data import trajectories

FLOW, SD, HORIZON = np.array([0.8, 0.5]), np.array([1.0, 2.0]), 3


def simulated(seed: int, count: int, length: int) -> xr.Dataset:
    """Draw two independent, stationary autoregressions."""
    rng = np.random.default_rng(seed)
    y = np.empty((count, length, 2))
    y[:, 0] = SD * rng.normal(size=(count, 2))
    for k in range(1, length):
        y[:, k] = FLOW * y[:, k - 1] + SD * np.sqrt(1 - FLOW**2) * rng.normal(size=(count, 2))
    return trajectories(y)


def forecast(data: xr.Dataset, flow: np.ndarray = FLOW, sd: np.ndarray = SD) -> xr.Dataset:
    """Predict with a known law: flow = 0 is climatology."""
    y = data["y"].values
    mean = np.full((1, HORIZON, *y[:, 1:].shape), np.nan)
    for h in range(1, HORIZON + 1):
        mean[0, h - 1, :, h - 1 :] = flow**h * y[:, :-h]
    ahead = np.arange(1, HORIZON + 1)
    spread = np.einsum("hi,ij->hij", sd**2 * (1 - flow ** (2 * ahead[:, None])), np.eye(2))
    covariance = np.where(np.isfinite(mean)[..., None], spread[:, None, None], np.nan)
    dims = ("sample", "horizon", "trajectory", "time", "state")
    coords = {"horizon": ahead, "time": data["time"].values[1:], "trajectory": data["trajectory"]}
    variables = {"mean": (dims, mean), "covariance": ((*dims, "state_bis"), covariance)}
    return xr.Dataset(variables, {**coords, "state": data["state"]})


@pytest.fixture(scope="module")
def table() -> xr.Dataset:
    data = simulated(0, 60, 150)
    both = {"model": forecast(data), "climatology": forecast(data, 0 * FLOW)}
    return forecasts.by_horizon(both, data)


def within(found: xr.DataArray, error: xr.DataArray, expected: np.ndarray) -> None:
    assert (np.abs(found.values - expected) < 4 * error.values).all()
    assert (error.values < 0.1).all()


def test_means_skills_and_gains_are_those_of_the_law(table):
    ahead = table["horizon"].values[:, None]
    left = 1 - FLOW ** (2 * ahead)
    model = table.sel(candidate="model")
    within(model["squared_error"] / SD**2, model["squared_error_standard_error"] / SD**2, left)
    within(model["crps"] / SD, model["crps_standard_error"] / SD, np.sqrt(left / np.pi))
    within(model["squared_error_skill"], model["squared_error_skill_standard_error"], 1 - left)
    within(model["crps_skill"], model["crps_skill_standard_error"], 1 - np.sqrt(left))
    within(model["log_gain"], model["log_gain_standard_error"], -0.5 * np.log(left).sum(1))
    entropy = 0.5 * np.log(2 * np.pi * np.e * left * SD**2).sum(1)
    within(model["log_score"], model["log_score_standard_error"], -entropy)


def test_the_baseline_has_neither_skill_nor_error(table):
    own = table.sel(candidate="climatology")
    for name in ("crps_skill", "squared_error_skill", "energy_score_skill", "log_gain"):
        np.testing.assert_allclose(own[name], 0, atol=1e-12)
        np.testing.assert_allclose(own[f"{name}_standard_error"], 0, atol=1e-12)
    assert table.attrs["baseline"] == "climatology"


def test_intervals_of_a_known_law_hold_what_they_promise(table):
    for nominal in (0.5, 0.9):
        here = table.sel(nominal=nominal)
        assert (here["coverage_lower"] < nominal + 0.01).all()
        assert (here["coverage_upper"] > nominal - 0.01).all()
        np.testing.assert_allclose(here["coverage"], nominal, atol=0.04)


@pytest.mark.thorough
def test_standard_errors_are_the_spread_over_data_sets():
    means, errors, skills, skill_errors = [], [], [], []
    for seed in range(40):
        data = simulated(100 + seed, 12, 40)
        both = {"model": forecast(data), "climatology": forecast(data, 0 * FLOW)}
        found = forecasts.by_horizon(both, data).sel(candidate="model")
        means.append(found["crps"].values)
        errors.append(found["crps_standard_error"].values)
        skills.append(found["crps_skill"].values)
        skill_errors.append(found["crps_skill_standard_error"].values)
    for values, own in ((means, errors), (skills, skill_errors)):
        ratio = np.sqrt(np.mean(np.square(own), 0)) / np.std(values, 0, ddof=1)
        np.testing.assert_allclose(ratio.mean(), 1, atol=0.15)


def test_every_horizon_is_judged_on_the_same_steps(table):
    assert (table["n_steps"] == 150 - HORIZON).all()
    assert table.sizes["trajectory"] == 60


def test_overconfident_forecasts_are_seen_by_their_reliability():
    data = simulated(1, 30, 80)
    wide, narrow = (
        forecasts.reliability(forecasts.scores(forecast(data, sd=factor * SD), data)["pit"])
        for factor in (1.0, 0.6)
    )
    levels = wide["nominal"].values[:, None]
    assert (wide["overall_lower"].values <= levels + 0.02).all()
    assert (wide["overall_upper"].values >= levels - 0.02).all()
    z = stats.norm.ppf(0.5 + levels / 2)
    np.testing.assert_allclose(
        narrow["overall"], np.broadcast_to(2 * stats.norm.cdf(0.6 * z) - 1, (10, 3)), atol=0.03
    )
    mean = wide["coverage"].mean("state")
    np.testing.assert_allclose(wide["overall"], mean)


def test_what_cannot_be_compared_is_refused():
    data = simulated(2, 3, 6)
    one = forecast(data)
    for arguments, message in (
        (({}, data), "no forecast"),
        (({"model": one, "other": one.isel(horizon=[0])}, data), "another horizon"),
        (({"model": one}, data.isel(trajectory=[0])), "given to forecast"),
    ):
        with pytest.raises(DataError, match=message):
            forecasts.by_horizon(*arguments)
    with pytest.raises(DataError, match="is no forecast; there are model"):
        forecasts.by_horizon({"model": one}, data, baseline="null")
    with pytest.raises(DataError, match="1 trajectories can be predicted"):
        forecasts.by_horizon({"model": one.isel(trajectory=[0])}, data.isel(trajectory=[0]))
    pit = forecasts.scores(one, data)["pit"]
    with pytest.raises(DataError, match="between 0 and 1"):
        forecasts.reliability(pit, nominal=[90.0])
    with pytest.raises(DataError, match="Fewer than two"):
        forecasts.reliability(pit.isel(trajectory=[0]))


def test_joint_scores_are_of_the_same_coordinates_for_all():
    """A state that one forecast leaves out for twenty steps takes these from every joint score, not from the others."""
    data = simulated(1, 6, 60)
    whole, part = forecast(data), forecast(data)
    part["mean"][..., :20, 1] = np.nan
    found = forecasts.by_horizon({"model": whole, "in part": part}, data)
    late = data.isel(time=slice(21 - HORIZON, None))
    alone = forecasts.by_horizon({"model": forecast(late), "again": forecast(late)}, late)
    np.testing.assert_allclose(
        found["log_score"].sel(candidate="model"), alone["log_score"].sel(candidate="model")
    )
    np.testing.assert_allclose(found["log_gain"], 0, atol=1e-12)
