"""Measure one value-and-gradient of the latent text model, beside the filter a competent user would write.

Both sides have the same data (33 trajectories × 130 steps × 8 states, simulated from the model), the same prior and the
same NumPyro model around the likelihood. "Per document" is the textbook filter, one scan a document under ``vmap``;
"shared covariances" is the same recursion with one covariance scan for all documents and JAX's own derivative of the
Cholesky solve, the layout whose 4.7 ms FACTS reports; "sdebayes" is the likelihood of the package. Where states are
independent, "one by one" is the likelihood of the package for these, "jointly" its likelihood of any linear SDE.

Run: .uv/bin/uv run python benchmarks/kalman_gradient.py (or with coupled, independent).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
import typer
import xarray as xr
from jax.scipy.linalg import cho_solve, solve_triangular
from numpyro.handlers import seed, substitute
from numpyro.infer.util import constrain_fn
from record import keep
from rich.console import Console
from rich.table import Table

import sdebayes as sb
from sdebayes._core.precision import scope, single_blas_thread
from sdebayes.inference.target import make_target
from sdebayes.likelihood.arrays import read
from sdebayes.likelihood.linear_gaussian import LinearGaussian, linear_gaussian, shared_log_density

REPEATS, FEW = 100, 20


def data(states: int = 8) -> xr.Dataset:
    rng = np.random.default_rng(0)
    x = np.zeros((33, states))
    steps = []
    effect = rng.normal(0, 0.4, x.shape)
    for _ in range(130):
        x = 0.85 * x + rng.normal(0, 0.35, x.shape)
        steps.append(x + effect + rng.normal(0, 0.65, x.shape))
    return sb.trajectories(np.stack(steps, axis=1))


def per_document(system: LinearGaussian, y: jax.Array) -> jax.Array:
    F, s, Q, H = system.transition[0], system.shift[0], system.process[0], system.matrix

    def step(carry, value):
        m, P = carry
        factor = jnp.linalg.cholesky(H @ P @ H.T + system.noise)
        r = value - H @ m
        K = cho_solve((factor, True), H @ P).T
        white = solve_triangular(factor, r, lower=True)
        m, P = m + K @ r, P - K @ H @ P
        density = -0.5 * white @ white - jnp.log(jnp.diagonal(factor)).sum() - 4 * jnp.log(2 * jnp.pi)
        return (F @ m + s, F @ P @ F.T + Q), density

    return jax.vmap(lambda one: jax.lax.scan(step, (system.mean, system.covariance), one)[1].sum())(y).sum()


def shared_covariances(system: LinearGaussian, y: jax.Array) -> jax.Array:
    F, s, Q, H = system.transition[0], system.shift[0], system.process[0], system.matrix

    def step(carry, values):
        m, P = carry
        factor = jnp.linalg.cholesky(H @ P @ H.T + system.noise)
        r = values - m @ H.T
        K = cho_solve((factor, True), H @ P).T
        white = solve_triangular(factor, r.T, lower=True)
        m, P = m + r @ K.T, P - K @ H @ P
        logs = jnp.log(jnp.diagonal(factor)).sum() + 4 * jnp.log(2 * jnp.pi)
        return (m @ F.T + s, F @ P @ F.T + Q), -0.5 * (white**2).sum() - values.shape[0] * logs

    start = (jnp.broadcast_to(system.mean, (y.shape[0], system.mean.shape[0])), system.covariance)
    return jax.lax.scan(step, start, jnp.swapaxes(y, 0, 1))[1].sum()


def of_any_linear_sde(system: LinearGaussian, y: jax.Array) -> jax.Array:
    return shared_log_density(system, read(sb.trajectories(np.asarray(y)))).sum()


def milliseconds(functions: dict[str, Callable], z: jax.Array, repeats: int) -> dict[str, list[float]]:
    """Time all candidates in turn, so that each sees the same load."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.perf_counter()
            function(z)[1].block_until_ready()
            times[name].append(1e3 * (time.perf_counter() - start))
    return times


def compared(
    model: sb.SDEModel, dataset: xr.Dataset, others: dict[str, Callable], own: str, repeats: int
) -> dict[str, list[float]]:
    """Time the gradient of a model's density by other filters and by its own, the last of the names."""
    model = model.scaled_to(dataset)
    with scope("float64"), single_blas_thread():
        target = make_target(model.program, model.build, model.read(dataset), jax.random.key(0))
        y = jnp.asarray(dataset["y"].values)

        def by_hand(likelihood: Callable) -> Callable:
            def potential(z: jax.Array) -> jax.Array:
                free = target.unravel(z)
                sites = constrain_fn(seed(model.build, jax.random.key(0)), (), {}, free)
                law = substitute(seed(model.build, jax.random.key(0)), data=sites)()
                transitions = jax.vmap(lambda dt: model.discretization.affine_transition(law.sde.linear, dt))(
                    jnp.ones(1)
                )
                return -likelihood(linear_gaussian(law, transitions, True), y)

            return jax.jit(jax.value_and_grad(potential))

        functions = {name: by_hand(function) for name, function in others.items()}
        functions[own] = target.value_and_gradient
        for function in functions.values():
            function(target.start)[1].block_until_ready()
        return milliseconds(functions, target.start, repeats)


def coupled() -> list[dict[str, list[float]]]:
    """Time eight states that are coupled, by hand and by the package."""
    by_hand = {"per document": per_document, "shared covariances": shared_covariances}
    return [compared(sb.SDEModel(), data(), by_hand, "sdebayes", REPEATS)]


def independent() -> list[dict[str, list[float]]]:
    """Time states that are not, jointly and one by one."""
    model = sb.SDEModel(sb.priors.Linear(diagonal=True), sb.priors.Constant("diagonal"))
    return [
        compared(
            model,
            data(states),
            {f"{states} independent states, jointly": of_any_linear_sde},
            f"{states} one by one",
            FEW,
        )
        for states in (8, 32)
    ]


def main(states: Annotated[list[str] | None, typer.Argument(help="coupled, independent.")] = None) -> None:
    parts = {"coupled": coupled, "independent": independent}
    found = [times for name in states or parts for times in parts[name]()]
    heads = ("filter", "ms", "10 % to 90 %", "sdebayes is faster by")
    table = Table(*heads)
    for times in found:
        *_, own = times
        for name, values in times.items():
            ratio = statistics.median(a / b for a, b in zip(values, times[own], strict=True))
            low, high = np.quantile(values, [0.1, 0.9])
            row = (name, f"{statistics.median(values):.2f}", f"{low:.2f}–{high:.2f}", f"{ratio:.2f}")
            table.add_row(*row)
            keep("kalman_gradient", [dict(zip(heads, row, strict=True))], ("filter",))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
