"""Scaling exponents of processes that have one, and of the Ornstein–Uhlenbeck process by its closed form."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes._core.errors import DataError
from sdebayes.analysis import moments
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift
from sdebayes.paths import trajectories
from sdebayes.simulation import simulate

LAGS = [1, 2, 4, 8]
WHITE = np.random.default_rng(0).normal(size=(60, 400, 2))


@pytest.mark.parametrize(
    ("values", "displacement", "allan"),
    [(WHITE, 0.0, -0.5), (np.cumsum(WHITE, axis=1), 1.0, None)],
)
def test_white_noise_and_a_random_walk(values, displacement, allan):
    data = trajectories(values)
    found = moments.displacement_exponent(data, LAGS)
    error = found["slope_standard_error_data"]
    assert (np.abs(found["slope_data"] - displacement) < 4 * error).all()
    assert (error < 0.1).all()
    if allan is not None:
        found = moments.allan_exponent(data, LAGS)
        assert (np.abs(found["slope_data"] - allan) < 4 * found["slope_standard_error_data"]).all()


def test_long_blocks_of_a_random_walk():
    # The Allan variance of a random walk sampled at each step is proportional to (2m² + 1)/m.
    data = trajectories(np.cumsum(WHITE, axis=1))
    found = moments.allan_exponent(data, LAGS)
    m = np.array(LAGS)
    expected = 0.5 * np.polyfit(np.log(m), np.log((2 * m**2 + 1) / m), 1)[0]
    assert (np.abs(found["slope_data"] - expected) < 4 * found["slope_standard_error_data"]).all()


@pytest.mark.parametrize(("steps", "segments"), [(100, 4), (2000, 40)])
@pytest.mark.parametrize("exponent", [moments.displacement_exponent, moments.allan_exponent])
def test_a_single_trajectory_has_an_error_of_the_right_size(exponent, steps, segments):
    estimates, errors = [], []
    for seed in range(80):
        walk = np.cumsum(np.random.default_rng(seed).normal(size=(1, steps, 1)), axis=1)
        found = exponent(trajectories(walk), LAGS)
        assert found.attrs["segments"] == segments
        estimates.append(float(found["slope_data"][0]))
        errors.append(float(found["slope_standard_error_data"][0]))
    # The spread of 80 estimates is known to 8 %, the mean square of their errors to 2 to 5 %.
    assert np.std(estimates) == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=0.25)


def test_simulations_of_an_ornstein_uhlenbeck_process_stand_beside_data():
    rate = 0.3
    sde = SDE(LinearDrift(rate * jnp.eye(1), jnp.zeros(1)), ConstantDiffusion(jnp.eye(1)))
    simulated = simulate(sde, np.arange(100.0), paths=2000, seed=1)
    found = moments.displacement_exponent(trajectories(simulated["y"].values[0]), LAGS, simulated)
    expected = np.polyfit(np.log(LAGS), np.log(1 - np.exp(-rate * np.array(LAGS))), 1)[0]
    assert float(found["slope_data"][0]) == pytest.approx(float(found["slope"][0, 0]))
    assert abs(float(found["slope"][0, 0]) - expected) < 4 * float(found["slope_standard_error_data"][0])


def test_the_local_slope_of_displacements():
    line = np.arange(30.0)[None, :, None] * np.ones((2, 1, 1))
    found = moments.increments(trajectories(line), [1, 2, 4])
    np.testing.assert_allclose(found["slope_data"], 2.0)
    assert np.isnan(moments.increments(trajectories(line), [3])["slope_data"]).all()


def test_one_lag_has_no_slope():
    with pytest.raises(DataError, match="two lags or more"):
        moments.displacement_exponent(trajectories(WHITE), [3])
    with pytest.raises(DataError, match="neither data nor a simulation"):
        moments.allan_exponent(None)
