"""``sdebayes fit``: from trajectories to a posterior."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def fit(
    data: Annotated[Path, typer.Argument(help="Trajectories, .nc or .zarr: embeddings, or states.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Posterior to write, .nc.")],
    components: Annotated[int, typer.Option(help="Principal components that embeddings are reduced to.")] = 8,
    hold_out: Annotated[
        float,
        typer.Option(
            help="Fraction of the trajectories that is not fitted to; report and compare judge on it."
        ),
    ] = 0.0,
    draws: Annotated[int, typer.Option(help="Kept draws of each chain.")] = 1000,
    warmup: Annotated[int, typer.Option(help="Iterations of each chain before them.")] = 300,
    chains: Annotated[int, typer.Option(help="Number of chains.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of the fit and of what is held out.")] = 0,
    diagonal: Annotated[
        bool, typer.Option("--diagonal", help="Independent states: diagonal drift matrix and Σ.")
    ] = False,
    exact: Annotated[bool, typer.Option("--exact", help="States observed without noise.")] = False,
    no_trajectory_effect: Annotated[
        bool, typer.Option("--no-trajectory-effect", help="No offset of each trajectory as a whole.")
    ] = False,
) -> None:
    """Fit a latent Ornstein–Uhlenbeck process.

    Embeddings are reduced to principal components of the fitted trajectories; the posterior keeps this state space, so
    that new texts can be scored in it. By default states are coupled and observed with noise, and each trajectory has
    an offset of its own if there are several.
    """
    from sdebayes import paths as trajectories
    from sdebayes import posterior, priors
    from sdebayes.cli.guard import prepare_compiler
    from sdebayes.cli.screen import say_findings
    from sdebayes.inference import NUTS
    from sdebayes.model import Exact, GaussianNoise, SDEModel
    from sdebayes.reporting.output import check_writable

    check_writable(output)
    strategy = NUTS(draws=draws, warmup=warmup, chains=chains)
    known = trajectories.load(data)
    if hold_out:
        known, _ = trajectories.split(known, test=float(hold_out), seed=seed)
    if "embedding" in known["y"].dims:
        known = trajectories.PCA(components).fit(known).transform(known)
    prepare_compiler()
    effect = not no_trajectory_effect and known.sizes["trajectory"] > 1
    model = SDEModel(
        drift=priors.Linear(diagonal=diagonal),
        diffusion=priors.Constant("diagonal" if diagonal else "full"),
        observation=Exact() if exact else GaussianNoise(trajectory_effect=effect),
    )
    result = posterior.fit(model, known, strategy, seed=seed)
    result.to_netcdf(output)
    say_findings(result)
    print(output)
