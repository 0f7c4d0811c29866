"""Kramers–Moyal coefficients of processes whose coefficients are known, with and without noise on the values."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from sdebayes._core.errors import DataError
from sdebayes.analysis import moments
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift
from sdebayes.simulation import simulate

RATE, NOISE = 0.05, 0.3
EDGES = [np.linspace(-2.0, 2.0, 11)]


def ornstein_uhlenbeck(scale: float) -> SDE:
    """With the stationary variance 1 where the scale is 1."""
    return SDE(
        LinearDrift(scale * RATE * jnp.eye(1), jnp.zeros(1)),
        ConstantDiffusion(np.sqrt(2 * RATE) * jnp.eye(1)),
    )


def deviations(found: xr.Dataset, name: str, truth: np.ndarray) -> np.ndarray:
    """Errors of the data's coefficients in standard errors."""
    error = found[f"{name}_standard_error_data"].values
    return ((found[f"{name}_data"].values - truth.reshape(error.shape)) / error).ravel()


def noisy(x: np.ndarray) -> np.ndarray:
    return x + np.sqrt(NOISE) * np.random.default_rng(1).normal(size=x.shape)


@pytest.fixture(scope="module")
def paths() -> np.ndarray:
    return simulate(ornstein_uhlenbeck(1.0), np.arange(200.0), paths=200, seed=3)["y"].values[0]


def test_geometric_brownian_motion():
    # The exact solution, from X(0) = 1: no discretisation error in the data.
    growth, volatility, dt = 0.5, 0.6, 0.01
    z = np.random.default_rng(0).normal(size=(600, 150))
    x = np.exp(np.cumsum((growth - volatility**2 / 2) * dt + volatility * np.sqrt(dt) * z, axis=1))
    edges = [np.linspace(0.5, 2.5, 21)]
    found = moments.kramers_moyal(trajectories(x[..., None], t=dt), lags=2, bins=edges)
    centre = found["grid_x1"].values
    assert np.abs(deviations(found, "drift", growth * centre)).max() < 4
    diffusion = volatility**2 / 2 * centre**2
    assert np.abs(deviations(found, "diffusion", diffusion)).max() < 4
    assert np.mean(found["diffusion_data"].values[:, 0, 0] / diffusion) == pytest.approx(1, abs=0.02)
    assert np.abs(deviations(found, "fourth_coefficient", np.zeros(20))).max() < 4
    assert np.abs(found["pawula_ratio_data"]).max() < 0.02


def test_one_lag_leaves_the_ratio_of_a_normal_step():
    step = np.random.default_rng(0).normal(size=(100, 2000, 1))
    found = moments.kramers_moyal(trajectories(np.cumsum(step, 1)), lags=1, degree=1, bins=3)
    assert np.abs(deviations(found, "pawula_ratio", np.full(3, 0.5))).max() < 4


def test_jumps_show_in_the_fourth_coefficient():
    rate, size, dt = 0.8, 1.5, 0.05
    generator = np.random.default_rng(0)
    count = generator.poisson(rate * dt, size=(200, 400))
    x = np.cumsum(size * np.sqrt(count) * generator.normal(size=count.shape), axis=1)
    found = moments.kramers_moyal(trajectories(x[..., None], t=dt), bins=3)
    # D₂ = λ s²/2 and D₄ = λ 3s⁴/24.
    assert np.abs(deviations(found, "diffusion", np.full(3, rate * size**2 / 2))).max() < 4
    assert np.abs(deviations(found, "pawula_ratio", np.full(3, 0.5 / rate))).max() < 4
    assert (found["pawula_ratio_data"] > 5 * found["pawula_ratio_standard_error_data"]).all()


def test_noise_misleads_the_naive_estimate_and_is_removed(paths):
    data = trajectories(noisy(paths))
    removed = moments.kramers_moyal(data, lags=6, bins=EDGES, noise=NOISE)
    naive = moments.kramers_moyal(data, lags=1, bins=EDGES, degree=1)
    centre = removed["grid_x1"].values
    np.testing.assert_allclose(centre, naive["grid_x1"])
    for name, truth in (("drift", -RATE * centre), ("diffusion", np.full(10, RATE))):
        assert np.abs(deviations(removed, name, truth)).max() < 4
        assert np.abs(deviations(naive, name, truth)).max() > 5
    assert "pawula_ratio_data" not in removed


def test_little_noise_changes_little(paths):
    data = trajectories(paths)
    exact, small = (moments.kramers_moyal(data, lags=6, bins=EDGES, noise=noise) for noise in (None, 1e-6))
    error = small["drift_standard_error_data"].values
    np.testing.assert_array_less(np.abs((small["drift_data"] - exact["drift_data"]).values), 3 * error)


@pytest.mark.thorough
def test_two_states_have_a_drift_and_a_diffusion_each():
    rates = RATE * np.array([[1.0, 1.0], [-1.0, 1.0]])
    factor = np.sqrt(2 * RATE) * np.array([[1.0, 0.0], [0.6, 0.8]])
    sde = SDE(LinearDrift(jnp.asarray(rates), jnp.zeros(2)), ConstantDiffusion(jnp.asarray(factor)))
    y = simulate(sde, np.arange(200.0), paths=200, seed=2)["y"].values[0]
    edges = [np.linspace(-1.5, 1.5, 5)] * 2
    found = moments.kramers_moyal(trajectories(noisy(y)), (1, 0), 6, edges, noise=NOISE)
    assert found["drift_data"].dims == ("grid_x2", "grid_x1", "state")
    assert list(found["state"].values) == ["x2", "x1"]
    place = np.stack(np.meshgrid(found["grid_x1"], found["grid_x2"]), -1)
    assert np.abs(deviations(found, "drift", (-place @ rates.T)[..., ::-1])).max() < 4.5
    covariance = np.broadcast_to((factor @ factor.T)[::-1, ::-1] / 2, (4, 4, 2, 2))
    assert np.abs(deviations(found, "diffusion", covariance)).max() < 4.5


@pytest.mark.thorough
def test_simulations_stand_beside_the_data(paths):
    draws = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(ornstein_uhlenbeck, (1.0, 3.0)))
    simulated = simulate(draws, np.arange(200.0), paths=100, seed=5)
    simulated = simulated.assign(y=(simulated["y"].dims, noisy(simulated["y"].values)))
    noise = xr.DataArray([[NOISE], [NOISE]], {"sample": [0, 1], "state": ["x1"]}, ("sample", "state"))
    both = moments.kramers_moyal(trajectories(noisy(paths)), (0,), 6, EDGES, simulated, noise=noise)
    assert both["drift"].dims == ("sample", "grid_x1", "state")
    centre = both["grid_x1"].values
    slopes = [np.polyfit(centre, both["drift"].values[s, :, 0], 1)[0] for s in (0, 1)]
    np.testing.assert_allclose(slopes, [-RATE, -3 * RATE], rtol=0.15)
    probability = moments.predictive_p_values(both)
    assert set(probability) == {"drift", "diffusion"}
    alone = moments.kramers_moyal(None, (0,), 6, EDGES, simulated, noise=NOISE)
    np.testing.assert_allclose(alone["diffusion"], both["diffusion"], rtol=1e-6)


def test_too_few_values_under_noise_give_no_coefficients():
    data = trajectories(np.random.default_rng(0).normal(size=(1, 40, 1)))
    found = moments.kramers_moyal(data, noise=0.3)
    assert found["drift_data"].isnull().all()
    assert found["diffusion_data"].isnull().all()


def test_cells_without_increments_are_missing():
    y = np.random.default_rng(0).normal(size=(30, 50, 1))
    found = moments.kramers_moyal(trajectories(y), bins=[np.array([-1.0, 0.0, 1.0, 50.0, 60.0])])
    assert np.isnan(found["drift_data"].values[:, 0]).tolist() == [False, False, False, True]
    assert int(found["count_data"][3]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"states": "x1"}, "states='x1' must be a list"),
        ({"states": ("x9",)}, "no state 'x9'"),
        ({"lags": 1}, "needs 2 lags; got 1"),
        ({"lags": 2, "noise": 1.0}, "needs 3 lags; got 2"),
        ({"noise": -1.0}, "noise=-1.0 must be a finite number, 0 or more"),
        ({"noise": 50.0}, "not below"),
        ({"noise": xr.DataArray([1.0], {"state": ["x7"]}, "state")}, "states x7"),
        ({"bins": 2}, "bins=2"),
        ({"bins": [[0.0, 1.0]]}, "four increasing edges"),
        ({"lags": 99}, "expected growing whole numbers"),
    ],
)
def test_bad_arguments(paths, arguments, message):
    with pytest.raises(DataError, match=message):
        moments.kramers_moyal(trajectories(paths[:3, :20]), **arguments)


def test_irregular_times_are_refused(paths):
    data = trajectories(paths[:3, :20], t=np.arange(20.0) ** 1.1)
    with pytest.raises(DataError, match="regular times"):
        moments.kramers_moyal(data)
    tiny = trajectories(paths[:3, :20], t=1e-9 * np.arange(20.0) ** 1.1)
    with pytest.raises(DataError, match="regular times"):
        moments.kramers_moyal(tiny)
    with pytest.raises(DataError, match="neither data nor a simulation"):
        moments.kramers_moyal(None)
