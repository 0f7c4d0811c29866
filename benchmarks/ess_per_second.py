"""Count effective draws of the drift per second: our strategies beside the model that a NumPyro user would write.

A double well in two states, Δt = 0.05, Euler–Maruyama, exactly observed. All sides have the same prior and likelihood:
a stable linear drift with a Gaussian process of 10 × 10 functions for each state, and Σ constant and full, or diagonal
and varying by another Gaussian process of 10 × 10 functions, G_jj = g_j softplus(u_j + log(e − 1)). Basis functions at
the data are computed once on every side but dynestyx's, which has them as functions of the state.

- ``numpyro``: written by hand, standard normal weights, NumPyro's NUTS at its defaults, two chains on two host devices,
  500 draws after 500, or as many draws as ``--draws`` says;
- ``numpyro_tuned``: the same model by a user who has seen its chains disagree: started at the prior's median, an
  acceptance of .95, 1,000 iterations of warm-up;
- ``mclmc``: blackjax's microcanonical Langevin sampler on the density of that model, two chains side by side, tuned by
  its own routine with a diagonal metric, 20,000 steps of which 1,000 are kept;
- ``dynestyx``: that prior, drift and noise as functions of the state in a model of dynestyx 0.7.1, by default
  Euler–Maruyama, the states taken as seen without noise, under NumPyro's NUTS at its defaults, 500 draws after 500 as
  well; its errors at covariances that are not finite are turned off (EQX_ON_ERROR=nan);
- ``NUTS``, ``Marginal`` (as many draws), ``Laplace``, ``SVI``: ours, as they are called. Laplace and SVI draw
  independently from an approximation: their ESS is the number of draws and says nothing of its quality, which NMSE and
  coverage do. ``Marginal`` needs constant Σ.

The wall time is counted from the data to draws in a process of its own, compilation included, and once more for
another data set of the same shape. Peers run in an environment that uv makes under the user's cache.

Run: OPENBLAS_NUM_THREADS=1 .uv/bin/uv run python benchmarks/ess_per_second.py --table ess.csv
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import ess_by_hand
import numpy as np
from ess_by_hand import DT, PEERS, Arrays, report

PACKAGES = ("blackjax==1.7.1", "dynestyx==0.7.1")
SHARED = ("jax", "jaxlib", "numpyro", "numpy", "scipy")
PROBES = 20
DEFAULT_ROWS = ("NUTS", "Marginal", "Laplace", "SVI", "numpyro", "mclmc", "dynestyx")
CHAINS = ("NUTS", "Marginal")


@cache
def frozen_model(steps: int, varying: bool) -> Any:
    """Return our model with its prior frozen at one data set, so that later fits do not compile again."""
    import sdebayes as sb

    diffusion = sb.priors.Diagonal(sb.priors.GP()) if varying else sb.priors.Constant()
    model = sb.SDEModel(sb.priors.GP(), diffusion, sb.schemes.EulerMaruyama(), sb.Exact())
    return model.scaled_to(sb.datasets.benchmark("double_well", steps, DT, seed=100)[0])


def prepare(seed: int, steps: int, varying: bool) -> tuple[Any, Any, Any, Arrays]:
    """Return data, truth, our model, and what the model by hand needs."""
    import sdebayes as sb

    data, truth = sb.datasets.benchmark("double_well", steps, DT, seed=seed)
    frozen = frozen_model(steps, varying)
    drift: Any = frozen.drift
    values = data["y"].values[0]
    arrays = {
        "x": values[:-1],
        "increments": np.diff(values, axis=0),
        "probes": values[np.linspace(0, steps - 1, PROBES).astype(int)],
        "location": np.asarray(drift.location),
        "sd": np.asarray(drift.state_scale),
        "drift_scale": np.asarray(drift.data_drift_scale),
        "half_length": np.asarray(drift.basis.half_length),
        "lengthscale": np.asarray(drift.lengthscale_median),
        "rate": np.asarray((frozen.diffusion.mean if varying else frozen.diffusion).rate),
        "spread": np.array(drift.lengthscale_spread),
        "variance_spread": np.array(drift.mean.variance_spread),
    }
    return data, truth, frozen, arrays


def ours(name: str, seed: int, steps: int, varying: bool, draws: int) -> dict[str, Any]:
    """Fit by one of our strategies; return drift at the probes and seconds."""
    import sdebayes as sb

    kind = getattr(sb, name, None)
    if kind is None:
        return {"failed": f"sdebayes has no {name}"}
    data, _, model, arrays = prepare(seed, steps, varying)
    strategy = kind(draws=draws, warmup=200) if name in CHAINS else kind(draws=1000)
    start = time.perf_counter()
    posterior = sb.fit(model, data, strategy, seed=seed, progress=False)
    seconds = time.perf_counter() - start
    drift = posterior.drift(arrays["probes"]).values
    sizes = posterior.data["unconstrained"].sizes
    statistics = posterior.data["sample_stats"].to_dataset()
    return {
        "seconds": seconds,
        "drift": drift.reshape(sizes["chain"], sizes["draw"], *drift.shape[1:]),
        "leapfrogs": float(statistics["n_steps"].mean()) if "n_steps" in statistics else np.nan,
        "divergences": int(statistics["diverging"].sum()) if "diverging" in statistics else 0,
    }


def answer(name: str, seed: int, steps: int, varying: bool, draws: int, files: list[str]) -> None:
    """Fit two data sets and print a line for each."""
    for own in (seed, seed + 1000):
        report(name, own, ours(name, own, steps, varying, draws), files[0])


def judge(found: dict[str, Any], probes: np.ndarray, truth: Any) -> dict[str, Any]:
    import arviz_stats as az
    import xarray as xr

    drift = np.load(found["draws"])
    true = np.array([truth.drift(point) for point in probes])
    low, high = np.quantile(drift, [0.025, 0.975], axis=(0, 1))
    array = xr.Dataset({"drift": (("chain", "draw", "probe", "state"), drift)})
    ess = float(az.ess(array)["drift"].min())
    return {
        "ESS": ess,
        "seconds": found["seconds"],
        "ESS/s": ess / found["seconds"],
        "R-hat": float(az.rhat(array)["drift"].max()) if len(drift) > 1 else "",
        "leapfrogs": found["leapfrogs"],
        "divergences": found["divergences"],
        "NMSE": float(np.sum((drift.mean((0, 1)) - true) ** 2) / np.sum(true**2)),
        "covered": float(np.mean((low <= true) & (true <= high))),
    }


def measure(name: str, seed: int, steps: int, varying: bool, draws: int, limit: float) -> dict[str, Any]:
    """Run one side's two fits in a process of its own, stopped after ``limit`` seconds."""
    from peers import peer_python

    peer = name in PEERS
    python: Any = peer_python("ess_per_second", PACKAGES, SHARED) if peer else sys.executable
    script = ess_by_hand.__file__ if peer else __file__
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for own in (seed, seed + 1000):
            _, truth, _, arrays = prepare(own, steps, varying)
            files.append(f"{folder}/{own}.npz")
            np.savez(files[-1], **arrays)
        asked = json.dumps([name, seed, steps, varying, draws, files])
        process = subprocess.Popen(
            [python, script, "--worker", asked], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            output, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            output, errors = process.communicate()
            errors = f"stopped after {limit:g} s"
        found = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        judged = [
            judge(one, np.load(file)["probes"], truth)
            for one, file in zip(found, files, strict=False)
            if "draws" in one
        ]
    if not judged:
        reason = found[0]["failed"] if found else (errors.strip().splitlines() or ["no answer"])[-1]
        return {"failed": reason[:160]}
    if len(judged) > 1:
        judged[0] |= {"seconds again": judged[1]["seconds"], "ESS/s again": judged[1]["ESS/s"]}
    return judged[0]


COLUMNS = (
    "ESS",
    "seconds",
    "ESS/s",
    "seconds again",
    "ESS/s again",
    "R-hat",
    "leapfrogs",
    "divergences",
    "NMSE",
)


def main(
    table: Annotated[Path, "CSV file of the rows; those that are in it are skipped."] = Path("ess.csv"),
    rows: Annotated[str, "Names, with commas."] = ",".join(DEFAULT_ROWS),
    steps: Annotated[str, "Lengths of the data, with commas."] = "2000,20000",
    diffusions: Annotated[str, "constant, varying, or both with a comma."] = "constant,varying",
    seeds: Annotated[str, "Seeds, with commas."] = "100",
    draws: Annotated[int, "Kept draws of each chain of NUTS, by hand and ours, and of Marginal."] = 500,
    limit: Annotated[
        float, "Seconds after which a side's two fits are stopped; a first that is done counts."
    ] = 3000.0,
) -> None:
    """Measure what is not in the table yet, and show it."""
    from peers import Rows
    from record import keep
    from rich.console import Console
    from rich.table import Table

    kept = Rows(table, ("N", "diffusion", "row", "seed"), (*COLUMNS, "covered", "failed"))
    for n in map(int, steps.split(",")):
        for diffusion in diffusions.split(","):
            for seed in map(int, seeds.split(",")):
                for name in rows.split(","):
                    key = (n, diffusion, name, seed)
                    if kept.done(*key):
                        continue
                    found = measure(name, seed, n, diffusion == "varying", draws, limit)
                    kept.add(dict(zip(kept.keys, key, strict=True)) | found)
                    keep("ess_per_second", [kept.rows[-1] | {"draws": str(draws)}], (*kept.keys, "draws"))
                    print(*key, found, flush=True)
    shown = Table(
        title=f"smallest ESS of the drift over {PROBES} probes; 'again': another data set, compiled before"
    )
    for column in kept.columns:
        shown.add_column(column)
    for row in kept.rows:
        shown.add_row(*(row[column] for column in kept.columns))
    Console(width=200).print(shown)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        answer(*json.loads(sys.argv[2]))
    else:
        import typer

        typer.run(main)
