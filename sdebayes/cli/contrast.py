"""``sdebayes contrast``: what differs between the groups of a fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def contrast(
    posterior: Annotated[Path, typer.Argument(help="Posterior of several groups, of fit --by-group.")],
    quantity: Annotated[
        list[str] | None,
        typer.Option(
            help="time_constants, equilibrium, covariance, noise, trajectory_effect, stationary_covariance or "
            "entropy_production; may be given several times. [default: all that can differ]"
        ),
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="A group to compare; give two or more. [default: all]")
    ] = None,
    prob: Annotated[float, typer.Option(help="Probability of the intervals.")] = 0.9,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write: .csv, the table; .nc, the draws; .png, .svg or .pdf, the figure.",
        ),
    ] = None,
    shuffles: Annotated[
        int,
        typer.Option(
            help="Fits to the same trajectories with their groups drawn by lot, beside one with their own groups, "
            "for the one --quantity: how often a difference as large comes about so."
        ),
    ] = 0,
    strategy: Annotated[str, typer.Option(help="Strategy of these fits, as of fit.")] = "laplace",
    draws: Annotated[int | None, typer.Option(help="Their kept draws, of each chain.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the prior's draws and of the shuffles.")] = 0,
) -> None:
    """Say what differs between groups of texts, and what the data do not tell.

    Positive quantities are divided, others subtracted, in each posterior draw; beside them stands what the prior alone
    had. Of matrices the diagonals are compared.
    """
    from sdebayes import posterior as posteriors
    from sdebayes._core.errors import ModelError
    from sdebayes.analysis.contrast import overview
    from sdebayes.analysis.contrast.overview import rows
    from sdebayes.cli import choices
    from sdebayes.cli.console import console
    from sdebayes.cli.contrast_output import check_kind, contrasts, lots, write
    from sdebayes.cli.errors import prepare_compiler

    if output is not None:
        check_kind(output)
    if shuffles and len(quantity or []) != 1:
        raise ModelError("--shuffles is of one quantity; name it with --quantity.")
    asked: Any = quantity  # what is no name of a quantity is refused where it is read
    way = choices.strategy(strategy, {"draws": draws}) if shuffles else None
    prepare_compiler()
    fitted = posteriors.load(posterior)
    found = overview(fitted, asked, group, seed=seed)
    console.print(contrasts(rows(found, prob), prob))
    if found.attrs["left_out"]:
        console.print(f"[dim]The same in all groups, or not of this model: {found.attrs['left_out']}.[/]")
    if way is not None and quantity:
        console.print(lots(fitted, quantity[0], group, way, shuffles, seed))
    if output is not None:
        write(found, output, prob)
        print(output)
