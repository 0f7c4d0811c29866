"""Lyapunov exponents against closed forms, quadrature and literature."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binomtest

from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space import lyapunov_exponents
from sdebayes.datasets import benchmark
from sdebayes.dynamics import SDE, ConstantDiffusion, ParametricDiffusion, ParametricDrift


def _off(result, expected):
    """The distance from what is expected, in Monte-Carlo standard errors."""
    return np.abs((result["exponent"] - expected) / result["standard_error"]).values


def test_linear_drifts_have_the_real_parts_of_their_eigenvalues(rotation):
    found = lyapunov_exponents(rotation, 10.0)
    np.testing.assert_allclose(found["exponent"], [[-0.1, -0.5, -0.5], [-0.2, -1.0, -1.0]])
    np.testing.assert_array_equal(found["standard_error"], 0.0)


@pytest.mark.parametrize("noise", [False, True])
def test_a_linear_drift_in_a_users_function_agrees(noise):
    rates = jnp.array([[-0.3, 2.0], [0.0, -1.0]])
    sde = SDE(ParametricDrift(lambda x, t, p: p["A"] @ x, {"A": rates}), ConstantDiffusion(jnp.eye(2)))
    found = lyapunov_exponents(sde, 200.0, [1.0, 1.0], noise=noise, paths=1)
    np.testing.assert_allclose(found["exponent"][0], [-0.3, -1.0], atol=1e-2)


def test_geometric_brownian_motion():
    """dX = a X dt + σ X dW: a − σ²/2 for each of two draws."""

    drift, diffusion = (lambda x, t, p: p["a"] * x), (lambda x, t, p: p["s"] * jnp.diag(x))
    sdes = [
        SDE(
            ParametricDrift(drift, {"a": jnp.asarray(a)}),
            ParametricDiffusion(diffusion, {"s": jnp.asarray(sigma)}),
        )
        for a, sigma in ((0.1, 0.5), (-0.2, 0.4))
    ]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *sdes)
    found = lyapunov_exponents(stacked, 300.0, [1.0], paths=16, seed=1)
    expected = np.array([0.1 - 0.125, -0.2 - 0.08])[:, None]
    assert _off(found, expected).max() < 3.5
    closed = np.array([0.5, 0.4])[:, None] / np.sqrt(300 * 20 / 22 * 16)
    np.testing.assert_allclose(found["standard_error"], closed, rtol=0.2)


def _noisy_well(g: float) -> tuple[SDE, float]:
    """dX = (X − X³) dt + g dW, and the mean of 1 − 3x² under its stationary density exp((x² − x⁴/2)/g²)."""
    sde = SDE(ParametricDrift(lambda x, t, p: x - x**3, {}), ConstantDiffusion(g * jnp.eye(1)))

    def density(x):
        return np.exp((x**2 - 0.5 * x**4) / g**2)

    return sde, quad(lambda x: (1 - 3 * x**2) * density(x), -6, 6)[0] / quad(density, -6, 6)[0]


def test_noise_in_a_double_well_brings_paths_together():
    sde, mean = _noisy_well(0.8)
    found = lyapunov_exponents(sde, 400.0, [0.5], paths=16)
    assert _off(found, mean).max() < 3.5
    assert float(found["standard_error"][0, 0]) < 0.05


@pytest.mark.slow
def test_the_error_covers():
    """400 runs with noise of their own: two standard errors hold the exponent in 95 % of them."""
    sde, mean = _noisy_well(1.0)
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf] * 400), sde)
    found = lyapunov_exponents(stacked, 300.0, [0.5], paths=2, samples=400)
    z = (found["exponent"] - mean) / found["standard_error"]
    interval = binomtest(int((np.abs(z) < 1.96).sum()), 400).proportion_ci(0.99, "wilson")
    assert interval.low < 0.95 < interval.high
    assert abs(float(z.mean())) < 0.35


@pytest.mark.thorough
def test_the_limit_cycle_has_a_zero_and_its_floquet_exponent():
    _, sde = benchmark("limit_cycle", 3, 0.1)
    found = lyapunov_exponents(sde, 100.0, [1.0, 0.2], noise=False, paths=1)
    np.testing.assert_allclose(found["exponent"][0], [0.0, -2.0], atol=5e-3)


@pytest.mark.thorough
def test_lorenz_has_the_exponents_of_the_literature():
    """0.9056, 0, −14.572 (Sprott 2003, Chaos and Time-Series Analysis); their sum is the divergence, −41/3."""
    _, sde = benchmark("lorenz63", 3, 0.01)
    starts = np.array([1.0, 1.0, 25.0]) + np.random.default_rng(0).normal(size=(8, 3))
    found = lyapunov_exponents(sde, 400.0, starts, noise=False, paths=8)
    np.testing.assert_allclose(found["exponent"].sum(), -41 / 3, rtol=1e-4)
    assert _off(found, [0.9056, 0.0, -14.5723])[0, 0] < 3.5
    assert float(found["standard_error"][0, 0]) < 0.02
    np.testing.assert_allclose(found["exponent"][0, 1], 0.0, atol=0.03)


def test_a_path_that_runs_away_is_refused():
    away = SDE(ParametricDrift(lambda x, t, p: x**3, {}), ConstantDiffusion(jnp.eye(1)))
    with pytest.raises(DataError, match="fast near x0"):
        lyapunov_exponents(away, 50.0, [1.0], paths=2)


def test_the_duration_must_be_positive(double_well):
    with pytest.raises(DataError, match="positive"):
        lyapunov_exponents(double_well, 0.0, [0.0, 0.0])


def test_the_start_must_fit(double_well):
    with pytest.raises(DataError, match="x0 has the shape"):
        lyapunov_exponents(double_well, 1.0, np.zeros((3, 2)), paths=2)
