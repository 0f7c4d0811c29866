"""Count Euler–Maruyama steps a second: how fast is ``simulate`` beside diffrax, torchsde and sdeint.

One SDE for all: a double well in two states with multiplicative noise, f = (x − x³, −y) and G = ½ diag(√(1 + x²),
√(1 + y²)), float64, dt = 0.01 to t = 10, the state kept at every tenth of a time unit. Each library runs in a process
of its own, as its documentation tells a user with many paths to run it (diffrax: ``vmap`` and ``jit``, a Brownian path
that keeps nothing; torchsde: a batch of diagonal noise; sdeint: one path after another, of which few are run). The
processes take turns, so that each sees the same load. The mean of x² at the end, with its Monte-Carlo error, says that
all have solved the same equation.

The peers get an environment of their own, made by uv under the user's cache at the first run.

Run: .uv/bin/uv run python benchmarks/simulate.py [paths]
"""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PEERS = ("diffrax==0.7.2", "torchsde==0.2.6", "sdeint==0.3.0")
SHARED = ("jax", "equinox", "jaxtyping", "numpy", "scipy", "torch")
DT, END, KEPT, SLOW_PATHS, REPEATS = 0.01, 10.0, 101, 20, 7


def sdebayes_runner(paths: int) -> tuple[Callable[[int], Any], int]:
    import jax.numpy as jnp
    import numpy as np

    from sdebayes.dynamics import SDE, ParametricDiffusion, ParametricDrift
    from sdebayes.simulation import simulate

    sde = SDE(
        ParametricDrift(lambda x, t, p: jnp.stack([x[0] - x[0] ** 3, -x[1]]), {}),
        ParametricDiffusion(lambda x, t, p: jnp.diag(0.5 * jnp.sqrt(1 + x**2)), {}),
    )
    times = np.linspace(0.0, END, KEPT)
    substeps = round(END / DT) // (KEPT - 1)

    def run(seed: int) -> Any:
        found = simulate(sde, times, x0=[0.0, 0.0], paths=paths, seed=seed, substeps=substeps)
        return found["x"].values[0, :, -1, 0]

    return run, paths


def diffrax_runner(paths: int) -> tuple[Callable[[int], Any], int]:
    import diffrax
    import jax
    import jax.numpy as jnp
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    shape = jax.ShapeDtypeStruct((2,), jnp.float64)
    saved = diffrax.SaveAt(ts=jnp.linspace(0.0, END, KEPT))

    def one(key: jax.Array) -> jax.Array:
        terms = diffrax.MultiTerm(
            diffrax.ODETerm(lambda t, x, args: jnp.stack([x[0] - x[0] ** 3, -x[1]])),
            diffrax.ControlTerm(
                lambda t, x, args: jnp.diag(0.5 * jnp.sqrt(1 + x**2)),
                diffrax.UnsafeBrownianPath(shape=shape, key=key),
            ),
        )
        return diffrax.diffeqsolve(
            terms, diffrax.Euler(), 0.0, END, DT, jnp.zeros(2), saveat=saved, adjoint=diffrax.ForwardMode()
        ).ys

    solve = jax.jit(jax.vmap(one))

    def run(seed: int) -> Any:
        return np.asarray(solve(jax.random.split(jax.random.key(seed), paths)))[:, -1, 0]

    return run, paths


def torchsde_runner(paths: int) -> tuple[Callable[[int], Any], int]:
    import torch
    import torchsde

    class DoubleWell(torch.nn.Module):
        noise_type, sde_type = "diagonal", "ito"

        def f(self, t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            return torch.stack([x[:, 0] - x[:, 0] ** 3, -x[:, 1]], 1)

        def g(self, t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            return 0.5 * torch.sqrt(1 + x**2)

    sde, start = DoubleWell(), torch.zeros((paths, 2), dtype=torch.float64)
    times = torch.linspace(0.0, END, KEPT, dtype=torch.float64)

    def run(seed: int) -> Any:
        torch.manual_seed(seed)
        with torch.no_grad():
            return torchsde.sdeint(sde, start, times, method="euler", dt=DT).numpy()[-1, :, 0]

    return run, paths


def sdeint_runner(paths: int) -> tuple[Callable[[int], Any], int]:
    import numpy as np
    import sdeint

    times, few = np.linspace(0.0, END, round(END / DT) + 1), min(paths, SLOW_PATHS)

    def drift(x: Any, t: float) -> Any:
        return np.array([x[0] - x[0] ** 3, -x[1]])

    def factor(x: Any, t: float) -> Any:
        return np.diag(0.5 * np.sqrt(1 + x**2))

    def run(seed: int) -> Any:
        generator = np.random.default_rng(seed)
        start = np.zeros(2)
        return np.array(
            [sdeint.itoEuler(drift, factor, start, times, generator=generator)[-1, 0] for _ in range(few)]
        )

    return run, few


RUNNERS = {
    "sdebayes": sdebayes_runner,
    "diffrax": diffrax_runner,
    "torchsde": torchsde_runner,
    "sdeint": sdeint_runner,
}


def work(name: str, paths: int) -> None:
    """Answer each line of the input by one run: its seconds, and the mean of x² at the end with its error."""
    run, own_paths = RUNNERS[name](paths)
    for line in sys.stdin:
        start = time.perf_counter()
        square = run(int(line)) ** 2
        seconds = time.perf_counter() - start
        error = float(square.std(ddof=1) / len(square) ** 0.5)
        print(
            json.dumps({"s": seconds, "mean": float(square.mean()), "error": error, "paths": own_paths}),
            flush=True,
        )


def peer_python() -> Path:
    """Return the interpreter of the peers' environment; make it where it is not there."""
    from platformdirs import user_cache_path

    home = user_cache_path("sdebayes") / "benchmarks" / "simulate"
    python, done = home / "bin" / "python", home / "complete"
    if not done.exists():
        uv = [shutil.which("uv")] if shutil.which("uv") else [sys.executable, "-m", "uv"]
        shared = [f"{name}=={importlib.metadata.version(name).split('+')[0]}" for name in SHARED]
        subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, home], check=True)
        subprocess.run([*uv, "pip", "install", "--python", python, *PEERS, *shared], check=True)
        done.touch()
    return python


def main(paths: int) -> None:
    from record import keep
    from rich.console import Console
    from rich.table import Table

    peers = peer_python()
    workers = {
        name: subprocess.Popen(
            [sys.executable if name == "sdebayes" else peers, __file__, "--worker", name, str(paths)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in RUNNERS
    }

    def ask(worker: subprocess.Popen, seed: int) -> dict[str, float]:
        worker.stdin.write(f"{seed}\n")
        worker.stdin.flush()
        return json.loads(worker.stdout.readline())

    first = {name: ask(worker, 0) for name, worker in workers.items()}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in RUNNERS}
    for seed in range(1, REPEATS + 1):
        for name, worker in workers.items():
            runs[name].append(ask(worker, seed))
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    heads = ("library", "paths", "10⁶ steps a second", "range", "first run, extra s", "E x² at the end")
    table = Table(*heads)
    for name, own in runs.items():
        rates = sorted(one["paths"] * END / DT / one["s"] / 1e6 for one in own)
        extra = first[name]["s"] - statistics.median(one["s"] for one in own)
        mean = statistics.mean(one["mean"] for one in own)
        error = statistics.mean(one["error"] for one in own) / len(own) ** 0.5
        cells = (
            name,
            f"{own[0]['paths']:,}",
            f"{statistics.median(rates):.3g}",
            f"{rates[0]:.3g}–{rates[-1]:.3g}",
            f"{extra:.1f}",
            f"{mean:.3f} ± {error:.3f}",
        )
        table.add_row(*cells)
        row = {"paths asked": str(paths)} | dict(zip(heads, cells, strict=True))
        keep("simulate", [row], ("library", "paths asked"))
    Console(width=120).print(table)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[2], int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 1000)
