"""Say whether sums that approximate a scheme's likelihood give more effective draws a second than its gradients.

Under the default scheme, local linearisation, a drift's weights have no normal law. `Marginal` goes through sums that
nearly have the likelihood, each move taken or not by the likelihood itself; `NUTS` follows the likelihood. Two chains,
500 draws after 200. Effective draws are those of the worst of drift and Σ at twenty places of the path. Seconds are of
both cores' CPU, which other work beside hardly changes: of a first fit in a process of its own, compilation included,
and of a second one, to other data, which finds all compiled. The strategies of a case take turns.

Terms that are in or out (``Sparse()``) have no gradient: `NUTS` samples ``Sparse(selection=Horseshoe())``, another
prior over the same functions. The other rows, of drifts whose terms are all in, are of the commit before `Marginal`
left these to `NUTS`; noise that depends on the state it has always refused.

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
CASES = {"2-state well, cubics, Δt .05": ("double_well", 0.05)}
STRATEGIES = {"Marginal": "SpikeAndSlab", "NUTS": "Horseshoe"}


def model_of(strategy: str) -> Any:
    """Return the model that a strategy can fit."""
    import sdebayes as sb

    drift = sb.priors.Sparse(selection=getattr(sb.priors, STRATEGIES[strategy])())
    return sb.SDEModel(drift, sb.priors.Constant("diagonal"), observation=sb.Exact())


def fit_two(case: str, strategy: str, steps: int, seed: int) -> None:
    """Fit two data sets and print a line for each."""
    import sdebayes as sb

    system, dt = CASES[case]
    model = model_of(strategy)
    for own in (seed, seed + 1000):
        data, _ = sb.datasets.benchmark(system, steps, dt, seed=own)
        model = model.scaled_to(data)
        start = time.process_time()
        chosen = getattr(sb, strategy)(draws=DRAWS, warmup=WARMUP)
        posterior = sb.fit(model, data, chosen, seed=own, progress=False)
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
    moves = statistics.get("correction_accepted")
    return {
        "ESS": float(az.ess(both)["quantity"].min()),
        "R-hat": float(az.rhat(both)["quantity"].max()),
        "moves taken": np.nan if moves is None else float(moves.mean()),
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
    limit: Annotated[float, "Seconds that two fits may take."] = 1800.0,
) -> None:
    """Measure, and keep the rows."""
    from record import keep

    for case in CASES:
        rows = []
        for seed in map(int, seeds.split(",")):
            for strategy in STRATEGIES:
                found = measure(case, strategy, steps, seed, limit)
                label = f"{strategy}, {STRATEGIES[strategy]}"
                row = {"case": case, "strategy": label, "N": str(steps), "seed": str(seed)}
                for one, again in zip(found, ("", " again"), strict=False):
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
