"""A text that was steered: what was chosen at each step, beside what, how surprising it is, and where it led."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes import plots
from sdebayes._core.errors import DataError, StateSpaceError
from sdebayes.posterior import Posterior
from sdebayes.reporting.blocks import (
    Block,
    Chapter,
    Figure,
    Heading,
    Paragraph,
    Quote,
    Quotes,
    Table,
    Verdict,
    Verdicts,
)
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.figures import picture
from sdebayes.reporting.wording import number, passage, percent, plural, signed, significant
from sdebayes.steering.steer import UNLIKELY

BESIDE = 2
"""Alternatives that are shown of a step."""


def check_log(posterior: Posterior, log: xr.Dataset) -> None:
    """Refuse what is no log of steering by this posterior.

    Raises
    ------
    DataError
        If it is none.
    StateSpaceError
        If it is of another space.
    """
    missing = [name for name in ("candidates", "chosen", "score", "target", "distance") if name not in log]
    if missing:
        raise DataError(f"report: steered has no variable {missing[0]!r}; give what sdebayes.steer returned.")
    if log.attrs.get("space_hash") != posterior.space_hash:
        raise StateSpaceError(
            "report: the steered text is in another state space than the posterior; give the posterior that steered it."
        )


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    log = context.steered
    if log is None:
        return Chapter("steered", "A steered text", [Paragraph("No text was steered.")])
    chosen = log.isel(candidate=log["chosen"])
    target = str(log.attrs["target"])
    aimed = bool(np.isfinite(log["target"]).any())
    blocks: list[Block] = [
        Paragraph(
            f"A text of {plural(log.sizes['step'], 'step')}, each chosen among up to {log.sizes['candidate']} "
            f"candidates. Target: {target}. A candidate's score is how much likelier it is behind the text than "
            "anywhere, and how much likelier it makes the target."
        ),
    ]
    if log.attrs["context"]:
        blocks.append(Quotes("", [Quote(passage(str(log.attrs["context"])), "what the text begins with")]))
    if aimed:
        blocks.append(Verdicts([_verdict(chosen)]))
    blocks += [_table(chosen, aimed), *_figures(log, aimed), *_alternatives(log)]
    return Chapter("steered", "A steered text", blocks)


def _verdict(chosen: xr.Dataset) -> Verdict:
    """Say whether the text has come to its target, and whether it could."""
    tails = chosen["target_tail_probability"].values
    known = np.flatnonzero(np.isfinite(tails))
    tail, before = float(tails[known[-1]]), float(chosen["free_tail_probability"].values[0])
    odds = f"of what may come in its place, {significant(tail, 2)} lies at least as far from where it is expected"
    if tail >= UNLIKELY:
        return Verdict("good", "Target", f"the text has come to it: {odds}.")
    if before < UNLIKELY:
        advice = "Give a nearer place, or more steps."
        said = f"the text has not come to it, and hardly could: {odds}; at the beginning, {significant(before, 2)}."
        return Verdict("warning", "Target", said, advice)
    return Verdict(
        "warning",
        "Target",
        f"the text has not come to it: {odds}.",
        "Offer more candidates, or take more steps.",
    )


def _table(chosen: xr.Dataset, aimed: bool) -> Table:
    rows = []
    for step in range(chosen.sizes["step"]):
        one = chosen.isel(step=step)
        own = [
            passage(str(one["text"].item())),
            signed(float(one["fit"])),
            percent(float(one["agreement"])),
            significant(float(one["tail_probability"]), 2),
        ]
        rows.append(own + ([signed(float(one["pull"])), number(float(one["distance"]))] if aimed else []))
    return Table(
        ["chosen", "fit", "draws agree", "surprise", *(("pull", "distance") if aimed else ())],
        rows,
        "Fit and pull in nats. Surprise: how often the process goes on at least so surprisingly."
        + (" Distance to the next point of the target, in units of the states." if aimed else ""),
    )


def _figures(log: xr.Dataset, aimed: bool) -> list[Block]:
    found: list[Block] = [
        Figure(
            picture(plots.steering.steer(log)),
            "What was offered at each step, and chosen",
            "Points to the right are better. At the right stands the share of the posterior draws that would have "
            "chosen the same: where it is low, the data do not tell which candidate is better.",
        )
    ]
    if aimed:
        found.append(
            Figure(
                picture(plots.steering.path(log)),
                "The text's path beside its target",
                "Blue: the sentences that were chosen, among those offered. They need not lie on the target, each "
                "sentence being seen through noise; they should come nearer to it than what is offered does.",
            )
        )
    return found


def _alternatives(log: xr.Dataset) -> list[Block]:
    """Quote the best candidates that were not chosen."""
    quotes = []
    for step in range(log.sizes["step"]):
        one = log.isel(step=step)
        score, chosen = one["score"].values.copy(), int(one["chosen"])
        gap = score - score[chosen]
        score[chosen] = np.nan
        for other in np.argsort(-score, kind="stable")[: min(BESIDE, int(one["offered"]) - 1)]:
            text = passage(str(one["candidates"].values[other]))
            quotes.append(
                Quote(text, f"step {step + 1}, {signed(float(gap[other]))} nats beside what was chosen")
            )
    return [Heading("What else was offered"), Quotes("", quotes)] if quotes else []
