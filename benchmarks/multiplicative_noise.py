"""Recover a diffusion that varies with the state, beside a constant one: PyDaddy's test systems in one state.

N = 10,000 at the steps of PyDaddy's examples, where Euler–Maruyama has little bias; a Gaussian process for the drift in
both fits, and in one of them another for the diffusion. The errors are those of the posterior mean of Σ along the
trajectory, Σ_k (Σ̂ − Σ)² / Σ_k Σ².

Run: .uv/bin/uv run python benchmarks/multiplicative_noise.py
"""

from __future__ import annotations

import time

import arviz_stats as az
import numpy as np
from record import keep
from rich.console import Console
from rich.table import Table

import sdebayes as sb

SYSTEMS = {"bounded_noise": 0.01, "multiplicative_double_well": 0.001}
SEEDS, STEPS, POINTS = 5, 10_000, 200
DIFFUSIONS = {"constant": sb.priors.Constant(), "Gaussian process": sb.priors.Diagonal(sb.priors.GP())}
HEADS = (
    "system", "diffusion", "error of Σ", "95 % bands cover", "largest R-hat", "leapfrogs", "divergences", "s per fit",
)  # fmt: skip
STRATEGY = sb.NUTS(draws=300, warmup=300, target_acceptance=0.9)


def fit(system: str, dt: float, seed: int, diffusion: str) -> dict[str, float]:
    data, truth = sb.datasets.benchmark(system, STEPS, dt, seed=seed)
    model = sb.SDEModel(sb.priors.GP(), DIFFUSIONS[diffusion], sb.schemes.EulerMaruyama(), sb.Exact())
    start = time.perf_counter()
    posterior = sb.fit(model, data, STRATEGY, seed=seed, progress=False)
    seconds = time.perf_counter() - start
    x = data["y"].values[0, np.linspace(0, STEPS - 1, POINTS).astype(int)]
    draws = posterior.covariance(x).values[..., 0, 0]
    true = np.array([truth.covariance(point) for point in x])[:, 0, 0]
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    judged = posterior.data["posterior"].to_dataset()[["drift_probe", "covariance_probe"]]
    statistics = posterior.data["sample_stats"].to_dataset()
    return {
        "error": float(np.sum((draws.mean(0) - true) ** 2) / np.sum(true**2)),
        "covered": float(np.mean((low <= true) & (true <= high))),
        "rhat": max(float(found.max()) for found in az.rhat(judged).values()),
        "leapfrogs": float(statistics["n_steps"].mean()),
        "divergences": float(statistics["diverging"].sum()),
        "seconds": seconds,
    }


def main() -> None:
    table = Table(title=f"means over {SEEDS} seeds, with the standard error of the coverage")
    for name in HEADS:
        table.add_column(name)
    for system, dt in SYSTEMS.items():
        for diffusion in DIFFUSIONS:
            fits = [fit(system, dt, seed, diffusion) for seed in range(100, 100 + SEEDS)]
            value = {name: np.array([one[name] for one in fits]) for name in fits[0]}
            error = value["covered"].std(ddof=1) / np.sqrt(SEEDS)
            row = (
                system,
                diffusion,
                f"{value['error'].mean():.4f}",
                f"{value['covered'].mean():.2f} ± {error:.2f}",
                f"{value['rhat'].max():.3f}",
                f"{value['leapfrogs'].mean():.0f}",
                f"{value['divergences'].sum():.0f}",
                f"{value['seconds'].mean():.0f}",
            )
            print(row, flush=True)
            table.add_row(*row)
            keep("multiplicative_noise", [dict(zip(HEADS, row, strict=True))], ("system", "diffusion"))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
