"""``sdebayes compare``: held-out scores of several fits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import xarray as xr


def compare(
    posteriors: Annotated[list[Path], typer.Argument(help="Posteriors in one state space.")],
    test: Annotated[
        Path, typer.Option(help="Trajectories to judge on; those that were fitted to are left out.")
    ],
) -> None:
    """Compare fits by the log score of held-out trajectories, beside the nulls."""
    from sdebayes import posterior as room
    from sdebayes._core.errors import DataError
    from sdebayes.cli.console import comparison, console, say_claims
    from sdebayes.cli.errors import prepare_compiler
    from sdebayes.cli.inputs import named, states_for, without_training

    files = named(posteriors)
    prepare_compiler()
    fitted = {name: room.load(path) for name, path in files.items()}
    first = next(iter(fitted.values()))
    held_out: xr.Dataset | None = states_for(first, [test])
    for posterior in fitted.values():
        held_out = None if held_out is None else without_training(posterior, held_out)[1]
    if held_out is None:
        raise DataError(
            f"Every trajectory of {test} was fitted to; give some that were not (fit --hold-out 0.25)."
        )
    table = room.compare(fitted, held_out)
    console.print(comparison(table, f"{held_out.sizes['trajectory']} held-out trajectories"))
    for name in fitted:
        say_claims(table, name)
