"""``sdebayes fit``: from trajectories to a posterior."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def fit(
    data: Annotated[Path, typer.Argument(help="Trajectories, .nc or .zarr: embeddings, or states.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Posterior to write, .nc.")],
    components: Annotated[int, typer.Option(help="States that embeddings are reduced to.")] = 8,
    projection: Annotated[
        str | None,
        typer.Option(
            help="Which states: pca, directions of largest variance, or tica, those that forget slowest. [default: pca]"
        ),
    ] = None,
    hold_out: Annotated[
        float,
        typer.Option(
            help="Fraction of the trajectories that is not fitted to; report and compare judge on it."
        ),
    ] = 0.0,
    min_steps: Annotated[
        int | None, typer.Option(help="Leave out trajectories with fewer observed steps, at least 3.")
    ] = None,
    drift: Annotated[
        str,
        typer.Option(
            help="linear; gp, a Gaussian process, or bnn, a network, beside a linear map; sparse, few terms of a "
            "library, for --strategy marginal, or horseshoe, the same for the others."
        ),
    ] = "linear",
    diffusion: Annotated[
        str, typer.Option(help="constant, or varying with the state, as a Gaussian process.")
    ] = "constant",
    regimes: Annotated[
        int | None, typer.Option(help="So many drifts, between which each text switches; 2 or more.")
    ] = None,
    regime_diffusion: Annotated[
        bool, typer.Option("--regime-diffusion", help="Each of the --regimes has a diffusion of its own.")
    ] = False,
    diagonal: Annotated[
        bool, typer.Option("--diagonal", help="Independent states: diagonal drift matrix and Σ.")
    ] = False,
    exact: Annotated[bool, typer.Option("--exact", help="States observed without noise.")] = False,
    observation: Annotated[
        str | None, typer.Option(help="module:Name of an observation of yours, instead of the options below.")
    ] = None,
    heavy_tails: Annotated[
        bool, typer.Option("--heavy-tails", help="Student-t noise, or innovations with --exact.")
    ] = False,
    correlated_noise: Annotated[
        bool, typer.Option("--correlated-noise", help="Noise and offsets with correlations between states.")
    ] = False,
    noise_covariate: Annotated[
        str | None,
        typer.Option(
            help="A positive variable of each step, such as words, whose logarithm scales the noise."
        ),
    ] = None,
    level: Annotated[
        list[str] | None,
        typer.Option(
            help="A variable that shifts the level: of texts, such as year or party, or t, the place in the text. "
            "Numbers enter as straight lines, names as categories; may be given several times."
        ),
    ] = None,
    by_group: Annotated[
        list[str] | None,
        typer.Option(
            help="What may differ between the groups of texts that the data name (embed --groups): drift, diffusion, "
            "noise, or several with commas."
        ),
    ] = None,
    no_trajectory_effect: Annotated[
        bool, typer.Option("--no-trajectory-effect", help="No offset of each trajectory as a whole.")
    ] = False,
    free_start: Annotated[
        bool,
        typer.Option(
            "--free-start",
            help="First states with a distribution of their own, where they are not stationary.",
        ),
    ] = False,
    scheme: Annotated[
        str | None,
        typer.Option(
            help="euler-maruyama, local-linearization, linear-noise, moments or strang; default: as fits the diffusion."
        ),
    ] = None,
    strategy: Annotated[
        str,
        typer.Option(
            help="nuts; hmc; marginal, the drift's weights integrated out, for --exact and --scheme euler-maruyama "
            "or --drift sparse; laplace or svi, approximations; particles, nuts corrected by particle filters."
        ),
    ] = "nuts",
    draws: Annotated[int | None, typer.Option(help="Kept draws, of each chain. [default: 1000]")] = None,
    warmup: Annotated[
        int | None, typer.Option(help="Iterations of each chain before them. [default: 300]")
    ] = None,
    chains: Annotated[int | None, typer.Option(help="Number of chains. [default: 2]")] = None,
    target_acceptance: Annotated[
        float | None, typer.Option(help="Mean acceptance of a chain's moves. [default: 0.8]")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of svi. [default: 3000]")] = None,
    batch: Annotated[
        int | None, typer.Option(help="Parts of the data in a step of svi. [default: all]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the fit and of what is held out.")] = 0,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep finished blocks of draws here: after an interrupt the same command goes on from them.",
        ),
    ] = None,
    coordinator: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where process 0 waits for others that were given the same command, to divide trajectories among the "
            "devices of all. Process 0 writes the output.",
        ),
    ] = None,
    processes: Annotated[int | None, typer.Option(help="With --coordinator: how many there are.")] = None,
    process: Annotated[
        int | None, typer.Option(help="With --coordinator: which of them this is, from 0.")
    ] = None,
) -> None:
    """Fit a stochastic differential equation, by default a latent Ornstein–Uhlenbeck process.

    Embeddings are reduced to a few coordinates of the fitted trajectories; the posterior keeps this state space, so
    that new texts can be scored in it. By default states are coupled and observed with noise, and each trajectory has
    an offset of its own if there are several. A drift, a diffusion, a scheme, an observation or a strategy of yours is
    named as module:Name, a class or an object.
    """
    from sdebayes import posterior
    from sdebayes._core.errors import ModelError
    from sdebayes._core.files import check_writable
    from sdebayes.cli import choices
    from sdebayes.cli.console import say_findings
    from sdebayes.cli.errors import prepare_compiler
    from sdebayes.cli.inputs import with_steps
    from sdebayes.cli.processes import joined
    from sdebayes.data import load, split
    from sdebayes.model import Level, SDEModel

    check_writable(output)
    if checkpoint is not None and coordinator is not None:
        raise ModelError(
            "--checkpoint is of one process, and --coordinator of several; leave one of them out."
        )
    settings = {"draws": draws, "warmup": warmup, "chains": chains, "target_acceptance": target_acceptance}
    way = choices.strategy(strategy, settings | {"steps": steps, "batch": batch})
    reduction = choices.projection(projection or "pca", components)
    known = with_steps(load(data), min_steps)
    if hold_out:
        known, _ = split(known, test=float(hold_out), seed=seed)
    if "embedding" in known["y"].dims:
        known = reduction.fit(known).transform(known)
    elif projection is not None:
        raise ModelError(
            f"--projection {projection} is of embeddings, but {data} holds states. Leave it out."
        )
    prepare_compiler()
    effect = not no_trajectory_effect and known.sizes["trajectory"] > 1
    parts: dict[str, choices.Part] = {
        "drift": choices.drift(drift, diagonal),
        "diffusion": choices.diffusion(diffusion, diagonal),
        "observation": choices.observation(
            observation, exact, heavy_tails, effect, correlated_noise, noise_covariate
        ),
    }
    model = SDEModel(
        **choices.regimes(regimes, regime_diffusion, choices.by_group(by_group or (), parts)),
        scheme=choices.scheme(scheme),
        initial="free" if free_start else None,
        level=tuple(Level(name) for name in level or ()),
    )
    with joined(coordinator, processes, process) as first:
        shown = None if first else False
        result = posterior.fit(model, known, way, seed=seed, progress=shown, checkpoint=checkpoint)
        if first:
            result.to_netcdf(output)
    if first:
        say_findings(result)
        print(output)
