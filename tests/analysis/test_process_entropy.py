"""Entropy production against closed forms, and against the law of pairs read forwards and backwards."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm, solve_continuous_lyapunov
from scipy.signal import lfilter
from scipy.stats import binomtest, kstest

from sdebayes._core.errors import DataError
from sdebayes.analysis import process
from sdebayes.analysis.process.effective import effective_draws
from sdebayes.analysis.process.entropy import linear_rate, reference_rate, tail_beyond_zero
from sdebayes.datasets import benchmark
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ParametricDiffusion, ParametricDrift

RATES = np.array([[0.5, 1.0, 0.0], [-1.0, 0.7, 0.5], [0.3, -0.5, 1.0]])
FACTOR = np.array([[1.0, 0.0, 0.0], [0.4, 0.8, 0.0], [-0.3, 0.1, 1.2]])


def linear(rates, factor) -> SDE:
    return SDE(LinearDrift(jnp.asarray(rates), jnp.zeros(len(rates))), ConstantDiffusion(jnp.asarray(factor)))


@pytest.mark.parametrize("omega", [0.0, 0.5, 2.0])
def test_a_rotating_process_in_two_states(omega):
    """Of f = −a x + ω R x and Σ = 2D the rate is 2ω²/a, whatever D."""
    found = process.entropy_production(linear([[0.5, omega], [-omega, 0.5]], 1.7 * np.eye(2)))
    assert float(found.rate[0]) == pytest.approx(2 * omega**2 / 0.5, abs=1e-10)
    assert float(found.standard_error[0]) == 0


def test_forwards_against_backwards():
    """The Kullback–Leibler divergence of (X₀, X_h) from (X_h, X₀), over h, for short h."""
    covariance = FACTOR @ FACTOR.T
    P = solve_continuous_lyapunov(RATES, covariance)
    h = 1e-4
    flow = expm(-RATES * h)
    joint = np.block([[P, P @ flow.T], [flow @ P, P]])
    back = np.block([[P, flow @ P], [P @ flow.T, P]])
    divergence = 0.5 * (np.trace(np.linalg.solve(back, joint)) - 6)
    found = process.entropy_production(linear(RATES, FACTOR))
    assert float(found.rate[0]) == pytest.approx(divergence / h, rel=1e-3)


def test_a_gradient_drift_and_one_without_stationary_law():
    covariance = FACTOR @ FACTOR.T
    P = np.diag([1.0, 2.0, 0.5])
    reversible = linear(0.5 * covariance @ np.linalg.inv(P), FACTOR)
    assert float(process.entropy_production(reversible).rate[0]) == pytest.approx(0, abs=1e-10)
    assert np.isnan(process.entropy_production(linear(-np.eye(3), FACTOR)).rate[0])
    assert np.isnan(process.entropy_production(linear(RATES, np.diag([1.0, 1.0, 0.0]))).rate[0])


def test_the_reference_covers_the_rates_of_draws_about_zero():
    """Draws K ~ N(K̂, C) with K̂ ~ N(0, C): the mean rate over many such posteriors is that of the reference."""
    generator = np.random.default_rng(0)
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    identity = np.broadcast_to(np.eye(2), (40, 2, 2))
    rates, references = [], []
    for _ in range(400):
        K = 0.2 * (generator.normal() + generator.normal(size=(40, 1, 1))) * turn
        rates.append(linear_rate(K, identity, identity).mean())
        references.append(reference_rate(K, identity, identity).mean())
    error = np.std(rates) / np.sqrt(400)
    assert abs(np.mean(rates) - np.mean(references) * 40 / 39) < 4 * error
    stacked = jax.tree.map(
        lambda *leaves: jnp.stack(leaves), *[linear([[0.5, w], [-w, 0.5]], np.eye(2)) for w in (0.2, 0.4)]
    )
    found = process.entropy_production(stacked)
    np.testing.assert_allclose(found.rate, [4 * 0.04, 4 * 0.16], rtol=1e-6)
    np.testing.assert_allclose(found.rate_reference, 4 * 2 * 0.01, rtol=1e-6)


def antisymmetric(entries: np.ndarray, states: int) -> np.ndarray:
    K = np.zeros((len(entries), states, states))
    K[:, *np.triu_indices(states, 1)] = entries
    return K - K.swapaxes(1, 2)


@pytest.mark.parametrize(("states", "draws"), [(2, 30), (3, 2000), (16, 1000)])
@pytest.mark.thorough
def test_the_tail_beyond_zero_is_uniform_if_the_truth_is_reversible(states, draws):
    """K̂ ~ N(0, C) and draws K̂ + N(0, C), C found from the draws: 30 of one entry, and 1000 of 120."""
    generator = np.random.default_rng(states)
    width = states * (states - 1) // 2
    factor = np.tril(generator.normal(size=(width, width))) + 2 * np.eye(width)
    p = []
    for shift in (0.0,) * 250 + (6.0,):
        entries = (shift + generator.normal(size=width) + generator.normal(size=(draws, width))) @ factor.T
        p.append(float(tail_beyond_zero(antisymmetric(entries, states))["p_value"]))
    interval = binomtest(sum(value <= 0.05 for value in p[:250]), 250).proportion_ci(0.99, "wilson")
    assert interval.low <= 0.05 <= interval.high
    assert kstest(p[:250], "uniform").pvalue > 0.001
    assert p[250] < 0.05


@pytest.mark.parametrize("chains", [None, np.repeat(np.arange(4), 500)])
def test_dependent_draws_count_for_less(chains):
    """AR(1) of 0.9: 2000 draws are worth 2000 / 19 = 105."""
    generator = np.random.default_rng(1)
    p = []
    for _ in range(150):
        noise = np.sqrt(1 - 0.9**2) * generator.normal(size=(2500, 15))
        draws = lfilter([1.0], [1.0, -0.9], noise, axis=0)[500:] + generator.normal(size=15)
        p.append(float(tail_beyond_zero(antisymmetric(draws, 6), chains)["p_value"]))
    known = np.array(p)[np.isfinite(p)]
    assert effective_draws(draws, chains) == pytest.approx(2000 / 19, rel=0.6)
    assert known.size > 50
    assert binomtest(int((known <= 0.05).sum()), known.size).proportion_ci(0.99, "wilson").low <= 0.05


def test_few_draws_tell_nothing_of_many_entries():
    generator = np.random.default_rng(0)
    assert np.isnan(tail_beyond_zero(antisymmetric(5 + generator.normal(size=(300, 120)), 16))["p_value"])
    assert np.isnan(tail_beyond_zero(np.zeros((4, 3, 3)))["p_value"])
    assert tail_beyond_zero(np.zeros((4, 1, 1))) == {}


@pytest.mark.thorough
def test_simulation_finds_the_closed_form():
    """The same linear drift as a user's function; rotation of speed ω on a ring gives 2 ω² E r² / Σ."""
    rates = jnp.asarray([[0.5, 1.0], [-1.0, 0.5]])
    sde = SDE(ParametricDrift(lambda x, t, p: -p["A"] @ x, {"A": rates}), ConstantDiffusion(jnp.eye(2)))
    found = process.entropy_production(sde, times=np.arange(0, 60, 0.5), x0=np.zeros(2), paths=64)
    assert abs(float(found.rate[0]) - 4.0) < 4 * float(found.standard_error[0]) + 0.04
    assert float(found.standard_error[0]) < 0.2
    _, ring = benchmark("limit_cycle", 3, 0.1)
    found = process.entropy_production(ring, times=np.arange(0, 40, 0.2), x0=np.array([1.0, 0.0]))
    radius = np.linspace(0, 3, 20_001)
    density = radius * np.exp(10 * (radius**2 / 2 - radius**4 / 4))
    exact = 2 * 2.0**2 * (density @ radius**2) / density.sum() / 0.2
    assert abs(float(found.rate[0]) - exact) < 4 * float(found.standard_error[0]) + 0.01 * exact


@pytest.mark.thorough
def test_multiplicative_noise_in_one_state_is_reversible():
    """In one state every stationary process is reversible, though E[2 f²/Σ + f'] alone is not zero."""
    sde = SDE(
        ParametricDrift(lambda x, t, p: -2 * x, {}),
        ParametricDiffusion(lambda x, t, p: jnp.sqrt(0.5 + 0.2 * x**2)[:, None], {}),
    )
    found = process.entropy_production(sde, times=np.arange(0, 60, 0.1), x0=np.zeros(1), paths=64)
    assert abs(float(found.rate[0])) < 4 * float(found.standard_error[0]) + 0.02
    with pytest.raises(DataError, match="2 or more"):
        process.entropy_production(sde, x0=np.zeros(1), paths=1)
