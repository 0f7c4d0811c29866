"""Ask what a latent linear model of a million documents costs, read from sums over documents.

Synthetic documents of 32 steps × 8 states, with noise and a document effect, are made chunk by chunk and never held
all at once. "Pass" takes number, mean and scatter of each chunk, "product" is the bare Yᵀ Y of the same chunk, in turn
with it. "Sums" is a value and gradient of the posterior density from them, "filter" the same from all documents, in
turn with it; their differences are relative, the gradient's to its largest entry. Last, `NUTS` on the sums of all
documents: seconds from the search of the middle on, on the clock and of both processors together.

Run: .uv/bin/uv run python benchmarks/sums_over_documents.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import arviz as az
import jax
import numpy as np
import xarray as xr
from jax.flatten_util import ravel_pytree
from record import keep
from rich.console import Console
from rich.table import Table

import sdebayes as sb
from sdebayes._core.precision import scope, single_blas_thread
from sdebayes.inference import RunOptions
from sdebayes.inference.chains import sampler_of
from sdebayes.inference.sufficient_statistics.documents import Rows
from sdebayes.inference.sufficient_statistics.moments import Moments
from sdebayes.inference.sufficient_statistics.program import document_program
from sdebayes.inference.target import Target, make_target
from sdebayes.likelihood.pseudo_documents import PseudoDocuments
from sdebayes.model.rebuild import per_draw, read_draw

STEPS, STATES, CHUNK, REPEATS = 32, 8, 10_000, 15
SIZES = (1_000, 10_000, 100_000, 1_000_000)
FILTERED = SIZES[:2]


def chunk(number: int, size: int = CHUNK) -> np.ndarray:
    """Make some of the documents, (document, step, state): states that turn and forget, offsets, noise."""
    rng = np.random.default_rng((0, number))
    turn = 0.8 * np.eye(STATES) + 0.1 * (np.eye(STATES, k=1) - np.eye(STATES, k=-1))
    x = rng.standard_normal((size, STATES))
    y = np.empty((size, STEPS, STATES))
    for step in range(STEPS):
        y[:, step] = x
        x = x @ turn.T + 0.6 * rng.standard_normal(x.shape)
    offsets, noise = rng.standard_normal((size, 1, STATES)), rng.standard_normal(y.shape)
    return y + 0.5 * offsets + 0.7 * noise


def clocked(function: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    found = jax.block_until_ready(function())
    return found, time.perf_counter() - start


def summed() -> dict[int, tuple[Moments, float, float]]:
    """Go through all documents: moments at each size, and the seconds of the pass and of the bare products."""
    total, seconds, bare, kept = None, 0.0, 0.0, {}
    for number in range(SIZES[-1] // CHUNK):
        flat = chunk(number).reshape(CHUNK, -1)
        if number == 0:
            first, own = clocked(lambda: Moments.of(flat[: SIZES[0]]))  # noqa: B023
            product = clocked(lambda: flat[: SIZES[0]].T @ flat[: SIZES[0]])[1]  # noqa: B023
            kept[SIZES[0]] = first, own, product
        found, own = clocked(lambda: Moments.of(flat))  # noqa: B023
        bare += clocked(lambda: flat.T @ flat)[1]  # noqa: B023
        total, more = clocked(lambda: found if total is None else total.add(found))  # noqa: B023
        seconds += own + more
        if total.number in SIZES:
            kept[total.number] = total, seconds, bare
    return kept


def pseudo_documents(moments: Moments) -> PseudoDocuments:
    whole = np.ones((STEPS, STATES), bool)
    rows = Rows.of_moments([(moments, moments.factor())], [whole])
    last = np.full((1, len(rows.weight)), STEPS)
    number = np.full((1, STEPS), float(moments.number))
    index = np.zeros((1, STEPS - 1), int)
    return PseudoDocuments(rows.values[None], rows.weight[None], last, whole[None], number, index, np.ones(1))


def milliseconds(targets: list[Target]) -> list[float]:
    """Time densities in turn, so that all see the same load."""
    times: list[list[float]] = [[] for _ in targets]
    for repeat in range(REPEATS + 1):
        for target, values in zip(targets, times, strict=True):
            seconds = clocked(lambda target=target: target.value_and_gradient(target.start))[1]
            if repeat:
                values.append(1e3 * seconds)
    return [statistics.median(values) for values in times]


def differences(summed: Target, filtered: Target) -> tuple[float, float]:
    """Return the largest relative differences of value and gradient at draws of the prior."""
    found = []
    for key in jax.random.split(jax.random.key(1), 5):
        z = summed.draw_prior(key)
        (value, slope), (expected, slopes) = (one.value_and_gradient(z) for one in (summed, filtered))
        found.append(
            (abs(value / expected - 1), np.abs(slope - slopes).max() / np.abs(np.asarray(slopes)).max())
        )
    worst = np.max(found, axis=0)
    return float(worst[0]), float(worst[1])


def sampled(model: sb.SDEModel, target: Target) -> dict[str, str]:
    """Sample the posterior from the sums; R-hat and effective draws are the worst of drift, Σ, R and C."""
    strategy, used = sb.NUTS(draws=1500, warmup=300), time.process_time()
    sampler = sampler_of(target.density, strategy.settings())
    draws, seconds = clocked(
        lambda: strategy.sample(target, sampler, RunOptions(jax.random.key(2), progress=True))
    )

    used = time.process_time() - used

    def read(z: jax.Array) -> jax.Array:
        one = read_draw(model, target.unravel(z)).observed
        linear = one.sde.linear
        parts = (
            linear.matrix,
            linear.offset,
            linear.covariance_rate,
            one.noise_covariance,
            one.effect_covariance,
        )
        return ravel_pytree(parts)[0]

    chains, count = draws.position.shape[:2]
    values = per_draw(read)(draws.position.reshape(chains * count, -1)).reshape(chains, count, -1)
    varying = values[..., np.ptp(values, axis=(0, 1)) > 0]
    dataset = xr.Dataset({"value": (("chain", "draw", "entry"), varying)})
    return {
        "NUTS, s": f"{seconds:.0f}",
        "CPU-s": f"{used:.0f}",
        "R-hat": f"{float(az.rhat(dataset)['value'].max()):.3f}",
        "effective draws": f"{float(az.ess(dataset)['value'].min()):.0f}",
        "divergent": f"{int(draws.statistics['diverging'].sum())}",
    }


def main() -> None:
    moments = summed()
    rows = []
    with scope("float64"), single_blas_thread():
        first = chunk(0)
        model = sb.SDEModel().scaled_to(sb.trajectories(first[: SIZES[0]]))
        key, program = jax.random.key(0), document_program(model)
        for size in SIZES:
            found, seconds, bare = moments[size]
            targets = [make_target(program, model.build, (pseudo_documents(found), None), key)]
            row = {"documents": str(size), "pass, s": f"{seconds:.3f}", "product, s": f"{bare:.3f}"}
            if size in FILTERED:
                observations = model.read(sb.trajectories(first[:size]))
                targets.append(make_target(model.program, model.build, observations, key))
                errors = differences(*targets)
                row |= {"value": f"{errors[0]:.0e}", "gradient": f"{errors[1]:.0e}"}
            timed = (f"{one:.1f}" for one in milliseconds(targets))
            row |= dict(zip(("sums, ms", "filter, ms"), timed, strict=False))
            if size == SIZES[-1]:
                row |= sampled(model, targets[0])
            keep("sums_over_documents", [row], ("documents",))
            rows.append(row)
    table = Table(*(heads := list(dict.fromkeys(name for row in rows for name in row))))
    for row in rows:
        table.add_row(*(row.get(name, "") for name in heads))
    Console().print(table)


if __name__ == "__main__":
    main()
