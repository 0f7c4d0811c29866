"""Student-t noise: its law, and its filter beside quadrature, the Kalman filter and its own draws."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import sdebayes as sb
from sdebayes.criticism.innovations import Judge
from sdebayes.likelihood import GaussianFilter, Kalman
from sdebayes.likelihood.arrays import read
from sdebayes.likelihood.gaussian_steps import predicted_observations
from sdebayes.model.student_t_noise import student_t_scales
from sdebayes.schemes import LocalLinearization

SCHEME = LocalLinearization()
TIMES = np.array([0.0, 0.3, 1.5])


def heavy(model, degrees_of_freedom: float):
    """Give a model noise of the same covariance and heavy tails."""
    scales = jax.jit(student_t_scales)(degrees_of_freedom)
    return eqx.tree_at(lambda m: m.noise_scales, model, scales, is_leaf=lambda leaf: leaf is None)


def filtered(effect: bool = True) -> GaussianFilter:
    return GaussianFilter(SCHEME, trajectory_effect=effect, linear=True)


@eqx.filter_jit
def log_density(likelihood, model, data):
    return likelihood.log_density(model, data)


@pytest.mark.parametrize("nu", [2.1, 3.0, 8.0, 200.0])
def test_the_mixture_is_a_student_t_of_unit_covariance(nu, x64):
    mixture = jax.jit(student_t_scales)(nu)
    scale = np.sqrt((nu - 2) / nu)
    x = scale * np.array([0.0, 0.5, 1.0, 3.0, 10.0])[: 5 if nu < 10 else 4]
    found = stats.norm.pdf(x[:, None], 0, np.sqrt(mixture.factors)) @ np.exp(mixture.log_weights)
    np.testing.assert_allclose(found, stats.t.pdf(x / scale, nu) / scale, rtol=0.01)


def brute_force(dense, y: np.ndarray, t: np.ndarray, nu: float, nodes: int) -> float:
    """Integrate the scales of all steps out of the joint law at once, on a grid of log λ."""
    logs = np.linspace(-9, 3, nodes)
    shares = stats.gamma(nu / 2, scale=2 / nu).pdf(np.exp(logs)) * np.exp(logs) * (logs[1] - logs[0])
    grid, weights = (
        np.stack(np.meshgrid(*[values] * len(t), indexing="ij"), -1).reshape(-1, len(t))
        for values in ((nu - 2) / nu * np.exp(-logs), shares)
    )
    mean, covariance, seen = dense.observations(y, t)
    noise = np.kron(np.eye(len(t)), dense.R)
    more = np.stack([np.kron(np.diag(row), np.ones_like(dense.R)) for row in grid - 1]) * noise
    S = covariance + more[:, seen][:, :, seen]
    residual = y.ravel()[seen] - mean
    square = np.einsum("i,gij,j->g", residual, np.linalg.inv(S), residual)
    densities = np.exp(-0.5 * (square + np.linalg.slogdet(2 * np.pi * S)[1]))
    return float(np.log(densities @ weights.prod(1)))


@pytest.mark.parametrize("outlier", [0.0, 8.0])
def test_the_density_is_that_of_brute_force(rotating, outlier, x64):
    """Of a single step to the quadrature's digits, of a whole trajectory as nearly as normal laws carry it."""
    y = np.array([[2.5, 0.3], [1.0 + outlier, np.nan], [0.5, -1.0]])
    data = read(sb.trajectories([y], t=[TIMES]))
    found = np.asarray(log_density(filtered(), heavy(rotating.observed_sde(), 3.0), data))[0]
    assert found[0] == pytest.approx(brute_force(rotating, y[:1], TIMES[:1], 3.0, 200), abs=1e-3)
    assert found.sum() == pytest.approx(brute_force(rotating, y, TIMES, 3.0, 25), abs=0.03)


@pytest.mark.thorough
def test_without_tails_it_is_the_kalman_filter(rotating, make_values, x64):
    times = [np.cumsum(np.random.default_rng(n).uniform(0.1, 1, 6)) for n in (0, 1)]
    data = read(sb.trajectories(make_values(0, [6, 6], 2, missing=0.3), t=times))
    one, kalman = rotating.observed_sde(), Kalman(SCHEME, True)
    near = heavy(one, 1e9)
    targets = jnp.arange(1, 6)

    @eqx.filter_jit
    def results(likelihood, model):
        laws = likelihood.one_step(model, data), likelihood.smooth(model, data)
        return likelihood.log_density(model, data), laws, likelihood.horizons(model, data, 2, targets)

    for pair in zip(*map(jax.tree.leaves, (results(filtered(), near), results(kalman, one))), strict=True):
        np.testing.assert_allclose(*pair, atol=1e-6)


@pytest.mark.thorough
def test_draws_are_uniform_under_the_forecasts(rotating, x64):
    """Of the scheme's own replicates, of the filter's law, and of simulated paths."""
    steps = np.arange(60) * 0.3
    data = read(sb.trajectories(list(np.random.default_rng(0).normal(size=(20, 60, 2))), t=[steps] * 20))
    model, likelihood = heavy(rotating.observed_sde(), 2.5), filtered()
    simulated = (
        sb.simulate(model, steps, paths=20, seed=0)["y"].squeeze("sample").transpose("path", "time", ...)
    )

    @eqx.filter_jit
    def transformed(values):
        found = likelihood.run(model, eqx.tree_at(lambda o: o.values, data, values))
        mean, S = predicted_observations(model, found, data.noise_factors(None))
        variance, noise = S[..., 0, 0], model.noise_covariance[0, 0]
        sd = jnp.sqrt(variance[..., None] + (model.noise_scales.factors - 1) * noise)
        z = (values[..., 0] - mean[..., 0])[..., None] / sd
        return jax.scipy.special.ndtr(z) @ jnp.exp(model.noise_scales.log_weights)

    draws = {
        "replicate": jax.jit(lambda key: likelihood.replicate(model, data, key))(jax.random.key(1)),
        "draw": jax.jit(lambda key: likelihood.draw(model, data, key))(jax.random.key(2)),
        "simulate": jnp.asarray(simulated.values),
    }
    for name, values in draws.items():
        assert stats.kstest(np.asarray(transformed(values)).ravel(), "uniform").pvalue > 0.005, name


def test_without_a_model_data_are_judged_by_the_noise_that_the_sde_has(rotating, x64):
    data = sb.trajectories([np.random.default_rng(1).normal(size=(5, 2))], t=[np.arange(5) * 0.3])
    for observed, kind in (
        (rotating.observed_sde(), Kalman),
        (heavy(rotating.observed_sde(), 4.0), GaussianFilter),
    ):
        assert type(Judge.of(observed, data).likelihood) is kind


@pytest.mark.thorough
def test_a_nonlinear_drift_has_the_same_filter(rotating, x64):
    data = read(sb.trajectories([np.random.default_rng(1).normal(size=(5, 2))], t=[np.arange(5) * 0.3]))
    model = heavy(rotating.observed_sde(), 4.0)
    linear, other = filtered(), GaussianFilter(SCHEME, trajectory_effect=True)
    found, expected = (log_density(law, model, data) for law in (other, linear))
    np.testing.assert_allclose(found, expected, rtol=1e-7)
