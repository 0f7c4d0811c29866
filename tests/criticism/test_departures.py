"""Each departure is found where it is, and not where the model is right: with known drift and noise."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm, solve_continuous_lyapunov

from sdebayes._core import precision
from sdebayes.criticism.battery import FAMILY, FEWEST_REPLICATES, adjusted, criticise, excerpt
from sdebayes.criticism.innovations import Judge
from sdebayes.criticism.walk import directions_of_return
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ObservedSDE

DT, PATHS, STEPS = 0.1, 8, 100
STATES = ["x1", "x2"]


def linear(rates: np.ndarray, noise: float = 0.0, draws: int = 400) -> ObservedSDE:
    """The same linear SDE with Σ = I in all draws."""
    n = len(rates)
    with precision.scope("float64"):
        sde = SDE(LinearDrift(jnp.asarray(rates), jnp.zeros(n)), ConstantDiffusion(jnp.eye(n)))
        P = solve_continuous_lyapunov(rates, np.eye(n))
        noise_covariance, effect = noise**2 * jnp.eye(n), jnp.zeros((n, n))
        one = ObservedSDE(sde, jnp.zeros(n), jnp.asarray(P), jnp.eye(n), noise_covariance, effect)
        return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (draws, *leaf.shape)), one)


def simulated(seed: int, rates: np.ndarray | None = None, *, start: np.ndarray | None = None) -> np.ndarray:
    """Paths of θ = σ = 1, or of other rates."""
    rng = np.random.default_rng(seed)
    A = np.eye(1) if rates is None else rates
    P = solve_continuous_lyapunov(A, np.eye(len(A)))
    flow = expm(-A * DT)
    factor = np.linalg.cholesky(P - flow @ P @ flow.T)
    x = rng.standard_normal((PATHS, len(A))) @ np.linalg.cholesky(P).T if start is None else start
    kept = [x]
    for _ in range(STEPS - 1):
        x = x @ flow.T + rng.standard_normal(x.shape) @ factor.T
        kept.append(x)
    return np.stack(kept, axis=1)


def far_start(seed: int) -> np.ndarray:
    return simulated(seed, start=np.full((PATHS, 1), 2.0))


def wild(seed: int) -> np.ndarray:
    values = simulated(seed)
    values[3, 50] += 2.5
    return values


def driven(seed: int, size) -> np.ndarray:
    """Let the standard deviation of the noise be ``size(x, step)``."""
    rng = np.random.default_rng(seed)
    x, kept = rng.standard_normal(PATHS) / np.sqrt(2), []
    for k in range(STEPS):
        kept.append(x)
        x = np.exp(-DT) * x + size(x, k) * np.sqrt(DT) * rng.standard_normal(PATHS)
    return np.stack(kept, axis=1)[..., None]


def correlated(seed: int) -> np.ndarray:
    """Let innovations go with the last one."""
    rng = np.random.default_rng(seed)
    e = rng.standard_normal((PATHS, STEPS + 1))
    e = e[:, 1:] + 0.4 * e[:, :-1]
    x, kept = np.zeros(PATHS), []
    for k in range(STEPS):
        kept.append(x)
        x = np.exp(-DT) * x + 0.93 * np.sqrt(DT) * e[:, k]
    return np.stack(kept, axis=1)[..., None]


def tailed(seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed + 1)
    return driven(seed, lambda x, k: np.sqrt(3 / generator.chisquare(5, PATHS)))


VIOLATIONS = {
    "First state": far_start,
    "Outliers": wild,
    "Constant noise": lambda seed: driven(seed, lambda x, k: np.sqrt(0.4 + 1.5 * x**2)),
    "Memory": correlated,
    "Level of trajectories": lambda seed: simulated(seed) + np.linspace(-2, 2, PATHS)[:, None, None],
    "Trend": lambda seed: simulated(seed) + 0.03 * np.arange(STEPS)[None, :, None],
    "Changing variance": lambda seed: driven(seed, lambda x, k: 0.5 if (k // 25) % 2 else 1.4),
    "Gaussian innovations": tailed,
}


def p_values(values: np.ndarray, rates: np.ndarray | None = None) -> dict[str, float]:
    data = trajectories(values, t=DT * np.arange(values.shape[1]))
    judge = Judge.of(linear(np.eye(1) if rates is None else rates), data)
    return {found.name: found.p_value for found in criticise(judge, STATES[: values.shape[-1]]).departures}


def test_every_departure_has_a_violation():
    assert set(VIOLATIONS) == set(FAMILY)


@pytest.mark.smoke
@pytest.mark.parametrize("name", FAMILY)
def test_each_departure_is_found(name):
    found = p_values(VIOLATIONS[name](seed=1))
    assert found[name] < 0.01


@pytest.mark.slow
def test_the_right_model_is_rejected_as_often_as_said(monkeypatch):
    """40 data sets, all questions: 5 % at most after the adjustment, with binomial chance."""
    monkeypatch.setattr("sdebayes.criticism.battery.REPLICATES", FEWEST_REPLICATES)
    rejected = 0
    for seed in range(40):
        found = np.array(list(p_values(simulated(seed + 100)[:4, :50]).values()))
        rejected += adjusted(found).min() <= 0.05
    assert rejected <= 6  # P(more) < 0.004 at 5 %


@pytest.mark.thorough
def test_coupling_that_a_diagonal_drift_leaves_out_is_memory():
    turning = np.array([[1.0, 1.5], [-1.5, 1.0]])
    values = simulated(0, turning)
    assert p_values(values, np.eye(2))["Memory"] < 0.01
    assert p_values(values, turning)["Memory"] > 0.05


@pytest.mark.thorough
def test_gaps_and_early_ends_are_not_departures():
    values = simulated(3)
    values[0, 60:] = np.nan
    values[1, [0, 5, 17]] = np.nan
    ragged = [values[0, :60], *values[1:]]
    data = trajectories(ragged, t=[DT * np.arange(len(part)) for part in ragged])
    found = criticise(Judge.of(linear(np.eye(1)), data), ["x1"]).departures
    assert adjusted(np.array([one.p_value for one in found])).min() > 0.05


def test_adjustment_is_holms():
    np.testing.assert_allclose(adjusted(np.array([0.01, 0.2, 0.02])), [0.03, 0.2, 0.04])
    np.testing.assert_allclose(adjusted(np.array([0.5, 0.6])), [1.0, 1.0])


def returned(values: np.ndarray, rates: np.ndarray, noise: float = 0.0) -> list[float]:
    data = trajectories(values, t=DT * np.arange(values.shape[1]))
    judge = Judge.of(linear(rates, noise), data)
    return [found.outcome.p_value for found in directions_of_return(judge, 199, seed=0)]


def test_a_process_that_comes_back_is_told_from_a_random_walk():
    assert max(returned(simulated(0), np.eye(1))) < 0.01
    turning = np.array([[1.0, 1.5], [-1.5, 1.0]])
    assert max(returned(simulated(0, turning), turning)) < 0.01


def test_a_walk_that_starts_far_off_and_comes_back_counts_as_a_return():
    assert max(returned(simulated(0, start=np.full((PATHS, 1), 5.0)), np.eye(1))) < 0.01


@pytest.mark.thorough
def test_a_random_walk_is_rejected_as_rarely_as_said():
    """A walk through noise, judged by a slow linear SDE with its Σ and noise: 5 % of 60."""
    rng = np.random.default_rng(0)
    walks = np.cumsum(np.sqrt(DT) * rng.standard_normal((60, PATHS, STEPS, 1)), axis=2)
    seen = walks + 0.2 * rng.standard_normal(walks.shape)
    rejected = sum(returned(values, 0.2 * np.eye(1), 0.2)[0] <= 0.05 for values in seen)
    assert rejected <= 9


def test_the_slow_direction_of_two_is_named():
    """A walk beside a fast process, in turned coordinates: one mode is open, the other returns."""
    rng = np.random.default_rng(1)
    walk = np.cumsum(np.sqrt(DT) * rng.standard_normal((PATHS, STEPS, 1)), axis=1)
    mixed = np.concatenate([walk, simulated(0, 3 * np.eye(1))], axis=2)
    turn = np.array([[1.0, 1.0], [-1.0, 1.0]]) / np.sqrt(2)
    slow, fast = returned(mixed @ turn.T, turn @ np.diag([0.1, 3.0]) @ turn.T)
    assert slow > 0.05 > fast


def test_long_data_are_judged_by_an_excerpt():
    many = trajectories(np.random.default_rng(0).standard_normal((300, 100, 1)))
    assert excerpt(many).sizes["trajectory"] == 200
    one = trajectories(np.random.default_rng(0).standard_normal((1, 30_000, 1)))
    assert excerpt(one).sizes == {"trajectory": 1, "time": 20_000, "state": 1}
    few = many.isel(trajectory=slice(5))
    assert excerpt(few) is few
