"""The Gaussian filters against the exact Kalman filter of a linear SDE and the grid filter of a double well."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from scipy import stats

import sdebayes as sb
from sdebayes.dynamics import SDE, ConstantDiffusion, ObservedSDE, ParametricDiffusion, ParametricDrift
from sdebayes.likelihood import ExtendedKalman, GaussianFilter, TrajectoryLaw, UnscentedKalman
from sdebayes.likelihood.arrays import read
from sdebayes.likelihood.gaussian_steps import predicted_observations
from sdebayes.likelihood.linear_gaussian import kalman_filter, linear_gaussian, smooth
from sdebayes.schemes import LinearNoise, LocalLinearization
from tests.cases import first_of
from tests.schemes.fokker_planck import GridLaw

FILTERS = [ExtendedKalman(), UnscentedKalman()]
LENGTHS = [9, 5, 12]


def irregular(lengths: list[int]) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [np.cumsum(rng.choice([0.05, 0.4, 0.6], size=n)) + rng.normal() for n in lengths]


@eqx.filter_jit
def results(strategy, model, scheme, observations, effect: bool):
    """What a filter gives, and its smoother, and its laws of the observations."""
    likelihood = GaussianFilter(scheme, strategy, effect)
    filtered, smoothed = likelihood.run(model, observations), likelihood.smooth(model, observations)
    return filtered, smoothed, predicted_observations(model, filtered, observations.noise_factors(None))


@eqx.filter_jit
def filtered(strategy, model, observations):
    """What a filter alone gives, and its laws of the observations."""
    found = GaussianFilter(LinearNoise(), strategy, True).run(model, observations)
    return found, predicted_observations(model, found, observations.noise_factors(None))


@eqx.filter_jit
def log_density(strategy, model, observations):
    return GaussianFilter(LinearNoise(), strategy, True).log_density(model, observations)


def agree(strategy, dense, data, effect: bool, scheme=None, tolerance: float = 1e-8) -> None:
    """Compare every result of a filter with the exact filter of the same linear SDE."""
    scheme = scheme or LocalLinearization()
    observations = read(data)
    model = dense.observed_sde()

    @jax.jit
    def truth(model):
        steps = jnp.asarray(observations.steps)
        transitions = jax.vmap(lambda dt: scheme.affine_transition(model.sde.linear, dt))(steps)
        system = linear_gaussian(model, transitions, effect)
        exact = kalman_filter(system, observations)
        return system, exact, smooth(system, exact, observations)

    system, exact, (exact_mean, exact_covariance) = jax.tree.map(np.asarray, truth(model))

    both = results(strategy, model, scheme, observations, effect)
    found, (mean, covariance), (y_mean, y_covariance) = jax.tree.map(np.asarray, both)
    np.testing.assert_allclose(found.log_density, exact.log_density, rtol=tolerance, atol=tolerance)
    for i, n in enumerate(data["n_steps"].values):
        for name in ("predicted_mean", "predicted_covariance", "mean", "covariance"):
            np.testing.assert_allclose(
                getattr(found, name)[i, :n], getattr(exact, name)[i, :n], rtol=tolerance, atol=tolerance
            )
        H = system.matrix
        expected = np.asarray(exact.predicted_mean[i, :n]) @ H.T
        np.testing.assert_allclose(y_mean[i, :n], expected, rtol=tolerance, atol=tolerance)
        expected = H @ np.asarray(exact.predicted_covariance[i, :n]) @ H.T + system.noise
        np.testing.assert_allclose(y_covariance[i, :n], expected, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(mean[i, :n], exact_mean[i, :n], rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(covariance[i, :n], exact_covariance[i, :n], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("strategy", first_of(FILTERS), ids=repr)
def test_a_linear_sde_at_irregular_times_with_gaps_seen_through_a_matrix(
    partly_observed, make_values, strategy, x64
):
    values = make_values(1, LENGTHS, 2, missing=0.3)
    values[0][3:6] = np.nan
    values[2][0] = np.nan
    agree(strategy, partly_observed, sb.trajectories(values, t=irregular(LENGTHS)), True)


@pytest.mark.thorough
def test_another_scheme_filters_a_linear_sde_as_its_own_affine_law(rotating, make_values, x64):
    data = sb.trajectories(make_values(3, LENGTHS, 2), t=irregular(LENGTHS))
    agree(ExtendedKalman(), rotating, data, False, LinearNoise(steps=2))


def cubic(x, t, parameters):
    return x - x**3


def double_well(noise: float, effect: float = 0.0) -> ObservedSDE:
    """dX = (X − X³) dt + √½ dW, X(t₁) ~ N(0, 1), seen with noise and a trajectory effect."""
    sde = SDE(ParametricDrift(cubic, {}), ConstantDiffusion(jnp.sqrt(jnp.array([[0.5]]))))
    one = jnp.ones((1, 1))
    return ObservedSDE(sde, jnp.zeros(1), one, one, noise * one, effect * one)


def simulate(noise: float, effect: float, count: int = 12, steps: int = 100, dt: float = 0.2) -> np.ndarray:
    """Observations of the double well, (trajectory, time), by fine Euler–Maruyama steps."""
    rng = np.random.default_rng(0)
    x, h = rng.normal(size=count), dt / 100
    offset = np.sqrt(effect) * rng.normal(size=count)
    y = []
    for _ in range(steps):
        y.append(x + offset + np.sqrt(noise) * rng.normal(size=count))
        for _ in range(100):
            x = x + (x - x**3) * h + np.sqrt(0.5 * h) * rng.normal(size=count)
    return np.array(y).T


@pytest.fixture(scope="module")
def grid() -> GridLaw:
    return GridLaw(lambda x: x - x**3, 0.5, 0.2, (-3.2, 3.2, 401))


@pytest.mark.parametrize(
    ("noise", "extended", "unscented"), [(0.4, 0.006, 0.004), (1.5, 0.008, 0.004)], ids=["clear", "noisy"]
)
@pytest.mark.thorough
def test_a_double_well_against_the_grid_filter(grid, noise, extended, unscented, x64):
    """Nats per observation within the stated bounds; the unscented filter's means nearer than the extended one's."""
    y = simulate(noise, 0.0)
    y[0, 20:30] = np.nan
    truth = [np.array(part) for part in zip(*(grid.filter(row, noise, 0.0, 1.0) for row in y), strict=True)]
    observations = read(sb.trajectories(y[..., None], t=0.2))
    distances = []
    for strategy, bound in zip(FILTERS, (extended, unscented), strict=True):
        model = double_well(noise)
        found, (mean, covariance), _ = results(strategy, model, LinearNoise(), observations, False)
        assert abs(np.mean(found.log_density) - truth[0].sum() / y.size) < bound
        updates = np.asarray(found.mean)[..., 0] - truth[1] @ grid.x
        smooths = np.asarray(mean)[..., 0] - truth[2] @ grid.x
        distances.append([np.sqrt(np.mean(updates**2)), np.sqrt(np.mean(smooths**2))])
        spread = truth[2] @ grid.x**2 - (truth[2] @ grid.x) ** 2
        assert np.mean(np.asarray(covariance)[..., 0, 0]) == pytest.approx(np.mean(spread), rel=0.3)
    assert np.all(np.array(distances) < 0.12)
    assert distances[1][0] < distances[0][0]


def test_a_trajectory_effect_is_integrated_out(grid, x64):
    """Against the grid filter given c, averaged over c by Gauss–Hermite quadrature; nats per observation."""
    noise, effect = 0.4, 0.3
    y = simulate(noise, effect, count=8, steps=60)
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    given = np.array(
        [[grid.filter(row - np.sqrt(effect) * c, noise, 0.0, 1.0)[0].sum() for c in nodes] for row in y]
    )
    truth = np.log(np.exp(given - given.max(1, keepdims=True)) @ (weights / weights.sum())) + given.max(1)
    observations = read(sb.trajectories(y[..., None], t=0.2))
    found = log_density(ExtendedKalman(), double_well(noise, effect), observations).sum(-1)
    assert np.mean(np.asarray(found) - truth) / 60 == pytest.approx(0, abs=0.01)


def multiplicative() -> ObservedSDE:
    """Two coupled states with noise that grows with the first, seen through noise with an effect."""
    sde = SDE(
        ParametricDrift(
            lambda x, t, p: jnp.stack([p["a"] * jnp.tanh(x[1]) - x[0], jnp.sin(x[0]) - x[1]]),
            {"a": jnp.asarray(1.5)},
        ),
        ParametricDiffusion(lambda x, t, p: p["s"] * jnp.diag(1 + x**2), {"s": jnp.asarray(0.4)}),
    )
    return ObservedSDE(
        sde, jnp.zeros(2), 0.5 * jnp.eye(2), jnp.eye(2), jnp.diag(jnp.array([0.3, 0.2])), 0.1 * jnp.eye(2)
    )


@pytest.mark.parametrize("strategy", FILTERS, ids=repr)
@pytest.mark.thorough
def test_draws_have_the_law_whose_density_the_filter_computes(make_values, strategy, x64):
    """Under the law that they are drawn from, the whitened innovations are independent standard normals."""
    values = make_values(7, [12] * 300, 2, missing=0.2)
    observations = read(sb.trajectories(values, t=0.5))
    model = multiplicative()
    law = TrajectoryLaw(model, GaussianFilter(LinearNoise(), strategy, True), observations)
    drawn = jax.jit(law.sample)(jax.random.key(0))
    assert np.all(np.asarray(drawn)[~observations.seen] == 0)
    again = eqx.tree_at(lambda o: o.values, observations, drawn)
    _, (mean, covariance) = filtered(strategy, model, again)
    whole = observations.seen.all(-1)
    residual = (np.asarray(drawn) - np.asarray(mean))[whole]
    factor = np.linalg.cholesky(np.asarray(covariance)[whole])
    white = np.linalg.solve(factor, residual[..., None])[..., 0]
    assert stats.kstest(white.ravel(), stats.norm.cdf).pvalue > 0.01
    both = whole[:, 1:] & whole[:, :-1]
    series = np.full((*whole.shape, 2), np.nan)
    series[whole] = white
    neighbours = np.corrcoef(series[:, 1:][both].T, series[:, :-1][both].T)
    np.testing.assert_allclose(neighbours - np.eye(4), 0, atol=4 / np.sqrt(both.sum()))


@pytest.mark.thorough
def test_padding_changes_nothing(make_values, x64):
    values = make_values(4, [4, 30], 2, missing=0.1)
    alone, padded = (read(sb.trajectories(v, t=0.3)) for v in ([values[0], values[0]], values))
    short, long = (filtered(UnscentedKalman(), multiplicative(), o)[0] for o in (alone, padded))
    for part, same in zip(jax.tree.leaves(short), jax.tree.leaves(long), strict=True):
        np.testing.assert_allclose(part[0], same[0, :4], rtol=1e-10, atol=1e-12)
    assert np.all(np.asarray(long.log_density)[0, 4:] == 0)
    long = jax.tree.map(np.asarray, long)
    cheap = log_density(UnscentedKalman(), multiplicative(), padded)
    np.testing.assert_allclose(cheap, long.log_density, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(long.mean[0, 4:], np.broadcast_to(long.mean[0, 3], (26, 4)), rtol=1e-10)


@pytest.mark.parametrize("strategy", FILTERS, ids=repr)
@pytest.mark.thorough
def test_the_gradient_is_that_of_finite_differences(make_values, strategy, x64):
    observations = read(sb.trajectories(make_values(5, [4, 9], 2, missing=0.1), t=0.3))
    arrays, static = eqx.partition(multiplicative(), eqx.is_array)
    flat, unravel = ravel_pytree(arrays)
    flat = np.asarray(flat)

    @jax.jit
    @jax.value_and_grad
    def total(flat):
        model = eqx.combine(unravel(flat), static)
        return GaussianFilter(LinearNoise(), strategy, True).log_density(model, observations).sum()

    direction = np.random.default_rng(0).normal(size=flat.shape)
    P0, R, C = slice(4, 8), slice(-8, -4), slice(-4, None)
    assert flat.shape == (20,)
    for block in (P0, R, C):
        matrix = direction[block].reshape(2, 2)
        direction[block] = (matrix + matrix.T).ravel()
    h = 1e-5
    slope = float(total(flat + h * direction)[0] - total(flat - h * direction)[0]) / (2 * h)
    np.testing.assert_allclose(np.asarray(total(flat)[1]) @ direction, slope, rtol=1e-6)


def test_a_covariance_that_is_none_gives_no_number_and_no_error(make_values, x64):
    observations = read(sb.trajectories(make_values(6, [4, 9], 2), t=0.3))
    broken = eqx.tree_at(lambda m: m.noise_covariance, multiplicative(), -5.0 * jnp.eye(2))
    terms = log_density(ExtendedKalman(), broken, observations)
    assert not np.isfinite(np.asarray(terms).sum())


@pytest.mark.thorough
def test_single_precision_of_times_far_from_zero_keeps_the_steps(rotating, make_values):
    values = make_values(7, [8, 6], 2)
    values[1][3] = np.nan
    terms = []
    for start in (0.0, 1.7e9):
        times = [start + 0.3 * np.arange(len(v)) for v in values]
        observations = read(sb.trajectories(values, t=times))
        model = rotating.observed_sde()
        terms.append(log_density(ExtendedKalman(), model, observations))
    np.testing.assert_allclose(terms[1], terms[0], rtol=1e-3, atol=1e-4)
