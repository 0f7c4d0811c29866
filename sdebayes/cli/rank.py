"""``sdebayes rank``: which of several continuations fits a text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def rank(
    posterior: Annotated[Path, typer.Argument(help="Posterior, as sdebayes fit writes it.")],
    path: Annotated[
        Path,
        typer.Argument(
            help='JSON lines, each with a text and what may follow: {"context": "…", "candidates": ["…", "…"]}.'
        ),
    ],
    encoder: Annotated[
        str | None,
        typer.Option(
            help="The encoder, by name, path or module:Name, if the posterior's is not the packaged one or on this "
            "machine: what a file names is not fetched or imported."
        ),
    ] = None,
    prob: Annotated[float, typer.Option(help="Probability of the intervals.")] = 0.9,
) -> None:
    """Say how well each candidate goes on from its context.

    A JSON line for each line of the file: the number of the best candidate from 0, and for each candidate its score in
    nats, log p(candidate | context) − log p(candidate), its probability among the candidates, and the interval of the
    probability over the posterior.
    """
    from sdebayes import posterior as posteriors
    from sdebayes.analysis import quality, summarize
    from sdebayes.cli import inputs
    from sdebayes.cli.choices import encoder as encoder_of
    from sdebayes.cli.errors import prepare_compiler
    from sdebayes.cli.json_lines import read_rankings, say_line

    inputs.check_inputs([posterior, path])
    rankings = read_rankings(path)
    prepare_compiler()
    fitted = posteriors.load(posterior)
    chosen = None if encoder is None else encoder_of(encoder)
    for context, candidates in rankings:
        found = quality.rank(fitted, context, candidates, encoder=chosen)
        spread = summarize(found["probability_by_draw"].rename("value"), prob=prob)["value"]
        say_line(
            {
                "best": int(found["score"].values.argmax()),
                "score": found["score"].values,
                "probability": found["probability"].values,
                "lower": spread.sel(statistic="lower").values,
                "upper": spread.sel(statistic="upper").values,
            }
        )
