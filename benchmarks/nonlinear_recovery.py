"""Recover drift and diffusion of the bench's systems: error, coverage and cost beside Euler–Maruyama.

Double well, rotating Ornstein–Uhlenbeck and limit cycle in two states, N = 2,000, Δt = 0.05, seeds 100 onwards: the
data on which other libraries were measured. The prior is frozen at the first seed's data, so that all fits of a scheme
share one compilation. A row for each fit is appended to a CSV file, and a run skips the fits that are in it.

Run: python3 -m uv run python benchmarks/nonlinear_recovery.py --seeds 20 --table results.csv
"""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Annotated, Any

import arviz_stats as az
import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest

import sdebayes as sb

SYSTEMS = ("double_well", "ornstein_uhlenbeck", "limit_cycle")
SCHEMES = {"EulerMaruyama": sb.schemes.EulerMaruyama(), "LocalLinearization": sb.schemes.LocalLinearization()}
PRIORS = {"GP": sb.priors.GP, "BNN": sb.priors.BNN}
POINTS = 100


def simulate(system: str, seed: int, steps: int, dt: float) -> tuple[Any, Any]:
    return sb.datasets.benchmark(system, steps, dt, seed=seed)


def measure(model: sb.SDEModel, data: Any, truth: Any, strategy: sb.NUTS, seed: int) -> dict[str, float]:
    """Fit once, and compare drift and Σ with the truth along the trajectory."""
    start = time.perf_counter()
    posterior = sb.fit(model, data, strategy, seed=seed, progress=False)
    seconds = time.perf_counter() - start
    values = data["y"].values[0]
    x = values[np.linspace(0, len(values) - 1, POINTS).astype(int)]
    drift = posterior.drift(x).values
    true_drift = np.array([truth.drift(point) for point in x])
    low, high = np.quantile(drift, [0.025, 0.975], axis=0)
    covariance = posterior.covariance(x[:1]).values[:, 0]
    true_covariance = np.asarray(truth.covariance(x[0]))
    rows, columns = np.tril_indices(len(true_covariance))
    below, above = np.quantile(covariance[:, rows, columns], [0.025, 0.975], axis=0)
    statistics = posterior.data["sample_stats"].to_dataset()
    judged = posterior.data["posterior"].to_dataset()[["drift_probe", "covariance_probe"]]
    rhat, ess = az.rhat(judged), az.ess(judged)
    return {
        "nmse": float(np.sum((drift.mean(0) - true_drift) ** 2) / np.sum(true_drift**2)),
        "drift_covered": float(np.mean((low <= true_drift) & (true_drift <= high))),
        "covariance_covered": float(
            np.mean((below <= true_covariance[rows, columns]) & (true_covariance[rows, columns] <= above))
        ),
        "covariance_bias": float(np.mean(np.diag(covariance.mean(0)) / np.diag(true_covariance)) - 1),
        "rhat": max(float(found.max()) for found in rhat.values()),
        "ess": min(float(found.min()) for found in ess.values()),
        "leapfrogs": float(statistics["n_steps"].mean()),
        "divergences": float(statistics["diverging"].sum()),
        "seconds": seconds,
    }


def show(rows: list[dict[str, str]]) -> None:
    table = Table(title="medians over seeds; Σ coverage with Wilson's 95 % interval over seeds × entries")
    names = (
        "system",
        "scheme",
        "prior",
        "fits",
        "NMSE median/mean",
        "drift coverage",
        "Σ coverage",
        "Σ bias",
    )
    for name in (*names, "R-hat", "ESS", "leapfrogs", "divergences", "s per fit"):
        table.add_column(name)
    for key in sorted({(row["system"], row["scheme"], row["prior"]) for row in rows}):
        mine = [row for row in rows if (row["system"], row["scheme"], row["prior"]) == key]
        value = {
            name: np.array([float(row[name]) for row in mine])
            for name in mine[0]
            if name not in ("system", "scheme", "prior")
        }
        drift, sigma = value["drift_covered"], value["covariance_covered"].mean()
        count = 3 * len(mine)
        low, high = binomtest(round(sigma * count), count).proportion_ci(0.95, "wilson")
        table.add_row(
            *key,
            str(len(mine)),
            f"{np.median(value['nmse']):.3g}/{value['nmse'].mean():.3g}",
            f"{drift.mean():.3f} ± {drift.std(ddof=1) / np.sqrt(len(mine)):.3f}"
            if len(mine) > 1
            else f"{drift[0]:.3f}",
            f"{sigma:.2f} [{low:.2f}, {high:.2f}]",
            f"{value['covariance_bias'].mean():+.1%}",
            f"{np.median(value['rhat']):.3f}",
            f"{np.median(value['ess']):.0f}",
            f"{value['leapfrogs'].mean():.0f}",
            f"{value['divergences'].sum():.0f}",
            f"{np.median(value['seconds']):.0f}",
        )
    Console(width=170).print(table)


def main(
    table: Annotated[Path, typer.Option(help="CSV file of one row per fit.")],
    seeds: Annotated[int, typer.Option(help="Number of data sets.")] = 20,
    systems: Annotated[str, typer.Option(help="Names, with commas.")] = ",".join(SYSTEMS),
    schemes: Annotated[str, typer.Option(help="Names, with commas.")] = ",".join(SCHEMES),
    prior: Annotated[str, typer.Option(help="GP or BNN.")] = "GP",
    steps: int = 2000,
    dt: float = 0.05,
    draws: int = 200,
    warmup: int = 150,
) -> None:
    """Fit what is not in the table yet, and show it."""
    rows = list(csv.DictReader(table.open())) if table.exists() else []
    done = {(row["system"], row["scheme"], row["prior"], row["seed"]) for row in rows}
    strategy = sb.NUTS(draws=draws, warmup=warmup, target_acceptance=0.7)
    for system in systems.split(","):
        frozen = {
            name: sb.SDEModel(PRIORS[prior](), sb.priors.Constant(), SCHEMES[name], sb.Exact()).scaled_to(
                simulate(system, 100, steps, dt)[0]
            )
            for name in schemes.split(",")
        }
        for seed in range(100, 100 + seeds):
            data, truth = simulate(system, seed, steps, dt)
            for name, model in frozen.items():
                if (system, name, prior, str(seed)) in done:
                    continue
                key = {"system": system, "scheme": name, "prior": prior, "seed": str(seed)}
                row = key | {k: f"{v:.6g}" for k, v in measure(model, data, truth, strategy, seed).items()}
                rows.append(row)
                new = not table.exists()
                with table.open("a", newline="") as file:
                    writer = csv.DictWriter(file, row)
                    if new:
                        writer.writeheader()
                    writer.writerow(row)
                print(row, flush=True)
    show(rows)


if __name__ == "__main__":
    typer.run(main)
