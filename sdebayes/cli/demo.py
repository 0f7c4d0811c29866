"""``sdebayes demo``: the main job on real speeches."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory to write to.")] = Path(
        "sdebayes-demo"
    ),
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Fit anew: forget what earlier runs of the same have kept."),
    ] = False,
    show: Annotated[
        bool, typer.Option("--open", help="Open the report in a browser when it is there.")
    ] = False,
) -> None:
    """Fit 44 State of the Union addresses and say what the order of their sentences is worth.

    The first 130 sentences of each are embedded offline; a quarter of the speeches is held out; a latent
    Ornstein–Uhlenbeck process is fitted to the others and judged beside simpler models, nulls, and itself on shuffled
    speeches. Writes report.html, overview.png, speeches.nc and three posteriors: posterior.nc,
    observed.nc and plane.nc. A second run reads vectors, fits and scores that the first one kept in the user's cache
    directory, where those of the last three runs stay, and writes the report anew.
    """
    from sdebayes.cli.demo_pipeline import run

    page = run(output, seed, fresh)
    if show:
        typer.launch(str(page.resolve()))
