"""How much a sampler could gain that learns the length of its paths: effective draws a gradient at each length.

`HMC` walks paths of one length T in units of the posterior's curvature. Samplers that adapt it (ChEES, Hoffman, Radul &
Sountsov 2021; SNAPER, Sountsov & Hoffman 2022) end at one T as well. So the best T of a sweep, chosen with the answer
known, bounds what either can gain over the default T = 2.3. Targets: a linear drift behind noise (20 trajectories of
100 steps), a process drift seen exactly (double well, 2,000 steps) and behind noise (500 steps), and a process drift of
FitzHugh–Nagumo's system (`published_fitzhugh_nagumo.py`). Two chains; least effective draws of drift and Σ at the
probes, per 1,000 leapfrog steps after the warm-up.

Run: OPENBLAS_NUM_THREADS=1 .uv/bin/uv run python benchmarks/path_length.py
"""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
import xarray as xr
from published_fitzhugh_nagumo import fitzhugh_nagumo_problem
from published_runs import least_ess, worst_rhat
from record import keep

import sdebayes as sb

LENGTHS = (1.2, 1.6, 2.3, 3.2, 4.5)
DT = 0.05
PROBES = ("drift_probe", "covariance_probe")


def linear(seed: int) -> tuple[sb.SDEModel, xr.Dataset]:
    data = sb.datasets.benchmark("ornstein_uhlenbeck", 100, 0.2, 20, seed, noise=0.3)[0]
    return sb.SDEModel(observation=sb.GaussianNoise()), data


def process(seed: int) -> tuple[sb.SDEModel, xr.Dataset]:
    model = sb.SDEModel(sb.priors.GP(), scheme=sb.schemes.EulerMaruyama(), observation=sb.Exact())
    return model, sb.datasets.benchmark("double_well", 2_000, DT, seed=seed)[0]


def process_behind_noise(seed: int) -> tuple[sb.SDEModel, xr.Dataset]:
    model = sb.SDEModel(
        sb.priors.GP(), scheme=sb.schemes.EulerMaruyama(), observation=sb.GaussianNoise(spread=0.3)
    )
    return model, sb.datasets.benchmark("double_well", 500, DT, seed=seed, noise=0.1)[0]


def fitzhugh_nagumo(seed: int) -> tuple[sb.SDEModel, xr.Dataset]:
    _, _, data, model = fitzhugh_nagumo_problem(seed)
    return model, data


TARGETS = {
    "linear, noise": linear,
    "process": process,
    "process, noise": process_behind_noise,
    "FitzHugh–Nagumo": fitzhugh_nagumo,
}


def row(target: str, length: float, seed: int, draws: int) -> dict[str, Any]:
    """Sample with paths of one length, and judge."""
    model, data = TARGETS[target](seed)
    start = time.perf_counter()
    strategy = sb.HMC(draws=draws, warmup=150, target_acceptance=0.7, path_length=length)
    posterior = sb.fit(model, data, strategy, seed=seed, progress=False)
    seconds = time.perf_counter() - start
    found = posterior.data["posterior"].to_dataset()
    probes = found[[name for name in PROBES if name in found]]
    steps = float(posterior.data["sample_stats"]["n_steps"].sum())
    ess = least_ess(probes)
    return {
        "target": target,
        "T": f"{length:g}",
        "seed": seed,
        "a thousand": f"{1000 * ess / steps:.1f}",
        "ESS": f"{ess:.0f}",
        "R-hat": f"{worst_rhat(probes):.3f}",
        "leapfrogs": f"{steps / probes.sizes['chain'] / draws:.1f}",
        "seconds": f"{seconds:.0f}",
    }


def main(
    targets: Annotated[str, typer.Option(help="Names, with semicolons.")] = ";".join(TARGETS),
    seeds: Annotated[int, typer.Option(help="Number of data sets.")] = 2,
    draws: Annotated[int, typer.Option(help="Of each chain.")] = 500,
) -> None:
    for target in targets.split(";"):
        for seed in range(100, 100 + seeds):
            for length in LENGTHS:
                found = row(target, length, seed, draws)
                print(found, flush=True)
                keep("path_length", [found], ["target", "T", "seed"])


if __name__ == "__main__":
    typer.run(main)
