"""Choose the prior of a field's size, length-scale and trend: error of a drift under several, by quadrature.

Paths of the Euler–Maruyama law itself (Δt = 0.05, two states) of a double well, a rotating Ornstein–Uhlenbeck process,
a limit cycle, a drift of many wiggles and one of two steep fronts; Σ known. Of each output apart: an offset and slopes
with a wide normal prior, and α d u(x) with u a Gaussian process of 10 × 10 sines on a box of 1.5 times the extent, d
the larger of s / T and q / s, ℓ the same for both states, α half-normal and ℓ log-normal. Posterior means and evidence
at each of 14 × 12 values of ℓ and α, weighted by evidence and prior: no sampler, so that priors are compared on the
same numbers. With a trend c the sines fall to 0 towards the edge of the box and monomials of degree 2 and 3 stand
beside them, as in `HSGP`. NMSE of the posterior mean and coverage of 95 % bands at 200 states along the path; coverage
also at states near data and far from all, the regions of `recovery.py`.

Run: OPENBLAS_NUM_THREADS=1 .uv/bin/uv run python benchmarks/field_prior.py --seeds 16
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import typer
from record import keep
from recovery import REGIONS
from rich.console import Console
from rich.table import Table
from scipy.special import logsumexp

import sdebayes as sb

DT, BURN_IN, POINTS, FUNCTIONS, BOX, WIDE = 0.05, 200, 200, 10, 1.5, 3.0
LENGTHSCALES, AMPLITUDES = np.geomspace(0.3, 8, 14), np.geomspace(0.1, 30, 12)
SIZES = [
    (median, spread, size) for median in (np.sqrt(2), 2.0, 2.8) for spread in (0.4, 0.6) for size in (1, 3, 5)
]
PRIORS = [*((*size, 0.0) for size in SIZES), *((np.sqrt(2), 0.6, 3, c) for c in (0.1, 0.2, 0.4))]
POWERS = np.array([k for k in product(range(4), repeat=2) if sum(k) in (2, 3)])
WINDOW, TREND_WINDOW = (0.8, 1.0), (1.0, 4 / 3)  # where functions begin to fall, and end, in half-lengths
OWN: dict[str, tuple[Callable[[Any], Any], float]] = {
    "wiggles": (
        lambda x: jnp.stack([-x[0] + 1.5 * jnp.sin(4 * x[0]), -x[1] + 1.5 * jnp.sin(4 * x[1] + x[0])]),
        1.0,
    ),
    "fronts": (
        lambda x: jnp.stack([-x[0] + 2 * jnp.tanh(10 * x[1]), -x[1] - 2 * jnp.tanh(10 * x[0])]),
        0.5,
    ),
}
COVERED = ("covered", *(f"covered {name}" for name in REGIONS if name != "path"))
SYSTEMS = ("double_well", "ornstein_uhlenbeck", "limit_cycle", *OWN)


def simulate(system: str, steps: int, seed: int) -> tuple[np.ndarray, Callable[[Any], Any], np.ndarray]:
    """Return states of the Euler–Maruyama law, the drift and Σ."""
    if system in OWN:
        drift, sigma = OWN[system][0], OWN[system][1] * np.eye(2)
    else:
        truth = sb.datasets.benchmark(system, 10, DT, seed=seed)[1]
        drift, sigma = truth.drift, np.asarray(truth.covariance(jnp.zeros(2)))
    noise = (
        np.random.default_rng(seed).normal(size=(BURN_IN + steps - 1, 2)) @ np.linalg.cholesky(DT * sigma).T
    )

    def step(x: Any, e: Any) -> tuple[Any, Any]:
        following = x + DT * drift(x) + e
        return following, following

    return np.asarray(jax.lax.scan(step, jnp.zeros(2), jnp.asarray(noise))[1])[BURN_IN - 1 :], drift, sigma


def size_of_drift(x: np.ndarray) -> np.ndarray:
    """Return the larger of s / T and q / s, (state,)."""
    sd, rate = x.std(0), np.mean(np.diff(x, axis=0) ** 2, axis=0) / DT
    centred = x - x.mean(0)
    correlation = [np.correlate(z, z, "full")[len(z) - 1 :] / (z @ z) for z in centred.T]
    time = DT * np.array([np.argmax(values < np.exp(-1)) for values in correlation])
    return np.maximum(sd / time, rate / sd)


def fading(z: np.ndarray, start: float, end: float) -> np.ndarray:
    """Return what falls smoothly from 1 to 0 in each state, multiplied over states, (point,)."""
    part = np.clip((np.abs(z) - start) / (end - start), 0, 1)
    return np.prod(1 - part**3 * (10 - 15 * part + 6 * part**2), axis=1)


class Functions:
    """Offset, slopes and sines of the box around a path, and monomials where there is a trend."""

    def __init__(self, x: np.ndarray, trend: float) -> None:
        self.middle, self.sd, self.trend = x.mean(0), x.std(0), trend
        self.half_length = BOX * np.abs(x - self.middle).max(0)
        numbers = np.array(list(product(range(1, FUNCTIONS + 1), repeat=2)))
        self.frequencies = np.pi * numbers / (2 * self.half_length)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return their values at states, (point, function)."""
        z, standard = (x - self.middle) / self.half_length, (x - self.middle) / self.sd
        shifted = ((np.clip(z, -1, 1) + 1) * self.half_length)[:, None] * self.frequencies
        sines = np.prod(np.sin(shifted) / np.sqrt(self.half_length), axis=-1)
        columns = [np.ones(len(x)), standard, sines * fading(z, *WINDOW)[:, None]]
        if self.trend:
            monomials = np.prod((standard[:, None] / np.sqrt(2)) ** POWERS, axis=-1)
            columns.append(monomials * fading(z, *TREND_WINDOW)[:, None])
        return np.column_stack(columns)

    def scales(self, lengthscale: float, amplitude: float, size: float) -> np.ndarray:
        """Return the prior standard deviation of each weight."""
        reach = lengthscale * self.sd
        density = 2 * np.pi * np.prod(reach) * np.exp(-0.5 * np.sum((self.frequencies * reach) ** 2, axis=1))
        field = np.append(
            np.sqrt(np.maximum(density, 1e-12)), np.full(len(POWERS) * (self.trend > 0), self.trend)
        )
        return size * np.append(np.full(3, WIDE), amplitude * field)


def posterior(scale: np.ndarray, gram: np.ndarray, right: np.ndarray, at: np.ndarray) -> tuple[Any, Any, Any]:
    """Return log evidence up to a constant, and mean and variance at the probes."""
    root = np.linalg.cholesky(np.eye(len(scale)) + scale[:, None] * gram * scale)
    solved = np.linalg.solve(root, np.column_stack([scale * right, (at * scale).T]))
    evidence = 0.5 * solved[:, 0] @ solved[:, 0] - np.sum(np.log(np.diag(root)))
    return evidence, solved[:, 1:].T @ solved[:, 0], np.sum(solved[:, 1:] ** 2, axis=0)


def judge(system: str, steps: int, seed: int) -> np.ndarray:
    """Return NMSE along the path, and coverage in each region, under each prior, (prior, 1 + region)."""
    x, drift, sigma = simulate(system, steps, seed)
    size = size_of_drift(x)
    regions = [region(x) for region in REGIONS.values()]
    cuts = np.cumsum([len(states) for states in regions])[:-1]
    probes = np.concatenate(regions)
    true = np.asarray(jax.vmap(drift)(jnp.asarray(probes)))
    grid = list(product(LENGTHSCALES, AMPLITUDES))
    length, amplitude = np.array(grid).T
    found = np.zeros((len(PRIORS), 1 + len(regions)))
    for trend, (j, variance) in product(
        dict.fromkeys(prior[-1] for prior in PRIORS), enumerate(np.diag(sigma))
    ):
        functions = Functions(x, trend)
        design, at = functions(x[:-1]), functions(probes)
        gram, right = DT * design.T @ design / variance, design.T @ np.diff(x[:, j]) / variance
        parts = [posterior(functions.scales(*values, size[j]), gram, right, at) for values in grid]
        evidence, means, variances = (np.array(part) for part in zip(*parts, strict=True))
        for k, (median, spread, scale, own) in enumerate(PRIORS):
            if own != trend:
                continue
            law = (
                -0.5 * (np.log(length / median) / spread) ** 2
                - 0.5 * (amplitude / scale) ** 2
                + np.log(amplitude)
            )
            weight = np.exp(evidence + law - logsumexp(evidence + law))
            mean = weight @ means
            sd = np.sqrt(weight @ (variances + (means - mean) ** 2))
            error = mean - true[:, j]
            path = slice(0, cuts[0])
            held = [np.mean(part) / 2 for part in np.split(np.abs(error) < 1.96 * sd, cuts)]
            found[k] += np.sum(error[path] ** 2) / np.sum(true[path] ** 2), *held
    return found


def main(
    seeds: Annotated[int, typer.Option(help="Number of paths.")] = 16,
    systems: Annotated[str, typer.Option(help="Names, with commas.")] = ",".join(SYSTEMS),
    steps: Annotated[int, typer.Option(help="Number of observations.")] = 2000,
) -> None:
    """Measure and show."""
    for system in systems.split(","):
        found = np.array([judge(system, steps, seed) for seed in range(seeds)])
        table = Table(title=f"{system}, {steps} steps, {seeds} paths; 'beside the first': paired NMSE")
        keys = ("median of ℓ", "sd of log ℓ", "scale of α", "trend")
        heads = (*keys, "NMSE", "beside the first", *COVERED)
        for head in heads:
            table.add_column(head)
        for k, (median, spread, scale, trend) in enumerate(PRIORS):
            difference = found[:, k, 0] - found[:, 0, 0]
            cells = (
                f"{median:.2f}",
                f"{spread:g}",
                f"{scale:g}",
                f"{trend:g}",
                f"{found[:, k, 0].mean():.4f}",
                f"{difference.mean():+.4f} ± {difference.std(ddof=1) / np.sqrt(seeds):.4f}",
                *(
                    f"{part.mean():.3f} ± {part.std(ddof=1) / np.sqrt(seeds):.3f}"
                    for part in found[:, k, 1:].T
                ),
            )
            table.add_row(*cells)
            row = {"system": system, "steps": str(steps)} | dict(zip(heads, cells, strict=True))
            keep("field_prior", [row], ("system", "steps", *keys))
        Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
