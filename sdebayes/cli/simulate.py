"""``sdebayes simulate``: paths of every posterior draw."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def simulate(
    posterior: Annotated[Path, typer.Argument(help="Posterior, as sdebayes fit writes it.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Simulations to write, .nc; or .zarr, new, some draws in memory at a time."
        ),
    ],
    steps: Annotated[
        int, typer.Option(help="Steps of each path, as long as the training data's median step.")
    ] = 100,
    paths: Annotated[int, typer.Option(help="Paths of each draw.")] = 16,
    draws: Annotated[int, typer.Option(help="At most so many posterior draws, evenly spread.")] = 100,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Simulate latent paths x and observations y (sample, path, time, state)."""
    import numpy as np

    from sdebayes import posterior as posteriors
    from sdebayes import simulation
    from sdebayes._core.errors import DataError
    from sdebayes._core.files import check_writable
    from sdebayes._core.netcdf import write_netcdf
    from sdebayes.cli.errors import prepare_compiler

    check_writable(output)
    if steps < 1:
        raise DataError(f"steps={steps}; expected at least 1.")
    prepare_compiler()
    fitted = posteriors.load(posterior)
    times = float(fitted.training_scale.step) * np.arange(steps)
    store = output if output.suffix == ".zarr" else None
    result = simulation.simulate(fitted, times, paths=paths, samples=draws, seed=seed, store=store)
    if store is None:
        write_netcdf(result, output)
    print(output)
