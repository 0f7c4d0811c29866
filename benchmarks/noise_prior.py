"""Compare priors of learned noise by coverage, and count whether a fit says where the data cannot tell.

An Ornstein–Uhlenbeck process with observation noise, one state, seen in several ways. The default table compares laws
of the variances and of the time constant by an ensemble sampler over (b, v, share, τ) on many data sets at once;
--fits fits the package's default model by NUTS, and counts the findings "Noise", "Diffusion" and "Time constants" that
warn. The tables go to benchmarks/results/noise_prior.csv and noise_prior_fits.csv.

Run: .uv/bin/uv run python benchmarks/noise_prior.py --sets 60 [--fits] [--cells small coarse]
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax.scipy.special import ndtr
from record import keep

import sdebayes as sb


class Cell(NamedTuple):
    """How the process is seen: paths and steps, step and time constant, variances of path and noise."""

    paths: int
    steps: int
    step: float
    tau: float
    path: float
    noise: float


CELLS = {
    "usual": Cell(4, 80, 0.1, 1.0, 0.5, 0.1),
    "small": Cell(4, 80, 0.1, 1.0, 0.5, 0.0004),
    "coarse": Cell(4, 80, 3.0, 1.0, 0.5, 0.25),
    "slow": Cell(2, 60, 0.1, 20.0, 1.0, 0.01),
    "one": Cell(1, 100, 0.1, 1.0, 0.5, 0.1),
    "text": Cell(10, 100, 1.0, 8.0, 0.4, 0.5),
}
SHARES = {
    "Beta(2, 2)": lambda z: jax.nn.sigmoid(1.136 * z),  # the logistic-normal law of the same two moments
    "uniform": ndtr,
    "arcsine": lambda z: jnp.sin(0.5 * jnp.pi * ndtr(z)) ** 2,
}
LAWS = {  # share, sd of log v, sd of b over the data's, whether tau spans from a step to the duration
    "Beta(2, 2), eight steps": ("Beta(2, 2)", 0.5, 1.0, False),
    "uniform, span": ("uniform", 1.0, 1.0, True),
    "arcsine, span": ("arcsine", 1.0, 1.0, True),
    "arcsine, span, wider v and b": ("arcsine", 1.5, 2.0, True),
}
WALKERS, ITERATIONS = 48, 1200
SUBJECTS = ("Noise", "Diffusion", "Time constants")


def simulate(cell: Cell, seed: int) -> np.ndarray:
    """Exact transitions from the stationary law, (path, step)."""
    rng = np.random.default_rng(1000 + seed)
    decay = np.exp(-cell.step / cell.tau)
    x = np.sqrt(cell.path) * rng.standard_normal((cell.paths, cell.steps))
    for k in range(1, cell.steps):
        x[:, k] = decay * x[:, k - 1] + np.sqrt(1 - decay**2) * x[:, k]
    return x + np.sqrt(cell.noise) * rng.standard_normal(x.shape)


def log_likelihood(y, step, b, path, noise, tau):
    decay = jnp.exp(-step / tau)

    def move(carry, value):
        mean, variance, total = carry
        spread = variance + noise
        residual = value - mean
        total -= 0.5 * jnp.sum(residual**2) / spread + 0.5 * len(value) * jnp.log(spread)
        mean, left = mean + variance / spread * residual, variance * noise / spread
        return (b + decay * (mean - b), decay**2 * left + path * (1 - decay**2), total), None

    return jax.lax.scan(move, (jnp.full(y.shape[0], b), path, 0.0), y.T)[0][2]


def parameters(u, scale, law):
    share, spread, width, _ = LAWS[law]
    mean, variance, log_tau, tau_spread = scale
    total = variance * jnp.exp(spread * u[1])
    b, tau = mean + width * jnp.sqrt(variance) * u[0], jnp.exp(log_tau + tau_spread * u[3])
    return jnp.stack([b, total * SHARES[share](u[2]), total * SHARES[share](-u[2]), tau])


@partial(jax.jit, static_argnames=("step", "law"))
def posterior(key, y, scale, step, law):
    """Draw (b, P, R, tau) for each data set by stretch moves (Goodman & Weare 2010, doi:10.2140/camcos.2010.5.65)."""

    def of_one(key, y, scale):
        def density(u):
            value = log_likelihood(y, step, *parameters(u, scale, law)) - 0.5 * jnp.sum(u**2)
            return jnp.where(jnp.isfinite(value), value, -jnp.inf)

        def move(state, key):
            u, value = state
            for half in (0, 1):
                stretch, partner, accept = jax.random.split(jax.random.fold_in(key, half), 3)
                z = (1 + jax.random.uniform(stretch, (WALKERS // 2,))) ** 2 / 2
                other = u[1 - half][jax.random.randint(partner, (WALKERS // 2,), 0, WALKERS // 2)]
                proposed = other + z[:, None] * (u[half] - other)
                new = jax.vmap(density)(proposed)
                taken = jnp.log(jax.random.uniform(accept, z.shape)) < 3 * jnp.log(z) + new - value[half]
                u = u.at[half].set(jnp.where(taken[:, None], proposed, u[half]))
                value = value.at[half].set(jnp.where(taken, new, value[half]))
            return (u, value), u

        first, key = jax.random.split(key)
        u = 0.3 * jax.random.normal(first, (2, WALKERS // 2, 4))
        _, kept = jax.lax.scan(move, (u, jax.vmap(jax.vmap(density))(u)), jax.random.split(key, ITERATIONS))
        kept = kept[ITERATIONS // 3 :: 4].reshape(-1, 4)
        return jax.vmap(lambda u: parameters(u, scale, law))(kept)

    return jax.vmap(of_one)(jax.random.split(key, len(y)), y, scale)


def by_ensemble(cell: Cell, law: str, sets: int) -> dict[str, float]:
    y = np.stack([simulate(cell, seed) for seed in range(sets)])
    duration, flat = cell.step * (cell.steps - 1), y.reshape(sets, -1)
    log_tau, spread = np.log(8 * cell.step), 1.0
    if LAWS[law][3]:
        log_tau, spread = 0.5 * np.log(cell.step * duration), max(0.5 * np.log(duration / cell.step), 1.0)
    scale = np.stack([flat.mean(1), flat.var(1), np.full(sets, log_tau), np.full(sets, spread)], 1)
    _, path, noise, tau = np.moveaxis(
        np.asarray(posterior(jax.random.key(0), y, scale, cell.step, law)), 2, 0
    )
    return covered(cell, path, noise, tau)


def covered(cell: Cell, path, noise, tau) -> dict[str, float]:
    """Share of data sets whose 90 % intervals hold the truth; draws are (data set, draw)."""
    truth = {"P": (path, cell.path), "R": (noise, cell.noise), "tau": (tau, cell.tau)}
    truth["Sigma"] = (2 * path / tau, 2 * cell.path / cell.tau)
    found = {}
    for name, (draws, value) in truth.items():
        low, high = np.quantile(draws, (0.05, 0.95), axis=1)
        found[name] = float(np.mean((low <= value) & (value <= high)))
    return found


def by_fits(cell: Cell, sets: int) -> dict[str, float]:
    draws, warned = [], []
    for seed in range(sets):
        times = [cell.step * np.arange(cell.steps)] * cell.paths
        data = sb.trajectories(list(simulate(cell, seed)[..., None]), t=times)
        model = sb.SDEModel(observation=sb.GaussianNoise())
        fitted = sb.fit(model, data, sb.NUTS(draws=300, warmup=200), seed=seed, progress=False)
        group = fitted.data["posterior"]
        names = ("stationary_variance", "noise_variance", "time_constant")
        draws.append(np.stack([group[name].values.ravel() for name in names]))
        findings = {f.subject: f.severity in ("warning", "problem") for f in fitted.diagnosis()}
        warned.append([findings[subject] for subject in SUBJECTS])
    told = dict(zip((f"{s} warns" for s in SUBJECTS), np.mean(warned, axis=0), strict=True))
    return {
        **covered(cell, *np.moveaxis(np.array(draws), 1, 0)),
        **told,
        "any warns": np.mean(np.any(warned, axis=1)),
    }


def main() -> None:
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("--fits", action="store_true", help="fit the default model")
    reader.add_argument("--sets", type=int, default=60)
    reader.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS))
    asked = reader.parse_args()
    rows = []
    for name in asked.cells:
        for law in ["the default, fitted"] if asked.fits else LAWS:
            cell = CELLS[name]
            found = by_fits(cell, asked.sets) if asked.fits else by_ensemble(cell, law, asked.sets)
            rows.append({"data": name, "law": law, "sets": asked.sets, **found})
            print(pd.DataFrame(rows[-1:]).round(2).to_string(index=False, header=len(rows) == 1), flush=True)
            keep("noise_prior_fits" if asked.fits else "noise_prior", rows[-1:], ("data", "law"))


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    main()
