"""Outliers under Gaussian and Student-t noise: what they do to a drift, and how near the truth the latter's filter is.

``recover``: Ornstein–Uhlenbeck processes, dX = −A X dt + dW, in one state (A = 1) and rotating in two (A = [[1, −2],
[2, 1]]), four trajectories of 100 steps of .2, seen through normal noise of sd .3 that is ten times as large at 5 % of
steps, at random; ``clean`` without these. For each data set, model and matrix, A or Σ, the share of entries that 90 %
intervals hold, and the posterior mean less the truth, averaged over the diagonal. Models are scaled to the first data
set, so that fits share a compilation.

``filter``: log density of simulated data, 20 × 100 steps of Student-t noise of scale .3 or 1 beside a path of the same
processes, by the filter that goes on with a normal law after each step, less that by a particle filter over the noise's
scales, each particle with a Kalman filter of its own: unbiased, 300 particles.

Run: .uv/bin/uv run python benchmarks/robust_noise.py recover (or clean, or filter).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import typer
from jax.scipy.special import logsumexp
from record import keep

import sdebayes as sb
from sdebayes._core import precision
from sdebayes._core.linalg import stationary_covariance
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ObservedSDE, ScaleMixture
from sdebayes.likelihood import Kalman
from sdebayes.likelihood.arrays import read
from sdebayes.likelihood.kalman import transitions_of
from sdebayes.model.student_t_noise import student_t_scales
from sdebayes.schemes import LocalLinearization

SYSTEMS = {"1 state": [[1.0]], "2 states, rotating": [[1.0, -2.0], [2.0, 1.0]]}
NOISES = {"GaussianNoise": sb.GaussianNoise, "StudentTNoise": sb.StudentTNoise}
TRAJECTORIES, STEPS, DT, SD = 4, 100, 0.2, 0.3
app = typer.Typer(add_completion=False)


def process(A: Any, rate: float, noise: float, scales: ScaleMixture | None) -> ObservedSDE:
    """Return a stationary process behind noise of a variance, times what the scales say."""
    matrix, one = jnp.asarray(A), jnp.eye(len(A))
    sde = SDE(LinearDrift(matrix, 0 * one[0]), ConstantDiffusion(rate**0.5 * one))
    start = stationary_covariance(matrix, rate * one)
    return ObservedSDE(sde, 0 * one[0], start, one, noise * one, 0 * one, None, scales)


def drawn(system: str, seed: int, share: float) -> Any:
    """Return data with a share of outliers."""
    times = np.arange(STEPS) * DT
    outliers = ScaleMixture(jnp.log(jnp.array([1 - share, share])), jnp.array([1.0, 100.0]))
    truth = process(SYSTEMS[system], 1.0, SD**2, outliers)
    simulated = sb.simulate(truth, times, paths=TRAJECTORIES, seed=seed)
    values = simulated["y"].squeeze("sample").transpose("path", "time", ...).values
    return sb.trajectories(list(values), t=[times] * TRAJECTORIES)


@cache
def model(system: str, noise: str, share: float) -> sb.SDEModel:
    return sb.SDEModel(observation=NOISES[noise]()).scaled_to(drawn(system, 0, share))


def judged(system: str, noise: str, share: float, seed: int) -> dict[str, tuple[float, float]]:
    """Return coverage and error of A and Σ in one data set."""
    strategy = sb.NUTS(draws=200, warmup=200)
    posterior = sb.fit(model(system, noise, share), drawn(system, seed, share), strategy, seed=seed)
    one = posterior.sde()
    A = np.asarray(SYSTEMS[system])
    parts = {
        "A": (np.asarray(one.drift.matrix), A),
        "Σ": (np.asarray(jax.vmap(lambda s: s.covariance(jnp.zeros(len(A))))(one)), np.eye(len(A))),
    }
    found = {}
    for name, (draws, truth) in parts.items():
        low, high = np.quantile(draws, [0.05, 0.95], axis=0)
        entries = np.tril_indices(len(A)) if name == "Σ" else np.indices(A.shape)
        inside = ((low <= truth) & (truth <= high))[tuple(entries)].mean()
        found[name] = (float(inside), float(np.diagonal(draws.mean(0) - truth).mean()))
    return found


def study(kind: str, systems: list[str], share: float, seeds: int) -> None:
    for system in systems:
        for noise in NOISES:
            results = [judged(system, noise, share, seed) for seed in range(seeds)]
            rows = []
            for name in ("A", "Σ"):
                values = np.array([result[name] for result in results])
                middle, error = values.mean(0), values.std(0, ddof=1) / seeds**0.5
                rows.append(
                    {
                        "data": f"{system}, {kind}",
                        "model": noise,
                        "matrix": name,
                        "data sets": seeds,
                        "90 % intervals cover": f"{middle[0]:.3f} ± {error[0]:.3f}",
                        "bias": f"{middle[1]:+.3f} ± {error[1]:.3f}",
                        "sd of the mean": f"{values[:, 1].std(ddof=1):.3f}",
                    }
                )
                print(rows[-1], flush=True)
            keep("robust_noise", rows, ["data", "model"])


@app.command()
def recover(seeds: int = 30) -> None:
    """Fit data with outliers."""
    study("5 % outliers", list(SYSTEMS), 0.05, seeds)


@app.command()
def clean(seeds: int = 30) -> None:
    """Fit data without outliers."""
    study("no outliers", ["1 state"], 0.0, seeds)


def by_particles(observed: ObservedSDE, data: Any, key: Any, count: int = 300) -> Any:
    """Return an unbiased estimate's log at each step, (trajectory, time)."""
    laws = transitions_of(observed, LocalLinearization(), data.steps)
    R, scales, n = observed.noise_covariance, observed.noise_scales, len(observed.matrix)

    def one(inputs: Any) -> Any:
        values, index, key = inputs

        def step(cloud: Any, given: Any) -> Any:
            (mean, P), (y, u, k) = cloud, given
            S = P[:, None] + scales.factors[:, None, None] * R
            inverse, residual = jnp.linalg.inv(S), y - mean
            square = jnp.einsum("pi,psij,pj->ps", residual, inverse, residual)
            joint = scales.log_weights - 0.5 * (square + jnp.linalg.slogdet(2 * jnp.pi * S)[1])
            places = (jnp.arange(count) + jax.random.uniform(k, (count,))) / count
            found = jnp.searchsorted(jnp.cumsum(jax.nn.softmax(joint.ravel())), places)
            i, j = jnp.divmod(jnp.minimum(found, joint.size - 1), joint.shape[1])
            gain = P[i] @ inverse[i, j]
            mean, P = mean[i] + jnp.einsum("pij,pj->pi", gain, residual[i]), P[i] - gain @ P[i]
            F = laws.matrix[u]
            return (mean @ F.T + laws.shift[u], F @ P @ F.T + laws.covariance[u]), logsumexp(joint) - jnp.log(
                count
            )

        start = jnp.zeros((count, n)), jnp.broadcast_to(observed.initial_covariance, (count, n, n))
        index = jnp.append(index, 0)
        return jax.lax.scan(step, start, (values, index, jax.random.split(key, len(values))))[1]

    keys = jax.random.split(key, len(data.values))
    return jax.lax.map(one, (data.values, jnp.asarray(data.step_index), keys))


@app.command("filter")
def filter_error(trajectories: int = 20) -> None:
    """Compare the filter with particles."""
    likelihood = sb.StudentTNoise().likelihood(True, LocalLinearization())
    with precision.scope("float64"):
        for system, A in SYSTEMS.items():
            n, rows = len(A), []
            shape = (trajectories, STEPS, n)
            for dt in (0.1, 1.0):
                white = np.random.default_rng(0).normal(size=shape)
                data = read(sb.trajectories(list(white), t=[np.arange(STEPS) * dt] * trajectories))
                for scale in (0.3, 1.0):
                    for nu in (2.2, 3.0, 5.0, 30.0):
                        truth = process(A, 2.0, scale**2 * nu / (nu - 2), student_t_scales(jnp.asarray(nu)))
                        values = Kalman(LocalLinearization()).replicate(truth, data, jax.random.key(1))
                        seen = eqx.tree_at(lambda o: o.values, data, values)
                        fast = jax.jit(likelihood.log_density)(truth, seen)
                        slow = jax.jit(by_particles)(truth, seen, jax.random.key(0))
                        apart = np.asarray((fast - slow).mean(1))
                        middle, error = apart.mean(), apart.std(ddof=1) / trajectories**0.5
                        row = {"process": system, "step": dt, "scale of noise": scale, "ν": nu}
                        rows.append(row | {"nats an observation": f"{middle:+.5f} ± {error:.5f}"})
                        print(rows[-1], flush=True)
            keep("robust_noise_filter", rows, ["process"])


if __name__ == "__main__":
    app()
