"""Measure how far each scheme puts drift and Σ off their true values, and from which step on.

The truth's own parametric family is fitted by maximum likelihood under the law of one step, to pairs of a state drawn
from the stationary law and of the state Δt later. So what is off is the scheme's bias, as the number of pairs grows.
From each of the stratified states start many paths, whose noise has both signs and is made orthogonal over them: that
leaves the law of a path as it is, but for 1/N, and takes most of the sampling error away. The paths are simulated
exactly, or with a method of weak order 2 at steps of 1/160.

Errors, with standard errors over seeds: of the drift, √(E|f̂ − f|²/E|f|²) at the mean estimate; of Σ, tr Σ̂ / tr Σ − 1.

Run: .uv/bin/uv run python benchmarks/scheme_bias.py [system ...]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from record import keep
from rich.console import Console
from rich.table import Table

from sdebayes._core import precision
from sdebayes.dynamics import SDE, ConstantDiffusion, ParametricDiffusion, ParametricDrift
from sdebayes.schemes import (
    AbstractScheme,
    EulerMaruyama,
    LinearNoise,
    LocalLinearization,
    Moments,
    Strang,
    Substeps,
)

STEPS = (0.0125, 0.025, 0.05, 0.1, 0.2, 0.4)
SCHEMES: tuple[AbstractScheme, ...] = (
    EulerMaruyama(),
    LocalLinearization(),
    Moments(),
    LinearNoise(),
    LinearNoise(steps=2),
    Substeps(EulerMaruyama(), 4),
    Substeps(Moments(), 2),
    Strang(),
)
SEEDS, STARTS, PATHS, FINE, SUBSET, ITERATIONS = 6, 64, 256, 1 / 160, 2_000, 8

Parameters = dict[str, jax.Array]


@dataclass(frozen=True)
class System:
    """A truth, its family, and how states are drawn from it."""

    drift: Callable
    truth: dict[str, float]
    dim: int
    start: Callable[[np.random.Generator, int], np.ndarray]
    shape: Callable | None = None

    def sde(self, p: Parameters) -> SDE:
        """Return the member of the family: Σ = exp(s) I, times what the shape says."""
        if self.shape is None:
            return SDE(
                ParametricDrift(self.drift, p), ConstantDiffusion(jnp.exp(p["s"] / 2) * jnp.eye(self.dim))
            )
        return SDE(ParametricDrift(self.drift, p), ParametricDiffusion(self.shape, p))


def by_density(
    log_density: Callable, limits: tuple[float, float]
) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Draw one number from a density, up to a factor, by inversion on a grid."""
    grid = np.linspace(*limits, 20_001)
    mass = np.cumsum(np.exp(log_density(grid)))
    return lambda rng, n: np.interp((rng.permutation(n) + rng.uniform(size=n)) / n, mass / mass[-1], grid)


def normal(sd: float, dim: int) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Draw from N(0, sd² I), each state stratified."""
    one = by_density(lambda x: -0.5 * (x / sd) ** 2, (-6 * sd, 6 * sd))
    return lambda rng, n: np.stack([one(rng, n) for _ in range(dim)], -1)


def double_well_start(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw from exp(−2V/Σ), Σ = ½, and for the second state from its normal law."""
    well = by_density(lambda x: 4 * (x**2 / 2 - x**4 / 4), (-3, 3))
    return np.concatenate([well(rng, n)[:, None], normal(0.5, 1)(rng, n)], -1)


def limit_cycle_start(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw from exp(2 (r²/2 − r⁴/4)/Σ), Σ = 0.2, with a uniform angle."""
    r = by_density(lambda r: 10 * (r**2 / 2 - r**4 / 4) + np.log(r + 1e-300), (0, 2.5))(rng, n)
    angle = 2 * np.pi * (rng.permutation(n) + rng.uniform(size=n)) / n
    return np.stack([r * np.cos(angle), r * np.sin(angle)], -1)


SYSTEMS = {
    "OU": System(
        lambda x, t, p: jnp.stack([-p["a"] * x[0] - p["b"] * x[1], p["c"] * x[0] - p["d"] * x[1]]),
        {"a": 1.0, "b": 2.0, "c": 2.0, "d": 1.0, "s": 0.0},
        2,
        normal(np.sqrt(0.5), 2),
    ),
    "DW": System(
        lambda x, t, p: jnp.stack([p["a"] * x[0] - p["b"] * x[0] ** 3, -p["c"] * x[1]]),
        {"a": 1.0, "b": 1.0, "c": 1.0, "s": np.log(0.5)},
        2,
        double_well_start,
    ),
    "LC": System(
        lambda x, t, p: (p["a"] - p["b"] * (x @ x)) * x + p["c"] * jnp.stack([-x[1], x[0]]),
        {"a": 1.0, "b": 1.0, "c": 2.0, "s": np.log(0.2)},
        2,
        limit_cycle_start,
    ),
    "sinh OU": System(
        lambda x, t, p: -p["a"] * jnp.arcsinh(x) * jnp.sqrt(1 + x**2) + p["b"] * x,
        {"a": 1.0, "b": 0.25, "s": np.log(0.5)},
        1,
        lambda rng, n: np.sinh(normal(0.5, 1)(rng, n)),
        lambda x, t, p: jnp.exp(p["s"] / 2) * jnp.sqrt(1 + x**2)[:, None],
    ),
}


def orthogonal(noise: np.ndarray) -> np.ndarray:
    """Make the columns of noise (start, path, column) orthogonal over the paths, of unit variance."""
    vectors, triangle = np.linalg.qr(noise)
    signs = np.sign(np.einsum("skk->sk", triangle))
    return np.sqrt(noise.shape[1]) * vectors * signs[:, None]


def pairs(name: str, seed: int) -> dict[float, tuple[np.ndarray, np.ndarray]]:
    """Draw x and X(Δt) for every Δt."""
    system, rng = SYSTEMS[name], np.random.default_rng(seed)
    count = round(STEPS[-1] / FINE)
    white = orthogonal(rng.standard_normal((STARTS, PATHS, count * system.dim)))
    white = np.concatenate([white, -white], 1).reshape(-1, count, system.dim)
    start = np.repeat(system.start(rng, STARTS), 2 * PATHS, 0)
    sde = system.sde({key: jnp.asarray(value) for key, value in system.truth.items()})
    root, x, found = float(np.exp(system.truth["s"] / 2)), start, {}
    drift = jax.jit(jax.vmap(sde.drift))
    latent = np.arcsinh(x)
    decay = np.exp(-FINE)
    scale = root * np.sqrt((1 - decay**2) / 2)
    for k in range(count):
        if name == "sinh OU":
            latent = decay * latent + scale * white[:, k]
            x = np.sinh(latent)
        else:
            kick = root * np.sqrt(FINE) * white[:, k]
            here = np.asarray(drift(x))
            x = x + 0.5 * FINE * (here + np.asarray(drift(x + FINE * here + kick))) + kick
        for step in STEPS:
            if round(step / FINE) == k + 1:
                found[step] = (start, x)
    return found


def estimator(system: System, scheme: AbstractScheme) -> Callable:
    """Compile the maximum-likelihood estimate: Newton's method, the Hessian from a subset of the pairs."""
    names = list(system.truth)

    def loss(theta: jax.Array, x: jax.Array, following: jax.Array, dt: jax.Array) -> jax.Array:
        sde = system.sde(dict(zip(names, theta, strict=True)))
        return -jnp.mean(jax.vmap(lambda a, b: scheme.log_density(sde, a, b, 0.0, dt))(x, following))

    @jax.jit
    def estimate(x: jax.Array, following: jax.Array, dt: jax.Array) -> jax.Array:
        keep = slice(None, None, x.shape[0] // SUBSET)

        def improve(theta: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
            slope = jax.grad(loss)(theta, x, following, dt)
            bend = jax.hessian(loss)(theta, x[keep], following[keep], dt)
            change = jnp.linalg.solve(bend, slope)
            return theta - change * jnp.minimum(1.0, 0.5 / jnp.max(jnp.abs(change))), jnp.max(jnp.abs(change))

        start = jnp.asarray(list(system.truth.values()))
        theta, changes = jax.lax.scan(improve, start, None, ITERATIONS)
        return jnp.append(theta, changes[-1])

    return estimate


def errors(system: System, estimates: np.ndarray, x: np.ndarray) -> tuple[float, float, float, float]:
    """Return the errors of drift and Σ, each with its standard error; estimates are (seed, parameter)."""
    names, truth = list(system.truth), np.array(list(system.truth.values()))
    field = jax.vmap(lambda p, at: system.drift(at, 0.0, dict(zip(names, p, strict=True))), (None, 0))

    def drift_error(mean: np.ndarray) -> float:
        true = field(jnp.asarray(truth), x)
        return float(jnp.sqrt(jnp.sum((field(jnp.asarray(mean), x) - true) ** 2) / jnp.sum(true**2)))

    n = estimates.shape[0]
    left_out = np.array([drift_error(np.delete(estimates, k, 0).mean(0)) for k in range(n)])
    ratio = np.exp(estimates[:, -1] - truth[-1]) - 1
    return (
        drift_error(estimates.mean(0)),
        float(np.sqrt((n - 1) * left_out.var())),
        float(ratio.mean()),
        float(ratio.std(ddof=1) / np.sqrt(n)),
    )


def study(name: str) -> dict[tuple[str, float], tuple[float, float, float, float]]:
    """Fit every scheme at every step and print the table."""
    system, found = SYSTEMS[name], {}
    data = [pairs(name, seed) for seed in range(SEEDS)]
    tables = [Table(title=f"{name}: error of {what}, %") for what in ("the drift", "Σ")]
    for table in tables:
        for title in ("scheme", *(f"Δt = {dt:g}" for dt in STEPS)):
            table.add_column(title)
    for scheme in SCHEMES:
        if scheme.requires_additive_noise and system.shape is not None:
            continue
        estimate, rows = estimator(system, scheme), ([], [])
        for dt in STEPS:
            fits = np.array([estimate(*map(jnp.asarray, one[dt]), dt) for one in data])
            value = errors(system, fits[:, :-1], data[0][dt][0])
            found[scheme.title, dt] = value
            mark = "" if fits[:, -1].max() < 5e-3 else " (not converged)"
            rows[0].append(f"{100 * value[0]:.2f} ± {100 * value[1]:.2f}{mark}")
            rows[1].append(f"{100 * value[2]:+.2f} ± {100 * value[3]:.2f}{mark}")
        keep(
            "scheme_bias",
            [{"system": name, "scheme": scheme.title} | largest(found, scheme.title)],
            ("system", "scheme"),
        )
        for table, row in zip(tables, rows, strict=True):
            table.add_row(scheme.title, *row)
            print(name, table.title, scheme.title, *row, sep=" | ", flush=True)
    for table in tables:
        Console(width=160).print(table)
    return found


def largest(found: dict[tuple[str, float], tuple[float, float, float, float]], title: str) -> dict[str, str]:
    """Say the larger of the errors of drift and Σ at each step, %."""
    cells = {}
    for dt in STEPS:
        drift, drift_error, sigma, sigma_error = (100 * value for value in found[title, dt])
        value, error = max((drift, drift_error), (abs(sigma), sigma_error))
        cells[f"Δt = {dt:g}"] = f"{value:.1f} ± {error:.1f}"
    return cells


def main() -> None:
    with precision.scope("float64"):
        for name in sys.argv[1:] or SYSTEMS:
            found = study(name)
            plain = EulerMaruyama().title
            for scheme in {title: None for title, _ in found if title != plain}:
                better = [
                    dt
                    for dt in STEPS[:-2]
                    if found[scheme, 4 * dt][0] <= found[plain, dt][0] + 2 * found[plain, dt][1]
                    and abs(found[scheme, 4 * dt][2]) <= abs(found[plain, dt][2]) + 2 * found[plain, dt][3]
                ]
                print(f"{name}: {scheme} at 4Δt has no more error than {plain} at Δt = {better}")


if __name__ == "__main__":
    main()
