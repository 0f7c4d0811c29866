"""Reach the numbers that others have published: how far off, how well mixed and how long.

Targets, each fitted in the setting of its publication:

- ``fitzhugh_nagumo``: the Gaussian-process drift of dynestyx's deep dive ``gp_drift`` (NUTS, 250 iterations:
  4 h 53 min, r̂ up to 3.0, RMSE .639 on [−2, 2]²). Known σ = .01 and observation variance .01, Δt .1 on [0, 50),
  x₀ ~ N(0, I), Matérn 3/2 with ℓ = 1, 10 × 10 functions on ±4. Theirs has the amplitudes (2, .2); ours draws them,
  HalfNormal(1) times (2, .2), and beside the field there is a linear map of the size Σ, 10⁻⁴, that is nearly nothing.
  Theirs is an ensemble filter of 25 particles, ours an extended Kalman filter.
- ``lorenz63``: dynestyx's deep dive ``sde_discretization_comparison``: x alone observed, 100 points on [0, 4],
  observation variance 1, Σ = I, ρ ~ U(10, 40), x₀ ~ N((1, 1, 1), .1² I), the truth ρ = 28. Error of the median of ρ
  there: 8.40 (Euler–Maruyama, 6 s), .12 (local linearisation, 70 s), .18 (mean trajectory, 41 s), .01 (fine steps,
  402 s). Paths and noise are of our own seeds; ``lorenz63_published``: the deep dive's own data, which dynestyx 0.7.1
  simulates from its seed, with its two cheaper fits beside ours; ``lorenz63_grid``: the posterior of data of our
  seeds on a grid of ρ, and by particles.
- ``brownian``, ``brownian_unknown``, ``lorenz_bridge``, ``lorenz_bridge_unknown``: the posteriors of stochastic
  differential equations in inference-gym 0.0.5, same priors and Euler–Maruyama steps; its means by Stan of states and
  scales with their standard errors. Ours integrates the states out by a Gaussian filter: exact in Brownian motion,
  whose unknown scales are also found by quadrature, as its published means of them are off; on the bridge also
  corrected by particles, `ParticleCorrection`.

inference-gym and dynestyx are in environments that uv makes under the user's cache.

Run: OPENBLAS_NUM_THREADS=1 .uv/bin/uv run python benchmarks/published_targets.py --table published.csv
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from peers import Rows
from published_fitzhugh_nagumo import fitzhugh_nagumo
from published_inference_gym import GYM_TARGETS, gym
from published_lorenz63 import lorenz63, lorenz63_grid, lorenz63_published
from published_runs import Row, Run
from record import keep
from rich.console import Console
from rich.table import Table

TARGETS: dict[str, Callable[[Run], list[Row]]] = {
    "fitzhugh_nagumo": fitzhugh_nagumo,
    "lorenz63": lorenz63,
    "lorenz63_published": lorenz63_published,
    "lorenz63_grid": lorenz63_grid,
    **{name: partial(gym, name) for name in GYM_TARGETS},
}


def show(rows: list[dict[str, str]]) -> None:
    """Print one table for each target and seed."""
    for target, seed in dict.fromkeys((row["fit"], row["seed"]) for row in rows):
        mine = [row for row in rows if (row["fit"], row["seed"]) == (target, seed)]
        table = Table(title=f"{target}, seed {seed}")
        for column in ("quantity", "value"):
            table.add_column(column)
        for row in mine:
            table.add_row(row["quantity"], row["value"])
        Console(width=100).print(table)


def main(
    table: Annotated[Path, typer.Option(help="CSV file of the numbers; targets that are in it are skipped.")],
    targets: Annotated[str, typer.Option(help="Names, with commas.")] = ",".join(TARGETS),
    seeds: Annotated[str, typer.Option(help="Seeds, with commas.")] = "0",
    draws: int = 500,
    warmup: int = 300,
    again: Annotated[bool, typer.Option(help="Fit twice, for seconds without compilation.")] = False,
) -> None:
    """Fit each target and say how near ours comes to what is published."""
    rows = Rows(table, ("target", "seed"), ("fit", "quantity", "value"))
    for target in targets.split(","):
        for seed in map(int, seeds.split(",")):
            if rows.done(target, seed):
                continue
            for found in TARGETS[target](Run(draws, warmup, seed, again)):
                file = "published_inference_gym" if target in GYM_TARGETS else f"published_{target}"
                keep(file, [found], ("target", "seed"))
                fit, _ = found.pop("target"), found.pop("seed")
                for quantity, value in found.items():
                    rows.add(
                        {"target": target, "seed": seed, "fit": fit, "quantity": quantity, "value": value}
                    )
                print(fit, found, flush=True)
    show(rows.rows)


if __name__ == "__main__":
    typer.run(main)
