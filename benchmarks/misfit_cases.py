"""The cases of `misfit.py`: twelve violations of what a model assumes, two harder ones, and five truths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpyro.distributions as dist
from scipy.linalg import expm, solve_continuous_lyapunov

import sdebayes as sb

SAMPLER = {
    "R-hat", "R-hat of the parts", "Bulk ESS", "Tail ESS", "Divergences", "Tree depth", "E-BFMI", "Pareto k-hat",
}  # fmt: skip
FINE = 20
Simulate = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Parameters
    ----------
    simulate
        From a generator and a number of paths to values, (trajectory, time, state).
    dt
        Step.
    count
        Number of training trajectories, and of held-out ones.
    model
        What is fitted.
    expected
        Findings of ``diagnosis()`` that name it; none for a truth.
    """

    simulate: Simulate
    dt: float
    count: int
    model: Callable[[], sb.SDEModel]
    expected: tuple[str, ...] = ()


def euler(
    rng: np.random.Generator,
    paths: int,
    steps: int,
    dt: float,
    drift: Callable[[np.ndarray], np.ndarray],
    sd: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray | None = None,
    burn_in: float = 10.0,
) -> np.ndarray:
    """Simulate one state with fine sub-steps, from a start or after a burn-in."""
    h = dt / FINE
    x = rng.standard_normal(paths) if start is None else start
    for _ in range(0 if start is not None else int(burn_in / h)):
        x = x + drift(x) * h + sd(x) * np.sqrt(h) * rng.standard_normal(paths)
    kept = [x]
    for _ in range(steps - 1):
        for _ in range(FINE):
            x = x + drift(x) * h + sd(x) * np.sqrt(h) * rng.standard_normal(paths)
        kept.append(x)
    return np.stack(kept, axis=1)[..., None]


def linear(
    rng: np.random.Generator,
    paths: int,
    steps: int,
    dt: float,
    A: np.ndarray,
    sigma: np.ndarray,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Simulate a linear SDE exactly, from its stationary law or a start."""
    P = solve_continuous_lyapunov(A, sigma)
    flow = expm(-A * dt)
    factor = np.linalg.cholesky(P - flow @ P @ flow.T)
    x = rng.standard_normal((paths, len(A))) @ np.linalg.cholesky(P).T if start is None else start
    kept = [x]
    for _ in range(steps - 1):
        x = x @ flow.T + rng.standard_normal(x.shape) @ factor.T
        kept.append(x)
    return np.stack(kept, axis=1)


ONE = np.eye(1)


def ou(rng: np.random.Generator, paths: int, steps: int = 100, dt: float = 0.1) -> np.ndarray:
    """Simulate θ = σ = 1."""
    return linear(rng, paths, steps, dt, ONE, ONE)


def noisy(values: np.ndarray, rng: np.random.Generator, sd: float) -> np.ndarray:
    """Add observation noise."""
    return values + sd * rng.standard_normal(values.shape)


def wild(rng: np.random.Generator, paths: int) -> np.ndarray:
    """Put 10⁶ in the place of one value in 300."""
    values = ou(rng, paths)
    values.reshape(-1)[rng.integers(values.size)] = 1e6
    return values


def copied(rng: np.random.Generator, paths: int) -> np.ndarray:
    """Give half of the trajectories twice."""
    values = ou(rng, paths // 2)
    return np.concatenate([values, values])


def walk(rng: np.random.Generator, paths: int) -> np.ndarray:
    """Simulate a random walk."""
    x = np.cumsum(np.sqrt(0.1) * rng.standard_normal((paths, 100, 1)), axis=1)
    return noisy(x + rng.standard_normal((paths, 1, 1)), rng, 0.2)


def fractional(rng: np.random.Generator, paths: int, steps: int, hurst: float) -> np.ndarray:
    """Simulate fractional Gaussian noise of variance one by the Cholesky factor of its covariance."""
    k = np.arange(steps, dtype=float)
    row = 0.5 * ((k + 1) ** (2 * hurst) - 2 * k ** (2 * hurst) + np.abs(k - 1) ** (2 * hurst))
    factor = np.linalg.cholesky(row[np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))])
    return (rng.standard_normal((paths, steps)) @ factor.T)[..., None]


def rough(rng: np.random.Generator, paths: int) -> np.ndarray:
    """Drive an Ornstein–Uhlenbeck path by fractional noise of H = 0.3 and see it through noise."""
    steps, fine = 150, 4
    moves = fractional(rng, paths, (steps + 50) * fine, 0.3)[..., 0] * (0.1 / fine) ** 0.3
    x, kept = np.zeros(paths), []
    for move in moves.T:
        x = x - x * 0.1 / fine + move
        kept.append(x)
    return noisy(np.stack(kept, axis=1)[:, 50 * fine :: fine, None], rng, 0.2)


def switching(rng: np.random.Generator, paths: int) -> np.ndarray:
    """Let Σ jump between 0.25 and 4 at rate 1/3."""
    dt, steps = 0.1, 100
    loud = rng.random(paths) < 0.5
    x, kept = np.zeros(paths), []
    for _ in range(steps + 50):
        loud = loud ^ (rng.random(paths) < dt / 3)
        x = np.exp(-dt) * x + np.where(loud, 2.0, 0.5) * np.sqrt(dt) * rng.standard_normal(paths)
        kept.append(x)
    return np.stack(kept[50:], axis=1)[..., None]


def jumping(rng: np.random.Generator, paths: int) -> np.ndarray:
    """Add jumps N(0, 1.5²) at rate 0.2."""
    dt, x, kept = 0.1, np.zeros(paths), []
    for _ in range(150):
        jump = (rng.random(paths) < 0.2 * dt) * 1.5 * rng.standard_normal(paths)
        x = np.exp(-dt) * x + np.sqrt(dt) * rng.standard_normal(paths) + jump
        kept.append(x)
    return np.stack(kept[50:], axis=1)[..., None]


def exactly() -> sb.SDEModel:
    """Fit a linear drift to the states themselves."""
    return sb.SDEModel(observation=sb.Exact())


def through_noise() -> sb.SDEModel:
    """Fit a linear drift behind noise."""
    return sb.SDEModel(observation=sb.GaussianNoise())


def cubic_model() -> sb.SDEModel:
    """Fit the cubic's own form."""
    prior = sb.priors.Parametric(
        lambda x, t, p: p["a"] * x - p["b"] * x**3, {"a": dist.Normal(0, 3), "b": dist.HalfNormal(3)}
    )
    return sb.SDEModel(drift=prior, observation=sb.Exact())


def process_model() -> sb.SDEModel:
    """Fit a Gaussian process."""
    return sb.SDEModel(drift=sb.priors.GP(), observation=sb.Exact())


def well(rng: np.random.Generator, paths: int, steps: int = 150, dt: float = 0.1) -> np.ndarray:
    """Simulate 2x − 3x³ with Σ = 1/2."""
    return euler(rng, paths, steps, dt, lambda x: 2 * x - 3 * x**3, lambda x: np.sqrt(0.5) + 0 * x)


TURN = np.array([[0.7, 1.0], [-1.0, 0.7]])
VIOLATIONS = {
    "far start": Case(
        lambda rng, n: linear(rng, n, 100, 0.1, ONE, ONE, start=np.full((n, 1), 5.0)), 0.1, 8, exactly,
        ("First state",),
    ),
    "small noise": Case(
        lambda rng, n: noisy(ou(rng, n, 80), rng, 0.02), 0.1, 4, through_noise, ("Noise",)
    ),
    "coarse step": Case(
        lambda rng, n: noisy(ou(rng, n, 100, 3.0), rng, 0.5), 3.0, 8, through_noise,
        ("Noise", "Diffusion", "Time constants"),
    ),
    "slow path": Case(
        lambda rng, n: noisy(linear(rng, n, 60, 0.1, ONE / 20, ONE / 10), rng, 0.2), 0.1, 2, through_noise,
        ("Return to an equilibrium", "Time constants"),
    ),
    "outlier": Case(wild, 0.1, 3, exactly, ("Outliers",)),
    "duplicates": Case(copied, 0.1, 8, exactly, ("Duplicates",)),
    "multiplicative noise": Case(
        lambda rng, n: euler(rng, n, 150, 0.1, lambda x: -x, lambda x: np.sqrt(1 + x**2)), 0.1, 8,
        exactly, ("Constant noise",),
    ),
    "random walk": Case(walk, 0.1, 8, through_noise, ("Return to an equilibrium",)),
    "long memory": Case(
        lambda rng, n: noisy(fractional(rng, n, 200, 0.9), rng, 0.5), 1.0, 8, through_noise, ("Memory",)
    ),
    "trend": Case(
        lambda rng, n: ou(rng, n) + 0.2 * 0.1 * np.arange(100)[None, :, None], 0.1, 8, exactly, ("Trend",)
    ),
    "regime switching": Case(switching, 0.1, 8, exactly, ("Changing variance",)),
    "jumps": Case(jumping, 0.1, 8, exactly, ("Gaussian innovations",)),
}  # fmt: skip
HARDER = {
    "start at 2 sd": Case(
        lambda rng, n: linear(rng, n, 100, 0.1, ONE, ONE, start=np.full((n, 1), 2 / np.sqrt(2))), 0.1, 8,
        exactly, ("First state",),
    ),
    "fractional; H = 0.3": Case(rough, 0.1, 8, through_noise, ("Memory",)),
}  # fmt: skip
TRUTHS = {
    "OU": Case(ou, 0.1, 8, exactly),
    "OU + noise": Case(lambda rng, n: noisy(ou(rng, n, 150), rng, 0.3), 0.1, 8, through_noise),
    "rotating OU + noise": Case(
        lambda rng, n: noisy(linear(rng, n, 150, 0.2, TURN, np.eye(2)), rng, 0.3), 0.2, 8, through_noise
    ),
    "cubic": Case(lambda rng, n: well(rng, n, 300, 0.05), 0.05, 8, cubic_model),
    "GP": Case(well, 0.1, 8, process_model),
}
CASES = VIOLATIONS | HARDER | TRUTHS
