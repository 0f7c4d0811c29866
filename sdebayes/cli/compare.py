"""``sdebayes compare``: held-out scores of several fits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def compare(
    posteriors: Annotated[list[Path], typer.Argument(help="Posteriors fitted to the same trajectories.")],
    test: Annotated[
        Path, typer.Option(help="Trajectories to judge on; those that were fitted to are left out.")
    ],
) -> None:
    """Compare fits by the log score of held-out trajectories, beside the nulls."""
    from sdebayes import posterior as room
    from sdebayes._core.errors import DataError
    from sdebayes.cli.guard import prepare_compiler
    from sdebayes.cli.inputs import named, states_for, without_training
    from sdebayes.cli.screen import comparison, console

    files = named(posteriors)
    prepare_compiler()
    fitted = {name: room.load(path) for name, path in files.items()}
    first = next(iter(fitted.values()))
    held_out = without_training(first, states_for(first, [test]))[1]
    if held_out is None:
        raise DataError(
            f"Every trajectory of {test} was fitted to; give some that were not (fit --hold-out 0.25)."
        )
    table = room.compare(fitted, held_out)
    console.print(comparison(table, f"{held_out.sizes['trajectory']} held-out trajectories"))
