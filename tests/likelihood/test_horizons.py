"""Laws several steps ahead: closed forms, the dense normal, and simulation where the drift bends."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import sdebayes as sb
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ObservedSDE, ParametricDrift
from sdebayes.likelihood import GaussianFilter, UnscentedKalman
from sdebayes.likelihood.arrays import read
from sdebayes.schemes import LinearNoise, LocalLinearization
from tests.cases import first_of

HORIZON = 3
LENGTHS = [7, 10]


@eqx.filter_jit
def laws(model, observation, observations, scheme=None, horizon: int = HORIZON):
    targets = jnp.arange(1, observations.times.shape[1])
    likelihood = observation.likelihood(model.sde.linear is not None, scheme or LocalLinearization())
    return likelihood.horizons(model, observations, horizon, targets)


def gapped(make_values, width: int):
    values = make_values(1, LENGTHS, width, missing=0.3)
    values[1][3:6] = np.nan
    rng = np.random.default_rng(2)
    return sb.trajectories(values, t=[np.cumsum(rng.choice([0.05, 0.4, 2.0], n)) for n in LENGTHS])


def blinded(y: np.ndarray, k: int, h: int) -> np.ndarray:
    """What had been seen h steps before step k."""
    seen = y.copy()
    seen[k - h + 1 :] = np.nan
    return seen


def test_an_exactly_seen_ou_process_has_its_closed_form(x64):
    rate, location, variance, dt = 0.7, 2.0, 1.5, 0.4
    sde = SDE(
        LinearDrift(jnp.array([[rate]]), jnp.array([location])),
        ConstantDiffusion(jnp.sqrt(jnp.array([[2 * rate * variance]]))),
    )
    one, zero = jnp.ones((1, 1)), jnp.zeros((1, 1))
    model = ObservedSDE(sde, jnp.array([location]), variance * one, one, zero, zero)
    y = np.random.default_rng(0).normal(size=(2, 8, 1))
    mean, covariance = laws(model, sb.Exact(), read(sb.trajectories(y, t=dt)))
    for h in range(1, HORIZON + 1):
        kept = np.exp(-rate * h * dt)
        np.testing.assert_allclose(mean[h - 1, :, h - 1 :], location + kept * (y[:, : 8 - h] - location))
        np.testing.assert_allclose(covariance[h - 1, :, h - 1 :], variance * (1 - kept**2), rtol=1e-8)


def test_noise_effect_gaps_and_a_matrix_are_those_of_the_dense_normal(partly_observed, make_values, x64):
    data = gapped(make_values, 2)
    observation = sb.GaussianNoise(matrix=partly_observed.H, trajectory_effect=True)
    mean, covariance = laws(partly_observed.observed_sde(), observation, read(data))
    for i, n in enumerate(LENGTHS):
        y, t = data["y"].values[i, :n], data["t"].values[i, :n]
        for h in range(1, HORIZON + 1):
            for k in range(h, n):
                expected, spread = partly_observed.predict(blinded(y, k, h), t, k)
                np.testing.assert_allclose(mean[h - 1, i, k - 1], expected, atol=1e-8)
                np.testing.assert_allclose(covariance[h - 1, i, k - 1], spread, atol=1e-8)


@pytest.mark.parametrize("strategy", first_of([None, UnscentedKalman()]), ids=repr)
def test_a_linear_drift_in_disguise_has_the_laws_of_the_linear_one(rotating, make_values, strategy, x64):
    dense = rotating
    if strategy is None:
        dense = dataclasses.replace(rotating, R=np.zeros((2, 2)), C=np.zeros((2, 2)))
    observation = sb.GaussianNoise(trajectory_effect=True, filter=strategy) if strategy else sb.Exact()
    data = gapped(make_values, 2)
    if strategy is None:
        data["y"] = data["y"].where(data["y"].notnull().all("state"))
    plain = dense.observed_sde()
    A, b = plain.sde.drift.matrix, plain.sde.drift.location
    bent = ParametricDrift(lambda x, t, p: p["A"] @ (p["b"] - x), {"A": A, "b": b})
    disguised = eqx.tree_at(lambda m: m.sde, plain, SDE(bent, plain.sde.diffusion))
    for found, expected in zip(
        laws(disguised, observation, read(data)), laws(plain, observation, read(data)), strict=True
    ):
        for i, n in enumerate(LENGTHS):
            for h in range(1, HORIZON + 1):
                inside = slice(h - 1, n - 1)
                np.testing.assert_allclose(
                    found[h - 1, i, inside], expected[h - 1, i, inside], rtol=1e-7, atol=1e-7
                )


def double_well(noise: float) -> ObservedSDE:
    """dX = 2 (X − X³) dt + √0.1 dW, whose wells at ±1 are deep enough to stay in for some steps."""
    sde = SDE(
        ParametricDrift(lambda x, t, p: 2 * (x - x**3), {}),
        ConstantDiffusion(jnp.sqrt(jnp.array([[0.1]]))),
    )
    one = jnp.ones((1, 1))
    return ObservedSDE(sde, jnp.ones(1), 0.1 * one, one, noise * one, 0 * one)


@pytest.mark.parametrize(
    ("observation", "noise"),
    first_of([(sb.Exact(), 0.0), (sb.GaussianNoise(), 0.05)]),
    ids=["exact", "noisy"],
)
def test_a_double_well_is_that_of_many_simulated_paths(observation, noise, x64):
    """Within 6 % of a standard deviation, which the filter's normal approximation leaves."""
    dt, count = 0.15, 40_000
    rng = np.random.default_rng(3)
    y = 1 + 0.3 * rng.normal(size=(3, 4, 1))
    observations = read(sb.trajectories(y, t=dt))
    model = double_well(noise)
    mean, covariance = laws(model, observation, observations, LinearNoise(steps=3))
    likelihood = GaussianFilter(LinearNoise(steps=3))
    filtered = eqx.filter_jit(likelihood.run)(model, observations)
    start, spread = (np.asarray(part)[:, 0].ravel() for part in (filtered.mean, filtered.covariance))
    x = start[:, None] + np.sqrt(np.maximum(spread, 0))[:, None] * rng.normal(size=(3, count))
    for h in range(1, HORIZON + 1):
        for _ in range(50):
            x = x + 2 * (x - x**3) * dt / 50 + np.sqrt(0.1 * dt / 50) * rng.normal(size=x.shape)
        sd = np.sqrt(x.var(1) + noise)
        assert np.all(np.abs(np.asarray(mean)[h - 1, :, h - 1, 0] - x.mean(1)) < 0.06 * sd)
        np.testing.assert_allclose(np.sqrt(np.asarray(covariance)[h - 1, :, h - 1, 0, 0]), sd, rtol=0.06)


def test_one_step_ahead_is_the_filters_own_prediction(make_values, x64):
    observation = sb.GaussianNoise()
    observations = read(gapped(make_values, 1))
    model = double_well(0.1)
    found = laws(model, observation, observations, LinearNoise(), 1)
    expected = eqx.filter_jit(GaussianFilter(LinearNoise()).one_step)(model, observations)
    for own, other in zip(found, expected, strict=True):
        for i, n in enumerate(LENGTHS):
            np.testing.assert_allclose(own[0, i, : n - 1], other[i, 1:n], rtol=1e-10)
