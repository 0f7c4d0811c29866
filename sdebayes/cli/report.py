"""``sdebayes report``: from a posterior to a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    posterior: Annotated[Path, typer.Argument(help="Posterior, as sdebayes fit writes it.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Page to write, .html.")],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Trajectories with their texts; those that were not fitted to serve as held-out ones."
        ),
    ] = None,
    test: Annotated[Path | None, typer.Option(help="Held-out trajectories.")] = None,
    title: Annotated[str, typer.Option(help="Title of the page.")] = "A Bayesian SDE report",
    seed: Annotated[int, typer.Option(help="Seed of shuffles and simulations.")] = 0,
) -> None:
    """Write one self-contained HTML page about a fit."""
    from sdebayes import posterior as posteriors
    from sdebayes import reporting
    from sdebayes.cli.guard import prepare_compiler
    from sdebayes.cli.inputs import states_for, without_training
    from sdebayes.reporting.output import check_writable

    check_writable(output)
    prepare_compiler()
    fitted = posteriors.load(posterior)
    known, held_out = None, None
    if data is not None:
        known, held_out = without_training(fitted, states_for(fitted, [data]))
    if test is not None:
        held_out = states_for(fitted, [test])
    reporting.report(fitted, output, data=known, test=held_out, title=title, seed=seed)
    print(output)
