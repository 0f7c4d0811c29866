"""Do sums that approximate a scheme's likelihood give more effective draws a second than gradients of the likelihood?

Under the default scheme, local linearisation, a drift's weights have no normal law, and `Marginal` goes through sums
that nearly have the likelihood, each move taken or not by the likelihood itself; `NUTS` follows the likelihood. Both
fit the same model to the same data: two chains, 500 draws after 200. Effective draws are those of the worst of drift
and Σ at twenty places of the path. Seconds are of both cores' CPU, which other work beside hardly changes: of a first
fit in a process of its own, compilation included, and of a second one, to other data, which finds all compiled.
The models of a case take turns.

Terms that are in or out (``Sparse()``) have no gradient: `NUTS` then samples ``Sparse(selection=Horseshoe())``, another
prior over the same functions. Noise that depends on the state is refused by `Marginal` under every scheme.

Run: OPENBLAS_NUM_THREADS=1 .uv/bin/uv run python benchmarks/marginal_surrogate.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Annotated, Any

import numpy as np

PLACES, DRAWS, WARMUP = 20, 500, 200
CASES = {
    "GP, double well, Δt .05": ("double_well_1d", 0.05, "GP", "Constant"),
    "GP, double well, Δt .1": ("double_well_1d", 0.1, "GP", "Constant"),
    "GP, rotating OU, 2 states, Δt .1": ("ornstein_uhlenbeck", 0.1, "GP", "Constant"),
    "Horseshoe, cubics, 2-state well, Δt .05": ("double_well", 0.05, "Horseshoe", "Diagonal"),
    "SpikeAndSlab, cubics, 2-state well, Δt .05": ("double_well", 0.05, "SpikeAndSlab", "Diagonal"),
    "GP, noise that varies, Δt .05": ("multiplicative_double_well", 0.05, "GP", "varying"),
}
STRATEGIES = ("Marginal", "NUTS")


def model_of(drift: str, diffusion: str, strategy: str) -> Any:
    """Return the model of a case."""
    import sdebayes as sb

    gradients = strategy == "NUTS"
    drifts = {
        "GP": lambda: sb.priors.GP(),
        "Horseshoe": lambda: sb.priors.Sparse(selection=sb.priors.Horseshoe()),
        "SpikeAndSlab": lambda: sb.priors.Sparse(
            selection=sb.priors.Horseshoe() if gradients else sb.priors.SpikeAndSlab()
        ),
    }
    diffusions = {
        "Constant": lambda: sb.priors.Constant(),
        "Diagonal": lambda: sb.priors.Constant("diagonal"),
        "varying": lambda: sb.priors.Diagonal(sb.priors.GP()),
    }
    return sb.SDEModel(drifts[drift](), diffusions[diffusion](), observation=sb.Exact())


def fit_two(case: str, strategy: str, steps: int, seed: int) -> None:
    """Fit two data sets and print a line for each."""
    import sdebayes as sb

    system, dt, drift, diffusion = CASES[case]
    model = model_of(drift, diffusion, strategy)
    for own in (seed, seed + 1000):
        data, _ = sb.datasets.benchmark(system, steps, dt, seed=own)
        model = model.scaled_to(data)
        start = time.process_time()
        try:
            posterior = sb.fit(
                model, data, getattr(sb, strategy)(draws=DRAWS, warmup=WARMUP), seed=own, progress=False
            )
        except sb.errors.SdebayesError as error:
            print(json.dumps({"failed": str(error)}))
            return
        print(json.dumps({"seconds": time.process_time() - start} | judged(posterior, data)), flush=True)


def judged(posterior: Any, data: Any) -> dict[str, float]:
    """Return the effective draws of the worst quantity, and the share of moves that the likelihood took."""
    import arviz_stats as az
    import xarray as xr

    path = data["y"].values[0]
    places = path[np.linspace(0, len(path) - 1, PLACES).astype(int)]
    sizes = posterior.data["unconstrained"].sizes
    chains = sizes["chain"], sizes["draw"]
    drift = posterior.drift(places).values.reshape(*chains, -1)
    covariance = posterior.covariance(places[:1]).values.reshape(*chains, -1)
    moving = np.ptp(covariance, axis=(0, 1)) > 0
    both = xr.Dataset(
        {"quantity": (("chain", "draw", "which"), np.concatenate([drift, covariance[..., moving]], -1))}
    )
    statistics = posterior.data["sample_stats"].to_dataset()
    taken = statistics.get("correction_accepted")
    return {
        "ESS": float(az.ess(both)["quantity"].min()),
        "R-hat": float(az.rhat(both)["quantity"].max()),
        "moves taken": np.nan if taken is None else float(taken.mean()),
    }


def measure(case: str, strategy: str, steps: int, seed: int, limit: float) -> list[dict[str, Any]]:
    """Run the two fits in a process of their own."""
    asked = json.dumps([case, strategy, steps, seed])
    process = subprocess.run(
        [sys.executable, __file__, "--worker", asked],
        capture_output=True, text=True, check=False, timeout=limit,
    )  # fmt: skip
    found = [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]
    if not found:
        raise RuntimeError(process.stderr)
    return found


def main(
    steps: Annotated[int, "Length of the data."] = 2000,
    seeds: Annotated[str, "Seeds, with commas."] = "100",
    cases: Annotated[str, "Parts of the names of cases, with semicolons; all by default."] = "",
    limit: Annotated[float, "Seconds that two fits may take."] = 1800.0,
) -> None:
    """Measure, and keep the rows."""
    from record import keep

    for case in CASES:
        if not any(part in case for part in cases.split(";")):
            continue
        rows = []
        for seed in map(int, seeds.split(",")):
            for strategy in STRATEGIES:
                found = measure(case, strategy, steps, seed, limit)
                row = {"case": case, "strategy": strategy, "N": str(steps), "seed": str(seed)}
                if "failed" in found[0]:
                    row["failed"] = found[0]["failed"]
                for one, again in zip(found, ("", " again"), strict=False):
                    if "ESS" in one:
                        row |= {f"{name}{again}": value for name, value in one.items()}
                        row[f"ESS/s{again}"] = one["ESS"] / one["seconds"]
                rows.append(row)
                print(row, flush=True)
        keep("marginal_surrogate", rows, ("case", "N", "seed"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        fit_two(*json.loads(sys.argv[2]))
    else:
        import typer

        typer.run(main)
