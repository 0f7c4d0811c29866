"""Ask what a gradient of a linear drift costs as data grow: read from all transitions, and from sums over them.

Two states, observed exactly at one step, under the exact law. "Data" is the model's own program, which goes through all
transitions; "sums" is what `NUTS` and `Laplace` use. The seconds to take the sums, once, stand beside.

Run: python -m uv run python benchmarks/many_transitions.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from record import keep
from rich.console import Console
from rich.table import Table

import sdebayes as sb
from sdebayes._core.precision import scope, single_blas_thread
from sdebayes.inference.sufficient_statistics import shortest_program
from sdebayes.inference.target import Target, make_target

REPEATS = 30
SIZES = (2_000, 20_000, 200_000)


def clocked(function: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    found = function()
    return found, time.perf_counter() - start


def milliseconds(targets: tuple[Target, Target]) -> list[list[float]]:
    """Time both in turn, so that each sees the same load."""
    times: list[list[float]] = [[], []]
    for repeat in range(REPEATS + 1):
        for target, values in zip(targets, times, strict=True):
            _, seconds = clocked(
                lambda target=target: jax.block_until_ready(target.value_and_gradient(target.start))
            )
            if repeat:
                values.append(1e3 * seconds)
    return times


def main() -> None:
    heads = ("transitions", "data, ms", "sums, ms", "ratio", "taking the sums, s")
    table = Table(*heads)
    model = sb.SDEModel(sb.priors.Linear(), observation=sb.Exact())
    with scope("float64"), single_blas_thread():
        for size in SIZES:
            data = sb.trajectories([np.random.default_rng(0).normal(size=(size + 1, 2))], t=0.1)
            scaled = model.scaled_to(data)
            observations, key = scaled.read(data), jax.random.key(0)
            (program, sums, _), seconds = clocked(lambda: shortest_program(scaled, observations))  # noqa: B023
            whole = make_target(scaled.program, scaled.build, observations, key)
            short = make_target(program, scaled.build, sums, key)
            times = milliseconds((whole, short))
            ratio = statistics.median(a / b for a, b in zip(*times, strict=True))
            medians = (f"{statistics.median(values):.2f}" for values in times)
            row = (str(size), *medians, f"{ratio:.1f}", f"{seconds:.2f}")
            table.add_row(*row)
            keep("many_transitions", [dict(zip(heads, row, strict=True))], ("transitions",))
    Console().print(table)


if __name__ == "__main__":
    main()
