"""Count how often a broken assumption is named, and how often a right model is blamed.

Twelve violations of what a model assumes, and five truths that the model holds for. Each data set has training and
held-out trajectories of the same law; the fit is NUTS with two short chains. A violation counts as named

- by ``diagnosis()`` if a finding about the model, not about the sampler, is a warning or a problem;
- by ``properties`` if a property of the data is rejected, or a return to an equilibrium cannot be told, on the held-out
  trajectories;
- by ``compare`` if a null model predicts the held-out trajectories better, by the 95 % interval of its gain.

A truth counts in the same columns, as a false alarm. Prior constants are frozen on the first data set of each row, so
that all fits of a row share one compilation.

The cases are in misfit_cases.py.

Run: .uv/bin/uv run python benchmarks/misfit.py --sets 30
"""

from __future__ import annotations

import time
from typing import Annotated

import numpy as np
import typer
import xarray as xr
from misfit_cases import CASES, SAMPLER, Case
from record import keep

import sdebayes as sb


def judge(case: Case, model: sb.SDEModel, train: xr.Dataset, test: xr.Dataset, seed: int) -> dict[str, str]:
    """Fit, and say what each of the three names."""
    posterior = sb.fit(model, train, sb.NUTS(draws=300, warmup=300, chains=2), seed=seed, progress=False)
    start = time.process_time()
    found = [f.subject for f in posterior.diagnosis() if f.severity in ("problem", "warning")]
    spent = time.process_time() - start
    named = {"diagnosis": "; ".join(name for name in found if name not in SAMPLER)}
    table = sb.analysis.process.properties(posterior, test, replicates=199, seed=seed)
    data = table.isel(property=(table["about"] == "data").values)
    bad = (data["verdict"] == "rejected") | (
        (data["property"] == "return to an equilibrium") & (data["verdict"] == "cannot be told")
    )
    named["properties"] = "; ".join(str(name) for name in data["property"].values[bad.values])
    named["compare"] = "; ".join(better(posterior, test))
    by_name = "yes" if any(one in named["diagnosis"] for one in case.expected) else "no"
    return named | {"diagnosis_seconds": f"{spent:.1f}", "by_name": by_name if case.expected else ""}


def better(posterior: sb.Posterior, test: xr.Dataset) -> list[str]:
    """Nulls that predict better than the model."""
    scores = sb.compare({"model": posterior}, test, baseline="model")
    ahead = (scores["lower"] > 0) & (scores["candidate"] != "model")
    return [str(name) for name in scores["candidate"].values[ahead.values]]


def run(name: str, sets: int) -> list[dict[str, str]]:
    """Judge the data sets of one row."""
    case, rows = CASES[name], []
    model = None
    for seed in range(sets):
        rng = np.random.default_rng([seed, list(CASES).index(name)])
        train, test = (
            sb.trajectories(values, t=case.dt * np.arange(values.shape[1]), time_unit="unit of time")
            for values in (case.simulate(rng, case.count) for _ in range(2))
        )
        model = case.model().scaled_to(train) if model is None else model
        rows.append({"case": name, "seed": str(seed)} | judge(case, model, train, test, seed))
    return rows


def main(
    sets: Annotated[int, typer.Option(help="Data sets a row.")] = 30,
    only: Annotated[str, typer.Option(help="Names of rows, with commas; all by default.")] = "",
) -> None:
    """Measure, and keep the rows of each case as it is done."""
    for name in [name.strip() for name in only.split(",")] if only else list(CASES):
        rows = run(name, sets)
        keep("misfit", rows, ("case",))
        said = sum(bool(row["diagnosis"]) for row in rows)
        print(f"{name}: diagnosis names something in {said} of {sets}", flush=True)


if __name__ == "__main__":
    typer.run(main)
