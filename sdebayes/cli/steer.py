"""``sdebayes steer``: write texts sentence by sentence, each chosen among what a function proposes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

_OF_TARGET = ("distance", "target_tail_probability")


def steer(
    posterior: Annotated[Path, typer.Argument(help="Posterior, as sdebayes fit writes it.")],
    path: Annotated[
        Path, typer.Argument(help='JSON lines, each with what a text begins with: {"context": "…"}.')
    ],
    generate: Annotated[
        str,
        typer.Option(
            metavar="MODULE:NAME",
            help="A function of yours: generate(text, n) returns n texts that may follow.",
        ),
    ],
    towards: Annotated[
        list[str] | None,
        typer.Option(help="A sentence that names the place where texts are to end; several: their mean."),
    ] = None,
    typical: Annotated[
        bool, typer.Option("--typical", help="Choose the sentence whose surprise is the most usual.")
    ] = False,
    candidates: Annotated[int, typer.Option(min=1, help="Candidates at each step.")] = 8,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each text.")] = 6,
    choice: Annotated[
        Literal["best", "draw"], typer.Option(help="The best candidate, or a draw by their probabilities.")
    ] = "best",
    encoder: Annotated[str | None, typer.Option(help="As of sdebayes rank.")] = None,
    logs: Annotated[
        Path | None,
        typer.Option(
            help="A directory for the log of each text, 1.nc for that of the first, which report --steered reads."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed.")] = 0,
) -> None:
    """Write a text behind each context, its sentences chosen by how well they go on and where they lead.

    A JSON line for each: the whole text, and of each step its sentence, the candidates, their scores in nats and
    probabilities, the share of the posterior draws that agree, and of what was chosen how surprising it is and how far
    the target is then. Where no candidate comes, the line holds the steps before and why it ended.
    """
    from sdebayes import posterior as posteriors
    from sdebayes import steering
    from sdebayes._core.errors import DataError, SteeringError
    from sdebayes._core.files import check_writable
    from sdebayes._core.netcdf import write_netcdf
    from sdebayes.cli import inputs
    from sdebayes.cli.errors import prepare_compiler
    from sdebayes.cli.json_lines import read_contexts, say_line
    from sdebayes.cli.own import own

    inputs.check_inputs([posterior, path])
    if logs is not None:
        check_writable(logs / "1.nc")
    contexts = read_contexts(path)
    if typical and towards:
        raise DataError("--typical and --towards are two targets; give one.")
    proposing = own("--generate", generate, object)
    prepare_compiler()
    fitted = posteriors.load(posterior)
    unfinished = 0
    log: Any
    for number, context in enumerate(contexts, 1):
        try:
            log = steering.steer(
                proposing,
                fitted,
                "typical" if typical else towards,
                context=context,
                candidates=candidates,
                steps=steps,
                choice=choice,
                seed=seed,
                encoder=None if encoder is None else inputs.encoder(encoder),
            )
        except SteeringError as error:
            unfinished += 1
            log = error.log
            say_line(_said(context, log) | {"stopped": str(error)})
        else:
            say_line(_said(context, log))
        if logs is not None and log is not None:
            write_netcdf(log, logs / f"{number}.nc")
    if unfinished:
        raise SteeringError(
            f"{unfinished} of {len(contexts)} texts ended early; their lines say where and why."
        )


def _said(context: str, log: Any) -> dict[str, Any]:
    if log is None:
        return {"text": context, "steps": []}
    steps = []
    for step in log["step"].values:
        one = log.sel(step=step)
        count = int(one["offered"])
        rows = {
            name: one[name].values[:count] for name in ("candidates", "score", "fit", "pull", "probability")
        }
        rest = {name: one[name].values for name in ("chosen", "agreement", "left_out")}
        surprise = {name: one[name].values[int(one["chosen"])] for name in ("tail_probability", *_OF_TARGET)}
        steps.append({"text": str(one["text"].values)} | rest | surprise | rows)
    return {"text": log.attrs["text"], "target": log.attrs["target"], "steps": steps}
