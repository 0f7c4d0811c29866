"""Are posterior draws calibrated? Ranks of truths from the prior among the draws of each model and strategy.

In the study of the fitted law ("own") the data come from the law whose likelihood is fitted: a strategy that samples
the posterior has uniform ranks, and one that approximates it shows by how much it does not. With ``--truth`` the data
come from the SDE itself by fine Euler–Maruyama steps: what the scheme and the filter cost is seen as well, and reported
rather than demanded. A row says the worst quantity with its p-value of uniformity, the largest deviation of the ranks'
distribution function as a share of what leaves the band of all quantities (95 %), the coverage of 90 % intervals (least
and most of all quantities, with the Wilson interval of the mean one), the fewest effective draws (median over data
sets) and the data sets that failed. Finished data sets are kept in a folder, and a run goes on from there.

A further model or strategy is a further entry of MODELS or STRATEGIES.

Run: .uv/bin/uv run python benchmarks/calibration.py --n 200 --folder calibration
     .uv/bin/uv run python benchmarks/calibration.py --n 200 --models "Sparse, Exact" --strategies Marginal
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import xarray as xr
from record import keep
from rich.console import Console
from rich.table import Table

import sdebayes as sb
from sdebayes._core.ratio import wilson_interval

STEPS, DT, SUBSTEPS = 60, 0.2, 50
MEASURES = (
    "n",
    "worst quantity",
    "p",
    "p of all",
    "share of band",
    "coverage at 90 %",
    "effective draws",
    "failed",
)
GP = sb.priors.GP(basis=sb.priors.HSGP(functions=6))
BNN = sb.priors.BNN(hidden=(4,))
HORSESHOE = sb.priors.Sparse(selection=sb.priors.Horseshoe())
MODELS = {
    "Linear, Exact": sb.SDEModel(sb.priors.Linear(), observation=sb.Exact()),
    "GP, Exact": sb.SDEModel(GP, observation=sb.Exact()),
    "BNN, Exact": sb.SDEModel(BNN, observation=sb.Exact()),
    "Linear, GaussianNoise": sb.SDEModel(sb.priors.Linear(), observation=sb.GaussianNoise()),
    "GP, GaussianNoise": sb.SDEModel(GP, observation=sb.GaussianNoise()),
    "BNN, GaussianNoise": sb.SDEModel(BNN, observation=sb.GaussianNoise()),
    "Sparse, Exact": sb.SDEModel(sb.priors.Sparse(), observation=sb.Exact()),
    "Horseshoe, GaussianNoise": sb.SDEModel(HORSESHOE, observation=sb.GaussianNoise()),
}
SMOOTH = [name for name, model in MODELS.items() if model.drift.smooth]
STRATEGIES = {
    "NUTS": sb.NUTS(draws=200, warmup=100, chains=1),
    "Laplace": sb.Laplace(draws=200),
    "SVI": sb.SVI(draws=200),
    "Marginal": sb.Marginal(draws=400, warmup=100, chains=1),
    "ParticleCorrection": sb.ParticleCorrection(sb.NUTS(draws=400, warmup=100, chains=1), particles=300),
}


def measured(found: xr.Dataset) -> list[str]:
    """Say the worst of one study."""
    worst = int(found["p_value"].values.argmin())
    done = int((~found["failed"]).sum())
    covered = found["coverage"].sel(nominal=0.9)
    low, high = wilson_interval(float(covered.mean()), done, 0.95)
    return [
        str(found.sizes["replicate"]),
        str(found["quantity"].values[worst]),
        f"{float(found['p_value'][worst]):.3f}",
        f"{float(found['overall_p_value']):.3f}",
        f"{float(found['share_of_band'].max()):.2f}",
        f"{float(covered.min()):.2f} to {float(covered.max()):.2f} [{low:.2f}, {high:.2f}]",
        f"{float(found['effective_draws'].median('replicate').min()):.0f}",
        str(int(found["failed"].sum())),
    ]


def main(
    n: Annotated[int, typer.Option(help="Number of data sets of each study.")] = 200,
    models: Annotated[str, typer.Option(help="Names of models, with semicolons.")] = ";".join(SMOOTH),
    strategies: Annotated[str, typer.Option(help="Names of strategies, with semicolons.")] = "NUTS",
    dt: Annotated[float, typer.Option(help="Time between observations.")] = DT,
    truth: Annotated[bool, typer.Option("--truth", help="Draw data from the SDE itself.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Where finished data sets are kept.")] = None,
    seed: int = 0,
) -> None:
    """Run the studies and print the table."""
    design, _ = sb.datasets.benchmark("ornstein_uhlenbeck_1d", STEPS, dt, seed=0)
    table = Table(title=f"{n} data sets each, data of {'the SDE itself' if truth else 'the fitted law'}")
    for heading in ("model", "strategy", *MEASURES):
        table.add_column(heading)
    for name in models.split(";"):
        model = MODELS[name].scaled_to(design)
        for strategy in strategies.split(";"):
            place = None if folder is None else folder / f"{name}, {strategy}{', truth' if truth else ''}"
            found = sb.calibrate(
                model,
                design,
                STRATEGIES[strategy],
                n,
                seed,
                draws=49,
                substeps=SUBSTEPS if truth else None,
                checkpoint=place,
            )
            cells = dict(zip(MEASURES, measured(found), strict=True))
            table.add_row(name, strategy, *cells.values())
            data = "the SDE itself" if truth else "own law"
            design_of_row = {"model": name, "strategy": strategy, "dt": str(dt), "data": data}
            keep("calibration", [design_of_row | cells], tuple(design_of_row))
            if place is not None:
                found.to_netcdf(place.with_suffix(".nc"), engine="h5netcdf")
    Console(width=170).print(table)


if __name__ == "__main__":
    typer.run(main)
