from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import xarray as xr
from scipy import stats

from sdebayes._core.errors import DataError
from sdebayes.datasets import benchmark

POINTS = {
    "ornstein_uhlenbeck": ([1.0, 2.0], [-5.0, 0.0], [[1.0, 0.0], [0.0, 1.0]]),
    "ornstein_uhlenbeck_1d": ([3.0], [-3.0], [[2.0]]),
    "double_well": ([2.0, 3.0], [-6.0, -3.0], [[0.5, 0.0], [0.0, 0.5]]),
    "double_well_1d": ([2.0], [-20.0], [[0.25]]),
    "multiplicative_double_well": ([2.0], [-6.0], [[10.0]]),
    "bounded_noise": ([0.5], [-0.5], [[2 * 0.75**2]]),
    "limit_cycle": ([2.0, 0.0], [-6.0, 4.0], [[0.2, 0.0], [0.0, 0.2]]),
    "lorenz63": ([1.0, 2.0, 3.0], [10.0, 23.0, -6.0], np.eye(3)),
    "fitzhugh_nagumo": ([0.0, 1.0], [-0.5, -0.008], 1e-4 * np.eye(2)),
}


@pytest.mark.parametrize("name", POINTS)
def test_the_returned_sde_is_the_one_described(name):
    _, sde = benchmark(name, 3, 0.01)
    x, drift, covariance = POINTS[name]
    np.testing.assert_allclose(sde.drift(jnp.asarray(x)), drift, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(sde.covariance(jnp.asarray(x)), covariance, rtol=1e-5, atol=1e-7)


@pytest.mark.thorough
def test_three_dimensional_process_is_stable_and_rotates():
    _, sde = benchmark("rotating_ornstein_uhlenbeck_3d", 3, 0.1)
    rates = np.linalg.eigvals(np.asarray(sde.drift.matrix, float))
    assert (rates.real > 0).all()
    assert (rates.imag != 0).sum() == 2


def test_linear_data_have_the_stationary_covariance():
    data, sde = benchmark("rotating_ornstein_uhlenbeck_3d", 3, 5.0, n_trajectories=4000, seed=1)
    first = data.y.values[:, 0]
    rates, factor = np.asarray(sde.drift.matrix, float), np.asarray(sde.diffusion.factor, float)
    expected = scipy.linalg.solve_continuous_lyapunov(rates, factor @ factor.T)
    error = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / len(first))
    assert (np.abs(first.T @ first / len(first) - expected) < 4.5 * error).all()


@pytest.mark.thorough
def test_double_well_data_have_their_stationary_density():
    grid = np.linspace(-3, 3, 3001)
    weights = np.exp(4 * (grid**2 / 2 - grid**4 / 4))
    distribution = np.cumsum(weights) / weights.sum()
    data, _ = benchmark("double_well", 200, 0.1, n_trajectories=1500, seed=2)
    last = data.y.values[:, -1, 0]
    assert stats.kstest(last, lambda q: np.interp(q, grid, distribution)).pvalue > 1e-3


@pytest.mark.smoke
def test_shapes_times_and_seeds():
    data, _ = benchmark("limit_cycle", 20, 0.05, n_trajectories=3, seed=4)
    assert data.y.dims == ("trajectory", "time", "state")
    assert data.y.shape == (3, 20, 2)
    np.testing.assert_allclose(data.t.values, np.tile(0.05 * np.arange(20), (3, 1)))
    xr.testing.assert_identical(data, benchmark("limit_cycle", 20, 0.05, n_trajectories=3, seed=4)[0])
    assert not np.allclose(data.y, benchmark("limit_cycle", 20, 0.05, n_trajectories=3, seed=5)[0].y)
    assert len(np.unique(data.y.values)) == data.y.size


def test_noise_is_added_to_the_same_paths():
    clean, _ = benchmark("ornstein_uhlenbeck", 4000, 0.1)
    noisy, _ = benchmark("ornstein_uhlenbeck", 4000, 0.1, noise=0.3)
    difference = (noisy.y - clean.y).values[0]
    assert difference.std() == pytest.approx(0.3, rel=0.05)
    assert abs(np.corrcoef(difference[1:, 0], difference[:-1, 0])[0, 1]) < 4.5 / np.sqrt(4000)


def test_the_true_sde_can_be_read_in_the_precision_of_the_caller():
    _, sde = benchmark("lorenz63", 3, 0.01)
    assert jax.vmap(lambda x: sde.drift(x))(jnp.ones((4, 3))).dtype == jnp.float32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("spiral", 10, 0.1), "no benchmark 'spiral'; choose one of .*double_well"),
        (("double_well", 2, 0.1), "n_steps=2"),
        (("double_well", 10, 0.0), "dt=0.0"),
        (("double_well", 10, 0.1, 0), "n_trajectories=0"),
        (("lorenz63", 10, 2.0), "became infinite.*dt shorter"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(DataError, match=message):
        benchmark(*arguments)
