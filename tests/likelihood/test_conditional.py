"""The law of a step given others of its trajectory, against conditioning in one dense multivariate normal."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed
from scipy.stats import multivariate_normal

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.likelihood import GaussianFilter
from sdebayes.likelihood.arrays import read
from sdebayes.likelihood.conditional import Conditional
from sdebayes.schemes import LocalLinearization
from tests.likelihood.dense import Dense

SCHEME = LocalLinearization()


def dense_law(dense, t: np.ndarray, k: int, known: np.ndarray, y: np.ndarray, scales=None):
    """Mean and covariance of y_k, all entries, given the entries of y that are known, (time, observed)."""
    width = dense.H.shape[0]
    mean, covariance, map_to_y = dense.joint(t)
    noise = np.kron(np.diag(np.ones(len(t)) if scales is None else scales), dense.R)
    mean, covariance = map_to_y @ mean, map_to_y @ covariance @ map_to_y.T + noise
    own, rest = slice(k * width, (k + 1) * width), np.flatnonzero(known.ravel())
    if not rest.size:
        return mean[own], covariance[own, own]
    gain = np.linalg.solve(covariance[np.ix_(rest, rest)], covariance[rest, own]).T
    return mean[own] + gain @ (y.ravel()[rest] - mean[rest]), covariance[own, own] - gain @ covariance[
        rest, own
    ]


def known_to(given: str, seen: np.ndarray, k: int) -> np.ndarray:
    steps = np.arange(len(seen))[:, None]
    return seen & {"past": steps < k, "others": steps != k, "nothing": steps < 0}[given]


def agree(found: Conditional, dense, data, given: str, scales=None, tolerance: float = 1e-8) -> None:
    for i, n in enumerate(data["n_steps"].values):
        y, t = data["y"].values[i, :n], data["t"].values[i, :n]
        seen = np.isfinite(y)
        for k in range(n):
            mean, S = dense_law(dense, t, k, known_to(given, seen, k), y, scales)
            np.testing.assert_allclose(found.mean[i, k], mean, rtol=tolerance, atol=tolerance)
            here = seen[k]
            expected = 0.0
            if here.any():
                expected = multivariate_normal(mean[here], S[np.ix_(here, here)]).logpdf(y[k, here])
                residual = (y[k] - mean)[here]
                distance = residual @ np.linalg.solve(S[np.ix_(here, here)], residual)
                np.testing.assert_allclose(found.distance[i, k], distance, rtol=tolerance)
            np.testing.assert_allclose(found.log_density[i, k], expected, rtol=tolerance, atol=tolerance)


def ask(likelihood, given: str, model, observations) -> Conditional:
    return eqx.filter_jit(getattr(likelihood, f"given_{given}"))(model, observations)


@pytest.fixture
def odd(make_values):
    """Gaps, steps seen in part, unequal times, ends of all kinds."""
    lengths = [7, 3, 9]
    values = make_values(1, lengths, 2, missing=0.3)
    values[0][3:5] = np.nan
    rng = np.random.default_rng(5)
    times = [np.cumsum(rng.choice([0.05, 0.7, 1.0, 13.0], size=n)) + rng.normal() for n in lengths]
    return sb.trajectories(values, t=times)


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("given", "effect"), [("past", True), ("others", True), ("nothing", True), ("others", False)]
)
def test_the_law_given_others_is_the_dense_one(rotating, odd, given, effect, x64):
    dense = rotating if effect else dataclasses.replace(rotating, C=np.zeros((2, 2)))
    likelihood = sb.GaussianNoise(trajectory_effect=effect).likelihood(True, SCHEME)
    agree(ask(likelihood, given, dense.observed_sde(), read(odd)), dense, odd, given)


@pytest.mark.parametrize("given", ["others", "nothing"])
def test_fewer_coordinates_than_states_on_a_shared_grid(partly_observed, make_values, given, x64):
    data = sb.trajectories(make_values(2, [6, 4], 2))
    likelihood = sb.GaussianNoise(matrix=partly_observed.H, trajectory_effect=True).likelihood(True, SCHEME)
    observations = read(data)
    assert observations.shared
    agree(ask(likelihood, given, partly_observed.observed_sde(), observations), partly_observed, data, given)


@pytest.mark.parametrize("given", ["others", "nothing"])
def test_a_filter_that_looks_at_each_step_by_itself_says_the_same(rotating, odd, given, x64):
    likelihood = GaussianFilter(SCHEME, trajectory_effect=True)
    found = ask(likelihood, given, rotating.observed_sde(), read(odd))
    agree(found, rotating, odd, given, tolerance=1e-5)


@pytest.mark.thorough
def test_noise_of_each_step_and_a_level(x64):
    rng = np.random.default_rng(0)
    words = [rng.integers(1, 40, 8).astype(float) for _ in range(3)]
    data = sb.trajectories(
        [np.cumsum(rng.normal(size=(8, 2)), 0) for _ in range(3)], covariates={"words": words}
    )
    noise = sb.GaussianNoise(trajectory_effect=True, variance_function=sb.VarianceFunction("words", log=True))
    model = sb.SDEModel(observation=noise, level=sb.Level("t")).scaled_to(data)
    with seed(rng_seed=3):
        observed = jax.tree.map(np.asarray, model.build())
    observations = model.read(data)
    level = np.asarray(observations.level_terms) @ observed.level_slopes
    assert np.abs(level).max() > 0.01
    about = data.assign(y=data["y"] - level)
    dense = Dense.of(jax.tree.map(lambda leaf: leaf[None], observed), 0)
    factors = np.asarray(observations.noise_factors(jnp.asarray(observed.noise_slopes)))
    for given in ("past", "others", "nothing"):
        found = ask(model.likelihood, given, observed, observations)
        for i in range(3):
            one = Conditional(*(part[i : i + 1] for part in found))
            one = one._replace(mean=one.mean - level[i])
            agree(one, dense, about.isel(trajectory=[i]), given, factors[i])


def test_little_noise_beside_what_is_known_without_it_stays_exact(rotating, make_values, x64):
    dense = dataclasses.replace(rotating, R=1e-4 * np.eye(2))
    data = sb.trajectories(make_values(4, [6], 2))
    likelihood = sb.GaussianNoise(trajectory_effect=True).likelihood(True, SCHEME)
    found = ask(likelihood, "others", dense.observed_sde(), read(data))
    y, t = data["y"].values[0], data["t"].values[0]
    for k in range(6):
        mean, S = dense_law(dense, t, k, known_to("others", np.isfinite(y), k), y)
        np.testing.assert_allclose(
            found.log_density[0, k], multivariate_normal(mean, S).logpdf(y[k]), rtol=1e-6
        )


def test_a_trajectory_that_is_observed_exactly_is_refused(rotating, make_values, x64):
    likelihood = sb.Exact().likelihood(True, SCHEME)
    observations = read(sb.trajectories(make_values(0, [5], 2)))
    for given in ("others", "nothing"):
        with pytest.raises(ModelError, match="observes the states themselves"):
            ask(likelihood, given, rotating.observed_sde(), observations)
