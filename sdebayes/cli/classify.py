"""``sdebayes classify``: whether texts of two groups can be told apart, and by what."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def classify(
    data: Annotated[
        Path,
        typer.Argument(
            help="Trajectories, .nc or .zarr, embeddings or states, with groups, of embed --groups or "
            "--group-by-path."
        ),
    ],
    group: Annotated[
        list[str] | None, typer.Option(help="One of the two groups, where there are more; give it twice.")
    ] = None,
    components: Annotated[int, typer.Option(help="States that embeddings are reduced to.")] = 8,
    projection: Annotated[
        str | None, typer.Option(help="Which states: pca or tica, as of fit. [default: pca]")
    ] = None,
    diagonal: Annotated[
        bool, typer.Option("--diagonal", help="Independent states: diagonal drift matrix and Σ.")
    ] = False,
    folds: Annotated[int, typer.Option(help="Parts of each group, each scored by fits to the others.")] = 2,
    strategy: Annotated[str, typer.Option(help="Strategy of these fits, as of fit.")] = "laplace",
    draws: Annotated[int | None, typer.Option(help="Their kept draws, of each chain.")] = None,
    shuffles: Annotated[
        int,
        typer.Option(
            help="Fits to texts whose groups were drawn by lot: the null, and how wide intervals are."
        ),
    ] = 20,
    prob: Annotated[float, typer.Option(help="Probability of the intervals, over texts.")] = 0.95,
    by_text: Annotated[
        bool, typer.Option("--by-text", help="A line for each text, with its log ratios in nats, instead.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of folds and fits.")] = 0,
) -> None:
    """Tell two groups of texts apart by place, level and order.

    A JSON line for each part of the log ratio of the two groups' densities, of texts that the fits have not seen: how
    often a text of the first group is above one of the second, with an interval; one half where the groups have a part
    in common. Its p-value is the share of groups drawn by lot that are told apart as well. Place is where a text lies,
    level how far it and its sentences are from the middle of both groups, order how sentences follow one another; they
    add up to the total, beside which stand the total per step and the length alone.
    """
    from sdebayes._core.errors import ModelError
    from sdebayes.analysis import quality
    from sdebayes.cli import choices, inputs
    from sdebayes.cli.errors import prepare_compiler
    from sdebayes.cli.json_lines import say_line
    from sdebayes.data import load
    from sdebayes.model import SDEModel

    inputs.check_inputs([data])
    way = choices.strategy(strategy, {"draws": draws})
    reduction = choices.projection(projection or "pca", components)
    known = load(data)
    groups = inputs.two_groups(known, group)
    if "embedding" in known["y"].dims:
        space = reduction.fit(known)
        groups = {name: space.transform(own) for name, own in groups.items()}
    elif projection is not None:
        raise ModelError(
            f"--projection {projection} is of embeddings, but {data} holds states. Leave it out."
        )
    prepare_compiler()
    model = SDEModel(
        choices.drift("linear", diagonal),
        choices.diffusion("constant", diagonal),
        observation=choices.observation(None, False, False, True),
    )
    found = quality.classify(groups, model, way, folds, seed, shuffles=shuffles, prob=prob)
    if not by_text:
        for part in found["part"].values:
            shares = {
                name: found[name].sel(part=part).item() for name in ("auc", "lower", "upper", "p_value")
            }
            say_line({"part": str(part), "first": found.attrs["first"], **shares})
        if found.attrs["caution"]:
            print(f"sdebayes: {found.attrs['caution']}", file=sys.stderr)
        return
    for own in found["log_ratio"].transpose("trajectory", "part"):
        parts = {
            str(name): value for name, value in zip(own["part"].values, own.values.tolist(), strict=True)
        }
        say_line({"name": own["trajectory"].item(), "group": own["group"].item(), **parts})
