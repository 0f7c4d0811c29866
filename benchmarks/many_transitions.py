"""Ask what a gradient of a linear drift costs as data grow: read from all transitions, and from sums over them.

Two states, observed exactly at one step, under the exact law. "Data" is the model's own program, which goes through all
transitions; "sums" is what `NUTS` and `Laplace` use. The seconds to take the sums, once, stand beside.

Then what `Marginal` takes to go once through transitions on the disk: a double well, the default Gaussian process under
Euler–Maruyama, no more than a chunk in memory. "Bare" evaluates the same functions and multiplies the same matrices,
chunk by chunk, in turn with it, the chunks in memory. Peaks are of the whole process, which does one size.

Run: python -m uv run python benchmarks/many_transitions.py
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask.array as da
import jax
import numpy as np
import xarray as xr
from record import keep
from rich.console import Console
from rich.table import Table

import sdebayes as sb
from sdebayes._core.precision import scope, single_blas_thread
from sdebayes.inference.sufficient_statistics import shortest_program
from sdebayes.inference.sufficient_statistics.linear_weights import linear_weights
from sdebayes.inference.target import Target, make_target

REPEATS = 30
SIZES = (2_000, 20_000, 200_000)
ON_DISK = (100_000, 1_000_000, 10_000_000)
STEPS, CHUNK, DT, ROUNDS = 10_000, 10, 0.1, 3


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


def write(path: Path, size: int) -> xr.Dataset:
    """Write paths of a double well, a chunk at a time, and open them."""

    def made(block_info: dict) -> np.ndarray:
        rng = np.random.default_rng(block_info[None]["chunk-location"][0])
        x = 0.5 * np.sqrt(DT) * rng.standard_normal((CHUNK, STEPS + 1, 1))
        for step in range(STEPS):
            x[:, step + 1] += x[:, step] + DT * (x[:, step] - x[:, step] ** 3)
        return x

    count = size // STEPS
    times = DT * da.arange(STEPS + 1, dtype=float)
    values = da.map_blocks(made, chunks=((CHUNK,) * (count // CHUNK), STEPS + 1, 1), dtype=float)
    variables = {
        "y": (("trajectory", "time", "state"), values),
        "t": (("trajectory", "time"), da.broadcast_to(times, (count, STEPS + 1), chunks=(CHUNK, STEPS + 1))),
        "n_steps": ("trajectory", np.full(count, STEPS + 1)),
    }
    names = [f"path {number}" for number in range(count)]
    like = sb.trajectories(np.random.default_rng(0).normal(size=(1, 5, 1)), t=DT)
    coords = {"trajectory": names, "state": like["state"].values}
    xr.Dataset(variables, coords, like.attrs).to_zarr(path, consolidated=False)
    return xr.open_zarr(path, consolidated=False)


def from_disk(size: int) -> dict[str, str]:
    """Go once through transitions on the disk, and through the bare products."""
    with tempfile.TemporaryDirectory() as folder, scope("float64"), single_blas_thread():
        data = write(Path(folder) / "paths.zarr", size)
        part = data.isel(trajectory=slice(0, CHUNK))
        model = sb.SDEModel(sb.priors.GP(), scheme=sb.schemes.EulerMaruyama(), observation=sb.Exact())
        scaled = model.scaled_to(part.load())
        features = jax.vmap(linear_weights(scaled).features)

        @jax.jit
        def bare(x: jax.Array, increment: jax.Array) -> tuple[jax.Array, jax.Array]:
            rows = features(x)
            return rows.T @ rows, rows.T @ increment

        def pieces() -> Iterator[xr.Dataset]:
            for start in range(0, data.sizes["trajectory"], CHUNK):
                yield data.isel(trajectory=slice(start, start + CHUNK))

        def products() -> float:
            taken = 0.0
            for piece in pieces():
                y = piece["y"].values
                pair = y[:, :-1].reshape(-1, 1), np.diff(y, axis=1).reshape(-1, 1)
                taken += clocked(lambda: jax.block_until_ready(bare(*pair)))[1]  # noqa: B023
            return taken

        sb.inference.statistics(scaled, part)  # compiles
        bare(np.zeros((CHUNK * STEPS, 1)), np.zeros((CHUNK * STEPS, 1)))
        found = [
            (clocked(lambda: sb.inference.statistics(scaled, data))[1], products()) for _ in range(ROUNDS)
        ]
    seconds, product = (statistics.median(values) for values in zip(*found, strict=True))
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    return {
        "transitions": f"{size} on the disk",
        "pass, s": f"{seconds:.2f}",
        "bare, s": f"{product:.2f}",
        "pass to bare": f"{seconds / product:.1f}",
        "peak, MiB": f"{peak:.0f}",
    }


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
    for size in ON_DISK:
        command = [sys.executable, __file__, str(size)]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        Console().print(row)
        keep("many_transitions", [row], ("transitions",))


if __name__ == "__main__":
    main() if len(sys.argv) == 1 else print(json.dumps(from_disk(int(sys.argv[1]))))
