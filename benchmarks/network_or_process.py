"""Find out when a network describes a drift better than a Gaussian process.

Smooth drifts in two states (double well, limit cycle), a sharp front (a wall of width 1/10 between two plateaus), and
six coupled double wells, whose drift has six inputs. Both priors are fitted to the same data with the same strategy,
scheme (Euler–Maruyama) and diffusion, with a prior that is frozen at the first data set of each kind. Squared error of
the posterior mean of the drift along a path of its own, relative to the drift's, coverage of 95 % bands there, and log
score of that held-out path per transition; the largest R-hat of drifts at the probes over all data sets, and median
seconds. Differences are network minus process, paired over data sets. A row for each pair is appended to a CSV file,
and a run skips the pairs that are in it.

Run: .uv/bin/uv run python benchmarks/network_or_process.py --table network_or_process.csv
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
import typer
from peers import Rows
from published_runs import worst_rhat
from record import keep
from rich.console import Console
from rich.table import Table

import sdebayes as sb
from sdebayes.dynamics import SDE, ConstantDiffusion, ParametricDrift

DT, BURN_IN = 0.05, 200
POINTS = 200
PRIORS = {"GP": sb.priors.GP(), "BNN": sb.priors.BNN(hidden=(16, 16))}
SCHEME = sb.schemes.EulerMaruyama()
KEY = ("system", "steps", "seed")
COLUMNS = tuple(
    f"{name}_{what}" for name in PRIORS for what in ("nmse", "covered", "score", "seconds", "rhat")
)

HEADS = (
    "system", "steps", "pairs", "NMSE GP", "NMSE BNN", "NMSE difference", "nats per transition",
    "covered GP", "covered BNN", "s GP", "s BNN", "R-hat GP", "R-hat BNN",
)  # fmt: skip


def front(x: Any, t: Any, p: Any) -> Any:
    """Return two plateaus of opposite sign with a wall between them, and a spring."""
    return jnp.stack([-1.5 * jnp.tanh(10 * (x[0] - 0.3 * x[1])) - 0.2 * x[0], -x[1]])


def coupled_wells(x: Any, t: Any, p: Any) -> Any:
    """Return a ring of double wells, each drawn to its neighbours."""
    return x - x**3 + 0.5 * (jnp.roll(x, 1) + jnp.roll(x, -1) - 2 * x)


OWN = {"front": (front, 2, 0.7), "coupled_wells": (coupled_wells, 6, 0.7)}
SYSTEMS = ("double_well", "limit_cycle", *OWN)


def simulate(system: str, steps: int, seed: int) -> tuple[Any, Any]:
    """Return one trajectory and the true SDE."""
    if system not in OWN:
        return sb.datasets.benchmark(system, steps, DT, seed=seed)
    function, states, size = OWN[system]
    truth = SDE(ParametricDrift(function, {}), ConstantDiffusion(size * jnp.eye(states)))
    times = DT * np.arange(BURN_IN + steps)
    path = sb.simulate(truth, times, x0=np.full(states, 0.1), paths=1, seed=seed, substeps=20)
    return sb.trajectories(list(path["y"].values[0, :, BURN_IN:]), t=[times[:steps]]), truth


def measure(model: Any, data: Any, held_out: Any, truth: Any, strategy: Any, seed: int) -> dict[str, float]:
    """Fit once and judge on the held-out path."""
    start = time.perf_counter()
    posterior = sb.fit(model, data, strategy, seed=seed, progress=False)
    seconds = time.perf_counter() - start
    values = held_out["y"].values[0]
    x = values[np.linspace(0, len(values) - 1, POINTS).astype(int)]
    drift = posterior.drift(x).values
    true_drift = np.array([truth.drift(point) for point in x])
    low, high = np.quantile(drift, [0.025, 0.975], axis=0)
    return {
        "nmse": float(np.sum((drift.mean(0) - true_drift) ** 2) / np.sum(true_drift**2)),
        "covered": float(np.mean((low <= true_drift) & (true_drift <= high))),
        "score": float(posterior.log_score(held_out).sum()) / (len(values) - 1),
        "seconds": seconds,
        "rhat": worst_rhat(posterior.data["posterior"].to_dataset()[["drift_probe"]]),
    }


def paired(difference: np.ndarray) -> str:
    error = difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else np.nan
    return f"{difference.mean():+.4f} ± {error:.4f}"


def show(rows: list[dict[str, str]]) -> None:
    table = Table(title="network minus process; error: below 0 the network is better, score: above 0")
    for name in HEADS:
        table.add_column(name)
    for system, steps in dict.fromkeys((row["system"], row["steps"]) for row in rows):
        mine = [row for row in rows if (row["system"], row["steps"]) == (system, steps)]
        value = {name: np.array([float(row[name]) for row in mine]) for name in COLUMNS}
        cells = (
            system,
            steps,
            str(len(mine)),
            f"{value['GP_nmse'].mean():.4f}",
            f"{value['BNN_nmse'].mean():.4f}",
            paired(value["BNN_nmse"] - value["GP_nmse"]),
            paired(value["BNN_score"] - value["GP_score"]),
            *(f"{value[f'{name}_covered'].mean():.3f}" for name in PRIORS),
            *(f"{np.median(value[f'{name}_seconds']):.0f}" for name in PRIORS),
            *(f"{value[f'{name}_rhat'].max():.3f}" for name in PRIORS),
        )
        table.add_row(*cells)
        keep("network_or_process", [dict(zip(HEADS, cells, strict=True))], ("system", "steps"))
    Console(width=160).print(table)


def main(
    table: Annotated[Path, typer.Option(help="CSV file of one row per pair.")],
    seeds: Annotated[int, typer.Option(help="Number of data sets.")] = 5,
    systems: Annotated[str, typer.Option(help="Names, with commas.")] = ",".join(SYSTEMS),
    sizes: Annotated[str, typer.Option(help="Numbers of steps, with commas.")] = "500,2000,8000",
    held_out_steps: int = 2000,
    draws: int = 200,
    warmup: int = 150,
    depth: Annotated[int, typer.Option(help="Trees have at most 2**depth leapfrog steps.")] = 10,
    laplace: Annotated[bool, typer.Option(help="Fit by Laplace's approximation instead of NUTS.")] = False,
) -> None:
    """Fit what is not in the table yet, and show it."""
    rows = Rows(table, KEY, COLUMNS)
    strategy = sb.Laplace(draws=2 * draws) if laplace else sb.NUTS(draws, warmup, max_tree_depth=depth)
    for system in systems.split(","):
        for size in map(int, sizes.split(",")):
            first, _ = simulate(system, size, 100)
            models = {
                name: sb.SDEModel(prior, scheme=SCHEME, observation=sb.Exact())
                for name, prior in PRIORS.items()
            }
            frozen = {name: model.scaled_to(first) for name, model in models.items()}
            for seed in range(100, 100 + seeds):
                if rows.done(system, size, seed):
                    continue
                data, truth = simulate(system, size, seed)
                held_out, _ = simulate(system, held_out_steps, seed + 1000)
                row: dict[str, Any] = dict(zip(KEY, (system, size, seed), strict=True))
                for name, model in frozen.items():
                    found = measure(model, data, held_out, truth, strategy, seed)
                    row |= {f"{name}_{what}": value for what, value in found.items()}
                rows.add(row)
                print(row, flush=True)
    show(rows.rows)


if __name__ == "__main__":
    typer.run(main)
