"""Recovery of what stands beside an OU process behind noise: a level, correlated noise, noise that goes with words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import linalg

import sdebayes as sb
from tests.inference.test_recovery import wilson

SEEDS = 100
TRAJECTORIES, STEPS = 30, 50
A = np.array([[0.25, 0.3], [-0.2, 0.3]])
SIGMA, NOISE, EFFECT = np.diag([0.4, 0.3]), 0.5, 0.4
SLOPES = np.array([[0.6, 0.0], [-0.3, 0.4]])
"""Of the standardised year and the standardised place, (term, state)."""
CORRELATED = NOISE**2 * np.array([[1.0, 0.6], [0.6, 1.0]])
WORD_SLOPES = np.array([0.8, 0.3])
"""Of log R, in the standardised log words and its square, made uncorrelated."""
WORDS = sb.VarianceFunction("words", log=True, degree=2)


def path(rng: np.random.Generator) -> np.ndarray:
    """Draw states and offsets at unit steps, (trajectory, time, state)."""
    P = linalg.solve_continuous_lyapunov(A, SIGMA)
    flow = linalg.expm(-A)
    factor = np.linalg.cholesky(P - flow @ P @ flow.T)
    x = [rng.normal(size=(TRAJECTORIES, 2)) @ np.linalg.cholesky(P).T]
    for _ in range(STEPS - 1):
        x.append(x[-1] @ flow.T + rng.normal(size=(TRAJECTORIES, 2)) @ factor.T)
    return np.stack(x, axis=1) + EFFECT * rng.normal(size=(TRAJECTORIES, 1, 2))


def normals(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(TRAJECTORIES, STEPS, 2))


def with_level(seed: int):
    """A level that goes with years, spread evenly, and with the place."""
    rng = np.random.default_rng(seed)
    years, place = np.linspace(1800, 2000, TRAJECTORIES), np.arange(STEPS, dtype=float)
    standard = [(part - part.mean()) / part.std() for part in (years, place)]
    level = standard[0][:, None, None] * SLOPES[0] + standard[1][None, :, None] * SLOPES[1]
    return sb.trajectories(list(path(rng) + level + NOISE * normals(rng)), covariates={"year": years})


def correlated(seed: int):
    """Noise whose two coordinates are correlated by .6."""
    rng = np.random.default_rng(seed)
    return sb.trajectories(list(path(rng) + normals(rng) @ np.linalg.cholesky(CORRELATED).T))


def worded(seed: int):
    """Noise whose variance goes with the words of a sentence."""
    rng = np.random.default_rng(seed)
    words = np.exp(rng.normal(3, 0.6, size=(TRAJECTORIES, STEPS))).round().clip(1)
    values = np.random.default_rng(0).normal(size=(TRAJECTORIES, STEPS, 2))  # covariates are all that is read
    bare = sb.trajectories(list(values), covariates={"words": words})
    terms = WORDS.design(bare, *WORDS.scale(bare))
    noise = NOISE * np.exp(0.5 * terms @ WORD_SLOPES)[..., None] * normals(rng)
    return sb.trajectories(list(path(rng) + noise), covariates={"words": words})


Found = tuple[np.ndarray, np.ndarray]


def study(model: sb.SDEModel, simulated: Callable, **truths: np.ndarray) -> dict[str, Found]:
    """Return of each parameter whether 90 % intervals hold it, and how far means are from it, (seed, …)."""
    frozen = model.scaled_to(simulated(0))
    found: dict[str, tuple[list, list]] = {name: ([], []) for name in truths}
    for seed in range(1, SEEDS + 1):
        posterior = sb.fit(frozen, simulated(seed), sb.Laplace(draws=400), seed=seed)
        for name, truth in truths.items():
            draws = posterior.data["posterior"][name].isel(chain=0).values
            low, high = np.quantile(draws, [0.05, 0.95], axis=0)
            found[name][0].append((low <= truth) & (high >= truth))
            found[name][1].append(draws.mean(0) - truth)
    return {name: (np.array(held), np.array(error)) for name, (held, error) in found.items()}


def judge(held: np.ndarray, error: np.ndarray, truth: np.ndarray) -> None:
    """Print and check the share of intervals that hold the truth, and the mean error."""
    share = held.reshape(SEEDS, -1).mean(1)
    deviation = share.std(ddof=1) / np.sqrt(SEEDS)
    each = held.mean(0).round(2).tolist()
    print(f"90 % intervals hold {share.mean():.3f} ± {deviation:.3f}; of each value {each}")
    print(f"mean error {error.mean(0).round(3).tolist()}, sd {error.std(0, ddof=1).round(3).tolist()}")
    low, high = wilson(share.mean(), held.size)
    assert low < 0.93, f"{low:.3f} to {high:.3f}"
    assert high > 0.87, f"{low:.3f} to {high:.3f}"
    assert np.abs(error.mean(0)).max() < 0.1 * np.abs(truth).max()


@pytest.mark.slow
def test_slopes_of_a_level_are_recovered():
    model = sb.SDEModel(level=(sb.Level("year"), sb.Level("t")))
    judge(*study(model, with_level, level_slope=SLOPES)["level_slope"], SLOPES)


@pytest.mark.slow
def test_correlated_noise_is_recovered_and_diagonal_noise_takes_it_for_coupling():
    """Full R beside diagonal R, under which the drift's coupling is wrong."""
    full = sb.SDEModel(observation=sb.GaussianNoise(covariance="full", trajectory_effect=True))
    found = study(full, correlated, noise_covariance=CORRELATED, drift_matrix=A)
    judge(*found["noise_covariance"], CORRELATED)
    plain = sb.SDEModel(observation=sb.GaussianNoise(trajectory_effect=True))
    both = {"full": found, "diagonal": study(plain, correlated, drift_matrix=A)}
    for name, (held, error) in ((name, one["drift_matrix"]) for name, one in both.items()):
        print(f"A under {name} R: held {held.mean():.3f}, of each entry {held.mean(0).round(2).tolist()}")
        print(f"mean error {error.mean(0).round(3).tolist()}")
        assert (held.mean() > 0.85) == (name == "full")


@pytest.mark.slow
def test_slopes_of_noise_with_words_are_recovered():
    noise = sb.GaussianNoise(trajectory_effect=True, variance_function=WORDS)
    found = study(sb.SDEModel(observation=noise), worded, noise_slope=WORD_SLOPES)
    judge(*found["noise_slope"], WORD_SLOPES)
