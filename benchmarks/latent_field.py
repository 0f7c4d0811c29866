"""Fit a Gaussian-process drift of a latent path, and score it beside a linear one with coupled states.

Do its chains agree, and does it win? Data: the demo's 33 training and 11 held-out speeches, 130 sentences each, on
principal components. Both models have observation noise and, unless ``--no-effect`` is said, a document effect; the
drift of one is linear with a full matrix, that of the other a linear map and a Gaussian process. Scores are nats per
sentence on held-out speeches, with paired standard errors. With ``--approximation`` the process is fitted by it twice,
from two seeds, whose draws are the two chains of the table: its own draws are independent, and whether its answer hangs
on the seed is what R-hat can tell; Pareto's k-hat says how near it is to the posterior.

Run: .uv/bin/uv run python benchmarks/latent_field.py
     .uv/bin/uv run python benchmarks/latent_field.py --states 8 --schemes EulerMaruyama --draws 300 --warmup 100
     .uv/bin/uv run python benchmarks/latent_field.py --states 8 --schemes EulerMaruyama --approximation SVI
     .uv/bin/uv run python benchmarks/latent_field.py --states 8 --schemes EulerMaruyama --features 50
         --lengthscale 2.83 --dense 600 --linear diagonal --sigma diagonal --shared-amplitude --path 2.3 --draws 1600
         --warmup 110 --acceptance 0.7
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Literal

import arviz_stats as az
import record
import typer
import xarray as xr
from rich.console import Console
from rich.table import Table

import sdebayes as sb
from sdebayes.cli.console import comparison
from sdebayes.inference.importance import smoothed_weights

SCHEMES = {"EulerMaruyama": sb.schemes.EulerMaruyama(), "LocalLinearization": sb.schemes.LocalLinearization()}
LINEAR = "OU, full A"
JUDGED = ("R-hat drift", "R-hat Σ", "ESS drift", "ESS Σ", "leapfrogs", "divergences", "k-hat", "seconds")


def main(
    states: Annotated[int, typer.Option(help="Principal components.")] = 2,
    functions: Annotated[int, typer.Option(help="Basis functions of each state, up to three states.")] = 6,
    features: Annotated[int, typer.Option(help="Random Fourier features, above three states.")] = 100,
    lengthscale: Annotated[
        float | None, typer.Option(help="Length-scale in standard deviations, held; learned by default.")
    ] = None,
    shared_amplitude: Annotated[bool, typer.Option(help="One amplitude for all states.")] = False,
    linear: Annotated[
        Literal["full", "diagonal"],
        typer.Option(help="full or diagonal: the linear part beside the process."),
    ] = "full",
    sigma: Annotated[
        Literal["full", "diagonal"], typer.Option(help="full or diagonal: Σ beside the process.")
    ] = "full",
    dense: Annotated[int, typer.Option(help="Parameters up to which curvature is taken in full.")] = 500,
    schemes: Annotated[str, typer.Option(help="Names, with commas.")] = ",".join(SCHEMES),
    draws: int = 500,
    warmup: int = 200,
    acceptance: float = 0.8,
    depth: Annotated[int, typer.Option(help="Trees have at most 2**depth leapfrog steps.")] = 10,
    path: Annotated[
        float | None, typer.Option(help="Length of HMC's paths, in the place of NUTS for the process.")
    ] = None,
    approximation: Annotated[str | None, typer.Option(help="Laplace or SVI, in the place of NUTS.")] = None,
    steps: Annotated[int, typer.Option(help="Steps of SVI.")] = 1500,
    effect: Annotated[bool, typer.Option(help="A document effect in the observation.")] = True,
    keep: Annotated[Path | None, typer.Option(help="Folder that the posteriors are written to.")] = None,
    seed: int = 0,
) -> None:
    """Fit, judge the chains and score."""
    if path is not None and approximation is not None:
        raise typer.BadParameter(
            "--path is of a sampler, and --approximation takes its place; give one of them."
        )
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    corpus = sb.datasets.load_sotu(sentences=130, speeches=44)
    train, test = sb.split(sb.embed(corpus, sb.SentenceEncoder()), test=0.25, seed=seed)
    space = sb.PCA(states).fit(train)
    train, test = space.transform(train), space.transform(test)
    noise = sb.GaussianNoise(trajectory_effect=effect)
    settings = {"target_acceptance": acceptance, "max_tree_depth": depth, "dense_dimension": dense}
    linear_strategy = sb.NUTS(draws, warmup, **settings)
    strategy = linear_strategy if path is None else sb.HMC(draws, warmup, **settings, path_length=path)
    approximate = {
        "Laplace": sb.Laplace(draws=draws),
        "SVI": sb.SVI(draws=draws, steps=steps, particles=1, learning_rate=0.01),
        None: None,
    }[approximation]
    models = {LINEAR: sb.SDEModel(observation=noise)}
    basis = sb.priors.HSGP(functions=functions) if states <= 3 else sb.priors.RandomFourier(features)
    prior = sb.priors.GP(
        sb.priors.Linear(diagonal=linear == "diagonal"),
        basis=basis,
        lengthscale=lengthscale,
        shared_amplitude=shared_amplitude,
    )
    diffusion = sb.priors.Constant(sigma)
    models |= {
        f"GP, {name}": sb.SDEModel(prior, diffusion, SCHEMES[name], noise) for name in schemes.split(",")
    }
    table = Table("model", *JUDGED)
    posteriors: dict[str, sb.Posterior] = {}
    rows: dict[str, dict[str, str]] = {}
    for name, model in models.items():
        chosen = linear_strategy if name == LINEAR else strategy if approximate is None else approximate
        seeds = (seed, seed + 1) if chosen is approximate else (seed,)
        start = time.perf_counter()
        fits = [sb.fit(model, train, chosen, seed=own) for own in seeds]
        seconds = time.perf_counter() - start
        posteriors[name] = fits[0]
        if keep is not None:
            fits[0].to_netcdf(keep / f"{name}.nc")
        rows[name] = dict(zip(JUDGED, [*judged(fits), f"{seconds:.0f}"], strict=True))
        table.add_row(name, *rows[name].values())
        Console(width=120).print(table)
    scores = sb.compare(posteriors, test, baseline=LINEAR)
    sampler = approximation or ("NUTS" if path is None else "HMC")
    extras = [
        ", one amplitude" * shared_amplitude,
        ", no document effect" * (not effect),
        f"; {sampler} {draws}",
    ]
    settings_said = f"{linear} linear part, {sigma} Σ{''.join(extras)} + {warmup}" + f"; seed {seed}" * (
        seed > 0
    )
    keep_rows({"states": str(states), "settings": settings_said}, rows, scores)
    Console(width=120).print(comparison(scores, f"{test.sizes['trajectory']} held-out speeches", "sentence"))


def keep_rows(place: dict[str, str], rows: dict[str, dict[str, str]], scores: xr.Dataset) -> None:
    """Keep what was found of each model, with its gain over the linear one."""
    for name, row in rows.items():
        mine = scores.sel(candidate=name)
        gain = f"{float(mine['difference']):+.3f} [{float(mine['lower']):+.3f}, {float(mine['upper']):+.3f}]"
        found = {"model": name} | row | {"nats per sentence over the OU": gain}
        record.keep("latent_field", [place | found], (*place, "model"))


def judged(fits: list[sb.Posterior]) -> list[str]:
    """Say how far chains, or fits of one chain each, agree, and what the sampler did."""
    both = [one.data["posterior"].to_dataset()[["drift_probe", "covariance_probe"]] for one in fits]
    probes = both[0] if len(both) == 1 else xr.concat(both, "chain").assign_coords(chain=range(len(both)))
    statistics = fits[0].data["sample_stats"].to_dataset()
    shape = (
        "–"
        if "log_weight" not in statistics
        else f"{smoothed_weights(statistics['log_weight'].values.ravel())[1]:.2f}"
    )
    return [
        *(f"{float(found.max()):.4f}" for found in az.rhat(probes).values()),
        *(f"{float(found.min()):.0f}" for found in az.ess(probes).values()),
        f"{float(statistics['n_steps'].mean()):.0f}" if "n_steps" in statistics else "–",
        f"{int(statistics['diverging'].sum())}" if "diverging" in statistics else "–",
        shape,
    ]


if __name__ == "__main__":
    typer.run(main)
