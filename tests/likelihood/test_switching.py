"""Regimes summed out: against all sequences of regimes, against one SDE, and by the draws of the law itself."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import linalg

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.dynamics import SDE, ConstantDiffusion, ObservedSDE, ParametricDrift
from sdebayes.likelihood import (
    GaussianFilter,
    Kalman,
    LinearTransitions,
    SwitchingFilter,
    Transitions,
    switching,
)
from sdebayes.likelihood.arrays import read
from sdebayes.likelihood.regime_chain import stationary_law, transition_probabilities
from sdebayes.schemes import LocalLinearization
from tests.cases import first_of
from tests.likelihood.enumeration import Switching, two_regimes

SCHEME = LocalLinearization()
EXACT = switching(LinearTransitions(SCHEME))
NOISY = switching(Kalman(SCHEME))


@cache
def series(lengths=(7, 5), states: int = 2, missing: bool = False):
    rng = np.random.default_rng(0)
    times = [np.cumsum(rng.choice([0.5, 1.0, 2.0], n)) for n in lengths]
    values = [1.5 * rng.normal(size=(n, states)) for n in lengths]
    if missing:
        values[0][2], values[0][4, 0] = np.nan, np.nan
    return values, times


def asked(law, question, model, observations):
    return np.asarray(jax.jit(lambda m, o: getattr(law, question)(m, o))(model, observations))


def expected(switching: Switching, values, times):
    found = [switching.log_likelihood(*one) for one in zip(values, times, strict=True)]
    return np.array([total for total, _ in found]), [shares for _, shares in found]


def test_the_chain_is_that_of_its_generator(x64):
    Q = np.array([[-0.5, 0.3, 0.2], [0.1, -0.2, 0.1], [1.0, 2.0, -3.0]])
    for law, dt in zip(
        transition_probabilities(jnp.array(Q), jnp.array([0.1, 4.0])), (0.1, 4.0), strict=True
    ):
        np.testing.assert_allclose(law, linalg.expm(Q * dt), atol=1e-12)
    np.testing.assert_allclose(stationary_law(jnp.array(Q)) @ Q, 0, atol=1e-12)


@pytest.mark.parametrize(
    "law", first_of([EXACT, SwitchingFilter(SCHEME, LinearTransitions(SCHEME))]), ids=["forward", "filter"]
)
def test_observed_states_sum_over_all_sequences(x64, law):
    """Both ways are exact: where the state is known there is nothing to join."""
    values, times = series()
    observations = read(sb.trajectories(values, t=times))
    truth = two_regimes()
    total, shares = expected(truth, values, times)
    np.testing.assert_allclose(asked(law, "log_density", truth.model(), observations).sum(1), total)
    found = asked(law, "regimes", truth.model(), observations)
    for own, share in zip(found, shares, strict=True):
        np.testing.assert_allclose(own[: len(share)], share, atol=1e-10)


@pytest.mark.parametrize(("effect", "missing"), first_of([(0.0, False), (0.3, True)]))
def test_behind_noise_the_filter_is_near_all_sequences(x64, effect, missing):
    values, times = series(missing=missing)
    observations = read(sb.trajectories(values, t=times))
    truth = two_regimes(noise=0.3, effect=effect)
    total, shares = expected(truth, values, times)
    law = switching(Kalman(SCHEME, effect > 0))
    assert law.approximate
    np.testing.assert_allclose(
        asked(law, "log_density", truth.model(), observations).sum(1), total, atol=0.02
    )
    found = asked(law, "regimes", truth.model(), observations)
    for own, share in zip(found, shares, strict=True):
        np.testing.assert_allclose(own[: len(share)], share, atol=0.05)


@pytest.mark.parametrize("law", [EXACT, NOISY], ids=["observed", "noise"])
@pytest.mark.thorough
def test_equal_regimes_are_one_sde(x64, law):
    truth = two_regimes(noise=0.0 if law is EXACT else 0.3)
    same = Switching(*(np.stack([part[0]] * 2) for part in truth[:3]), *truth[3:])
    model = same.model()
    values, times = series()
    observations = read(sb.trajectories(values, t=times))
    one = model.of_regime(1)

    def answers(of, model):
        def all_of(m, o):
            horizons = of.horizons(m, o, 3, jnp.arange(1, 5))
            return of.log_density(m, o), of.one_step(m, o), of.smooth(m, o), horizons

        return jax.tree.map(np.asarray, jax.jit(all_of)(model, observations))

    (density, *laws, ahead), (other, *theirs, their_ahead) = answers(law, model), answers(law.inner, one)
    np.testing.assert_allclose(density, other)
    inside = np.asarray(observations.seen).any(-1)
    for ours, alone in zip(laws, theirs, strict=True):
        for k in (0, 1):
            np.testing.assert_allclose(ours[k][inside], alone[k][inside], atol=1e-9)
    for k in (0, 1):
        np.testing.assert_allclose(ahead[k], np.broadcast_to(their_ahead[k], ahead[k].shape), atol=1e-9)


@pytest.mark.thorough
def test_forecasts_are_the_moments_of_what_is_drawn(x64):
    """Of the state at h steps after the last one seen: by the forecast, and by paths drawn from there."""
    truth = two_regimes(noise=0.3)
    values, times = (
        [np.array([[1.0, 0.5], [2.0, -1.5], [1.8, -0.9], [np.nan] * 2, [np.nan] * 2])],
        [np.arange(5.0)],
    )
    observations = read(sb.trajectories([np.nan_to_num(values[0])], t=times))
    model = truth.model()
    ahead = jax.jit(lambda m, o: NOISY.horizons(m, o, 2, jnp.array([4])))
    mean, covariance = map(np.asarray, ahead(model, observations))
    total = np.zeros(2)
    steps, F = [], [linalg.expm(-A) for A in truth.A]
    # the belief at the third step, carried on by hand
    seen = read(sb.trajectories([values[0][:3]], t=[np.arange(3.0)]))
    belief = jax.jit(lambda m, o: NOISY._run(m, o, lambda step: step.belief))(model, seen)
    weights = np.exp(np.asarray(belief.log_weights)[0, -1])
    means = np.asarray(belief.laws[0])[0, -1]
    T = linalg.expm(truth.Q)
    for i in range(2):
        for j in range(2):
            for k in range(2):
                x = truth.b[j] + F[j] @ (means[i] - truth.b[j])
                x = truth.b[k] + F[k] @ (x - truth.b[k])
                steps.append(weights[i] * T[i, j] * T[j, k])
                total += steps[-1] * x
    assert np.isclose(sum(steps), 1)
    np.testing.assert_allclose(mean[1, 0, 0], total, atol=1e-9)
    assert np.linalg.eigvalsh(covariance[1, 0, 0]).min() > 0.3


@pytest.mark.parametrize("law", first_of([EXACT, NOISY]), ids=["observed", "noise"])
@pytest.mark.parametrize("way", ["draw", "replicate"])
def test_what_is_drawn_has_the_law(x64, law, way):
    """Mean and covariance over many draws of short trajectories, beside those of all sequences."""
    truth = two_regimes(noise=0.0 if law is EXACT else 0.3, states=1)
    observations = read(
        sb.trajectories(
            list(np.random.default_rng(0).normal(size=(4000, 4, 1))),
            t=[np.array([0.0, 0.5, 1.5, 3.5])] * 4000,
        )
    )
    y = np.asarray(
        jax.jit(lambda m, o, k: getattr(law, way)(m, o, k))(truth.model(), observations, jax.random.key(0))
    )
    T = [linalg.expm(truth.Q * dt) for dt in (0.5, 1.0)]
    pi = np.array([0.5, 0.3]) / 0.8
    moments = []
    paths = [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    for path in paths:
        weight = pi[path[0]] * T[0][path[0], path[1]] * T[1][path[1], path[2]]
        m, P = truth.b[path[0], 0], truth.stationary[path[0], 0, 0]
        for r, dt in zip(path, (0.5, 1.0, 2.0), strict=True):
            f, S = np.exp(-truth.A[r, 0, 0] * dt), truth.stationary[r, 0, 0]
            m, P = truth.b[r, 0] + f * (m - truth.b[r, 0]), f**2 * P + S * (1 - f**2)
        moments.append((weight, m, P + truth.R[0, 0]))
    weight, m, P = np.array(moments).T
    mean = weight @ m
    variance = weight @ (P + (m - mean) ** 2)
    last = y[:, 3, 0]
    assert abs(last.mean() - mean) < 4 * np.sqrt(variance / 4000)
    assert last.var() == pytest.approx(variance, rel=0.1)


@pytest.mark.parametrize("inner", [Transitions(SCHEME), GaussianFilter(SCHEME)], ids=["observed", "noise"])
@pytest.mark.thorough
def test_equal_nonlinear_regimes_are_one_sde(x64, inner):
    def wells(pull):
        drift = ParametricDrift(lambda x, t, p: p["pull"] * (x - x**3), {"pull": pull})
        return SDE(drift, ConstantDiffusion(0.5 * jnp.eye(1)))

    sde = jax.vmap(wells)(jnp.ones(2))
    unit, noise = jnp.eye(1), 0.0 if inner.states_observed else 0.2
    parts = (unit, noise * unit, 0.0 * unit)
    model = ObservedSDE(
        sde, jnp.zeros((2, 1)), jnp.ones((2, 1, 1)), *parts, generator=jnp.array([[-0.3, 0.3], [0.5, -0.5]])
    )
    values, times = series(states=1)
    observations = read(sb.trajectories([np.tanh(one) for one in values], t=times))
    both = asked(switching(inner), "log_density", model, observations)
    np.testing.assert_allclose(
        both, asked(inner, "log_density", model.of_regime(1), observations), atol=1e-12
    )


def test_a_law_without_linear_steps_has_no_regimes(x64):
    values, times = series()
    observations, model = read(sb.trajectories(values, t=times)), two_regimes().model()
    with pytest.raises(ModelError, match="of one SDE, without regimes"):
        Kalman(SCHEME).regimes(model.of_regime(0), observations)
    for ask in (EXACT.stepper, EXACT.horizon_start):
        with pytest.raises(ModelError, match="has no one step"):
            ask(model, observations)
    assert not EXACT.by_transition(observations)
    assert switching(Transitions(SCHEME)).states_observed
