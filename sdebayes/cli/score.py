"""``sdebayes score``: how well a posterior predicts new texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def score(
    posterior: Annotated[Path, typer.Argument(help="Posterior, as sdebayes fit writes it.")],
    paths: Annotated[
        list[Path], typer.Argument(help="New texts (.txt, .csv, .jsonl, directories), or one data set.")
    ],
    encoder: Annotated[
        str | None,
        typer.Option(
            help="The encoder, by name, path or module:Name, if the posterior's is not the packaged one or on this "
            "machine: what a file names is not fetched or imported."
        ),
    ] = None,
    surprise: Annotated[
        bool, typer.Option("--surprise", help="Print a JSON line for each sentence: how surprising it is.")
    ] = False,
    calibration: Annotated[
        list[Path] | None,
        typer.Option(
            help="With --surprise: texts that were held out and are as good ones are, or one data set of such; may be "
            "given several times. P-values are conformal then."
        ),
    ] = None,
    exemplars: Annotated[
        Path | None,
        typer.Option(
            help="With --surprise: embeddings, whose sentences are shown where another was expected."
        ),
    ] = None,
    rate: Annotated[
        float,
        typer.Option(
            help="With --surprise: share of false ones aimed at among what does not belong; more if much is foreign."
        ),
    ] = 0.1,
) -> None:
    """Score new texts or trajectories in the state space of a fit.

    The log score is the log density of a whole text in nats; beside it the same of the baseline, which knows all about
    a text but the order of its sentences. With --surprise each sentence is scored, given all others of its text: its
    surprise in nats, the information that the others have of it, its p-value, and whether it belongs.
    """
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from sdebayes import posterior as posteriors
    from sdebayes._core.errors import DataError
    from sdebayes.cli.console import console, say_claims
    from sdebayes.cli.errors import prepare_compiler
    from sdebayes.cli.inputs import check_inputs, states_for

    if not surprise and (calibration or exemplars):
        raise DataError(
            "--calibration and --exemplars are of --surprise; give that as well, or leave them out."
        )
    check_inputs([posterior, *paths, *(calibration or []), *([exemplars] if exemplars else [])])
    prepare_compiler()
    fitted = posteriors.load(posterior)
    if surprise:
        from sdebayes.cli.surprise import say_surprise

        return say_surprise(fitted, paths, calibration or [], exemplars, rate, encoder)
    data = states_for(fitted, paths, encoder)
    shown = Table("trajectory", box=box.SIMPLE_HEAD, caption_justify="left")
    for head in ("steps", "log score, nats", "nats per step"):
        shown.add_column(head, justify="right")
    scores, table = fitted.log_score(data), None
    rows = [
        [escape(str(name)), str(int(steps)), f"{value:.2f}", f"{value / steps:.3f}"]
        for name, steps, value in zip(
            scores["trajectory"].values, scores["n_observed"].values, scores.values, strict=True
        )
    ]
    if len(rows) > 1:
        table = posteriors.compare({"model": fitted}, data)
        own, null = (table["log_score"].sel(candidate=name) for name in ("model", table.attrs["baseline"]))
        shown.add_column("over baseline", justify="right")
        shown.caption = f"Baseline: {table.attrs['baseline']}, per step."
        for row, gain in zip(rows, ((own - null) / table["n_observed"]).values, strict=True):
            row.append(f"{gain:+.3f}")
    for row in rows:
        shown.add_row(*row)
    console.print(shown)
    if table is not None:
        say_claims(table)
        console.print(table.attrs["caution"])
