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
    beside: Annotated[
        list[Path] | None,
        typer.Option(
            help="Another fit to the same trajectories, for the table of held-out scores; repeatable."
        ),
    ] = None,
    plane: Annotated[
        Path | None,
        typer.Option(
            help="A fit of a nonlinear drift to two states (fit --components 2 --drift gp), to be drawn."
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(help="A group, to write of it by itself, from a fit of several (fit --by-group)."),
    ] = None,
    steered: Annotated[
        Path | None,
        typer.Option(
            help="The log of a text that this posterior steered, as sdebayes steer --logs writes it."
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the page.")] = "A Bayesian SDE report",
    explorer: Annotated[bool, typer.Option(help="Put a phase portrait to be touched into the page.")] = True,
    seed: Annotated[int, typer.Option(help="Seed of shuffles and simulations.")] = 0,
) -> None:
    """Write one self-contained HTML page about a fit."""
    from sdebayes import posterior as posteriors
    from sdebayes import reporting
    from sdebayes._core.errors import DataError
    from sdebayes._core.files import check_writable
    from sdebayes.cli.errors import prepare_compiler
    from sdebayes.cli.inputs import named, of_group, read_log, states_for, without_training

    check_writable(output)
    log = None if steered is None else read_log(steered)
    prepare_compiler()
    fitted = posteriors.load(posterior)
    fitted = fitted if group is None else fitted.group(group)
    known, held_out = None, None
    if data is not None:
        known, held_out = without_training(fitted, of_group(states_for(fitted, [data]), group))
    if test is not None:
        held_out = of_group(states_for(fitted, [test]), group)
    comparison = None
    if beside:
        if held_out is None:
            raise DataError("--beside compares held-out scores; give such trajectories by --data or --test.")
        others = {name: posteriors.load(path) for name, path in named([posterior, *beside]).items()}
        comparison = posteriors.compare(others, held_out)
    drawn = None if plane is None else posteriors.load(plane)
    reporting.report(
        fitted,
        output,
        known,
        held_out,
        title=title,
        comparison=comparison,
        plane=drawn,
        steered=log,
        seed=seed,
        explorer=explorer,
    )
    print(output)
