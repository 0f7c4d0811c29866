"""Measure how far Laplace and variational inference can be trusted beside the No-U-Turn sampler.

The bench's double well in two states, N = 2,000, Δt = 0.05, seeds 100 onwards, the default scheme. Coverage of 95 %
bands of the drift along the trajectory and of 95 % intervals of Σ's three entries, each averaged per data set; errors
are standard errors over data sets. The prior is frozen at the first seed's data, so that all fits of a strategy share
one compilation. A row for each fit is appended to a CSV file, and a run skips the fits that are in it.

Run: .uv/bin/uv run python benchmarks/approximations.py --seeds 20 --table approximations.csv
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from peers import Rows
from record import keep
from rich.console import Console
from rich.table import Table

import sdebayes as sb
from sdebayes.inference import FlowGuide, LowRankGuide

PRIORS = {"GP": sb.priors.GP(), "BNN": sb.priors.BNN(hidden=(16, 16))}
STRATEGIES = {
    "NUTS": sb.NUTS(draws=200, warmup=150, target_acceptance=0.7),
    "Laplace": sb.Laplace(draws=400),
    "SVI": sb.SVI(draws=400),
    "SVI-rank-10": sb.SVI(draws=400, guide=LowRankGuide(rank=10)),
    "SVI-flow": sb.SVI(draws=400, guide=FlowGuide()),
    "SVI-batch-500": sb.SVI(draws=400, batch=500),
}
POINTS = 100
KEY = ("prior", "strategy", "seed")
COLUMNS = ("nmse", "width", "drift_covered", "covariance_covered", "pareto_shape", "rise", "seconds")


def measure(model: sb.SDEModel, data: Any, truth: Any, strategy: Any, seed: int) -> dict[str, float]:
    """Fit once, and compare drift and Σ with the truth along the trajectory."""
    start = time.perf_counter()
    posterior = sb.fit(model, data, strategy, seed=seed, progress=False)
    seconds = time.perf_counter() - start
    values = data["y"].values[0]
    x = values[np.linspace(0, len(values) - 1, POINTS).astype(int)]
    drift = posterior.drift(x).values
    true_drift = np.array([truth.drift(point) for point in x])
    low, high = np.quantile(drift, [0.025, 0.975], axis=0)
    rows, columns = np.tril_indices(values.shape[1])
    covariance = posterior.covariance(x[:1]).values[:, 0, rows, columns]
    true_covariance = np.asarray(truth.covariance(x[0]))[rows, columns]
    below, above = np.quantile(covariance, [0.025, 0.975], axis=0)
    findings = {finding.subject: finding.values for finding in posterior.diagnosis()}
    return {
        "nmse": float(np.sum((drift.mean(0) - true_drift) ** 2) / np.sum(true_drift**2)),
        "width": float(np.sqrt(np.mean((high - low) ** 2))),
        "drift_covered": float(np.mean((low <= true_drift) & (true_drift <= high))),
        "covariance_covered": float(np.mean((below <= true_covariance) & (true_covariance <= above))),
        "pareto_shape": findings.get("Pareto k-hat", {}).get("pareto_shape", np.nan),
        "rise": findings.get("ELBO", {}).get("rise", np.nan),
        "seconds": seconds,
    }


def say(values: np.ndarray) -> str:
    error = f" ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}" if len(values) > 1 else ""
    return f"{values.mean():.3f}{error}"


def show(rows: list[dict[str, str]]) -> None:
    table = Table(title="double well, means over data sets ± standard errors; medians of k-hat and seconds")
    heads = ("prior", "strategy", "fits", "NMSE", "drift coverage", "band width", "Σ coverage", "k-hat")
    for name in (*heads, "s per fit"):
        table.add_column(name)
    for prior, strategy in dict.fromkeys((row["prior"], row["strategy"]) for row in rows):
        mine = [row for row in rows if (row["prior"], row["strategy"]) == (prior, strategy)]
        value = {name: np.array([float(row[name]) for row in mine]) for name in COLUMNS}
        cells = (
            prior,
            strategy,
            str(len(mine)),
            *(say(value[name]) for name in ("nmse", "drift_covered", "width", "covariance_covered")),
            f"{np.median(value['pareto_shape']):.2f}",
            f"{np.median(value['seconds']):.0f}",
        )
        table.add_row(*cells)
        keep("approximations", [dict(zip((*heads, "s per fit"), cells, strict=True))], ("prior", "strategy"))
    Console(width=150).print(table)


def main(
    table: Annotated[Path, typer.Option(help="CSV file of one row per fit.")],
    seeds: Annotated[int, typer.Option(help="Number of data sets.")] = 20,
    priors: Annotated[str, typer.Option(help="Names, with commas.")] = ",".join(PRIORS),
    strategies: Annotated[str, typer.Option(help="Names, with commas.")] = ",".join(STRATEGIES),
    steps: int = 2000,
    dt: float = 0.05,
) -> None:
    """Fit what is not in the table yet, and show it."""
    rows = Rows(table, KEY, COLUMNS)
    for prior in priors.split(","):
        first, _ = sb.datasets.benchmark("double_well", steps, dt, seed=100)
        model = sb.SDEModel(PRIORS[prior], sb.priors.Constant(), observation=sb.Exact()).scaled_to(first)
        for seed in range(100, 100 + seeds):
            data, truth = sb.datasets.benchmark("double_well", steps, dt, seed=seed)
            for name in strategies.split(","):
                if rows.done(prior, name, seed):
                    continue
                found = measure(model, data, truth, STRATEGIES[name], seed)
                rows.add(dict(zip(KEY, (prior, name, seed), strict=True)) | found)
                print(prior, name, seed, found, flush=True)
    show(rows.rows)


if __name__ == "__main__":
    typer.run(main)
