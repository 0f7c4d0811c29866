"""One small fit under noise, of two chains, and one of exactly observed states, for all tests of the posterior."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import xarray as xr
from scipy import linalg

import sdebayes as sb
from sdebayes.inference import Draws


@dataclass(frozen=True)
class TwoChains(sb.Laplace):
    """Independent draws of the normal law at the mode, handed over as two chains."""

    def run(self, problem, options) -> Draws:
        found = super().run(problem, options)
        statistics = {name: values.reshape(2, -1) for name, values in found.statistics.items()}
        return replace(
            found, position=found.position.reshape(2, -1, found.position.shape[-1]), statistics=statistics
        )


def ornstein_uhlenbeck(seed: int, lengths: list[int], noise: float, effect: float) -> list[np.ndarray]:
    """Draw a rotating OU process at unit steps, from its stationary law."""
    rng = np.random.default_rng(seed)
    A, P = np.array([[0.25, 0.4], [-0.3, 0.35]]), np.array([[1.0, 0.1], [0.1, 0.7]])
    flow = linalg.expm(-A)
    factor = np.linalg.cholesky(P - flow @ P @ flow.T)
    values = []
    for n in lengths:
        x = [np.linalg.cholesky(P) @ rng.normal(size=2)]
        for _ in range(n - 1):
            x.append(flow @ x[-1] + factor @ rng.normal(size=2))
        values.append(np.array(x) + effect * rng.normal(size=2) + noise * rng.normal(size=(n, 2)))
    return values


@pytest.fixture(scope="session")
def training() -> xr.Dataset:
    rng = np.random.default_rng(9)
    return sb.trajectories(
        ornstein_uhlenbeck(0, list(rng.integers(15, 40, size=24)), noise=0.6, effect=0.5),
        names=[f"text {i}" for i in range(24)],
    )


@pytest.fixture(scope="session")
def exact_training() -> xr.Dataset:
    """Exactly observed, with a step that is missing altogether."""
    values = ornstein_uhlenbeck(1, [60, 40, 50], noise=0.0, effect=0.0)
    values[1][7] = np.nan
    return sb.trajectories(values)


@pytest.fixture(scope="session")
def noisy(training) -> sb.Posterior:
    model = sb.SDEModel(observation=sb.GaussianNoise(trajectory_effect=True))
    return sb.fit(model, training, TwoChains(draws=500), seed=0, progress=False)


@pytest.fixture(scope="session")
def exact(exact_training) -> sb.Posterior:
    model = sb.SDEModel(diffusion=sb.priors.Constant("full"), observation=sb.Exact())
    return sb.fit(model, exact_training, sb.Laplace(draws=500), seed=0, progress=False)


@pytest.fixture(scope="session")
def held_out() -> xr.Dataset:
    """Irregular times, gaps, partly missing steps and early ends."""
    rng = np.random.default_rng(4)
    values = ornstein_uhlenbeck(5, [7, 4, 9], noise=0.6, effect=0.5)
    values[0][2] = np.nan
    values[2][[1, 4, 5], [0, 1, 1]] = np.nan
    times = [np.cumsum(rng.choice([0.5, 1.0, 6.0], len(v))) for v in values]
    return sb.trajectories(values, t=times, names=["a", "b", "c"])
