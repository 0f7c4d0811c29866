"""Recovery of a level that goes with the year of a trajectory and with the place in it, behind noise and offsets."""

from __future__ import annotations

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


def simulated(seed: int):
    """Draw trajectories at unit steps, years spread evenly."""
    rng = np.random.default_rng(seed)
    P = linalg.solve_continuous_lyapunov(A, SIGMA)
    flow = linalg.expm(-A)
    factor = np.linalg.cholesky(P - flow @ P @ flow.T)
    x = [rng.normal(size=(TRAJECTORIES, 2)) @ np.linalg.cholesky(P).T]
    for _ in range(STEPS - 1):
        x.append(x[-1] @ flow.T + rng.normal(size=(TRAJECTORIES, 2)) @ factor.T)
    years, place = np.linspace(1800, 2000, TRAJECTORIES), np.arange(STEPS, dtype=float)
    standard = [(part - part.mean()) / part.std() for part in (years, place)]
    level = standard[0][:, None, None] * SLOPES[0] + standard[1][None, :, None] * SLOPES[1]
    effect = EFFECT * rng.normal(size=(TRAJECTORIES, 1, 2))
    noise = NOISE * rng.normal(size=(TRAJECTORIES, STEPS, 2))
    return sb.trajectories(list(np.stack(x, axis=1) + level + effect + noise), covariates={"year": years})


def study(seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Return whether 90 % intervals hold each slope, and how far means are from it, (seed, term, state)."""
    model = sb.SDEModel(level=(sb.Level("year"), sb.Level("t"))).scaled_to(simulated(0))
    held, error = [], []
    for seed in range(1, seeds + 1):
        posterior = sb.fit(model, simulated(seed), sb.Laplace(draws=400), seed=seed)
        draws = posterior.data["posterior"]["level_slope"].isel(chain=0).values
        low, high = np.quantile(draws, [0.05, 0.95], axis=0)
        held.append((low <= SLOPES) & (high >= SLOPES))
        error.append(draws.mean(0) - SLOPES)
    return np.array(held), np.array(error)


@pytest.mark.slow
def test_slopes_are_recovered_and_intervals_hold_them():
    held, error = study(SEEDS)
    share = held.mean((1, 2))
    deviation = share.std(ddof=1) / np.sqrt(SEEDS)
    bias = error.mean(0) / (error.std(0, ddof=1) / np.sqrt(SEEDS))
    print(
        f"90 % intervals hold {share.mean():.3f} ± {deviation:.3f}; of each slope {held.mean(0).round(2).tolist()}"
    )
    print(f"mean error {error.mean(0).round(3).tolist()}, sd {error.std(0, ddof=1).round(3).tolist()}")
    low, high = wilson(share.mean(), held.size)
    assert low < 0.93, f"{low:.3f} to {high:.3f}"
    assert high > 0.87, f"{low:.3f} to {high:.3f}"
    assert np.abs(error.mean(0)).max() < 0.1 * np.abs(SLOPES).max(), bias
