"""Findings for each trajectory, and the steps that surprise most."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes import plots
from sdebayes._core.errors import ModelError
from sdebayes.reporting.blocks import Block, Chapter, Figure, Heading, Paragraph, Quote, Quotes, Table
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.figures import picture
from sdebayes.reporting.wording import number, passage, signed, significant

MOST_ROWS = 40
SURPRISES = 8


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    blocks: list[Block] = []
    if context.table is not None:
        blocks += [
            Figure(
                picture(
                    plots.scores.per_trajectory(
                        context.table, candidate=str(context.table["candidate"].values[0])
                    )
                ),
                f"Each held-out {context.noun}, model beside baseline",
                f"The longer the line to the right, the more the order of the steps tells in this {context.noun}; "
                "blue left of orange: it does not move as the others do.",
            ),
            _table(context, context.table),
        ]
    blocks += _surprises(context)
    return Chapter("trajectories", f"Single {context.nouns}", blocks)


def _table(context: ReportContext, table: xr.Dataset) -> Table:
    score = table["log_score"] / table["n_observed"]
    own, null = score.isel(candidate=0).values, score.sel(candidate=table.attrs["baseline"]).values
    order = np.argsort(null - own)
    names, steps = table["trajectory"].values, table["n_observed"].values
    rows = [
        [str(names[i]), str(int(steps[i])), number(own[i]), number(null[i]), signed(own[i] - null[i])]
        for i in (
            order if order.size <= MOST_ROWS else np.r_[order[: MOST_ROWS // 2], order[-MOST_ROWS // 2 :]]
        )
    ]
    head = [context.noun, "steps", "model", str(table.attrs["baseline"]), "gain"]
    caption = "Held-out log score in nats per step, the largest gain first."
    return Table(head, rows, caption)


def _surprises(context: ReportContext) -> list[Block]:
    heading = Heading("The most surprising steps")
    try:
        tail = context.surprise["tail_probability"].values
    except ModelError as error:
        return [heading, Paragraph(f"No step was judged: {error}")]
    judged = context.judged
    count = int(np.isfinite(tail).sum())
    order = np.argsort(np.where(np.isfinite(tail), tail, np.inf), axis=None)[:SURPRISES]
    places = [np.unravel_index(index, tail.shape) for index in order]
    names = judged["trajectory"].values
    which = "held-out" if context.held_out else "training"
    others = f"all other steps of their {context.noun}" if context.two_sided else "the steps before them"
    intro = Paragraph(
        f"Of {count} {which} steps these lie farthest from what {others} predicted. The number is how "
        f"often a calibrated process would bring a step at least so far off; among {count} steps the smallest is "
        f"expected near {significant(1 / (count + 1), 1)}."
    )
    if "text" not in judged:
        rows = [[str(names[i]), str(k + 1), significant(float(tail[i, k]))] for i, k in places]
        table = Table([context.noun, "step", "probability"], rows, "The smallest tail probabilities.")
        return [heading, intro, table]
    quotes = [
        Quote(
            passage(str(judged["text"].values[i, k])),
            f"{names[i]}, step {k + 1}, probability {significant(float(tail[i, k]), 2)}{expected}",
        )
        for (i, k), expected in zip(places, _expected(context, places), strict=True)
    ]
    return [heading, intro, Quotes("", quotes)]


def _expected(context: ReportContext, places: list[tuple[np.intp, ...]]) -> list[str]:
    """Say for each step which training step is nearest to what was expected in its place, where that can be read."""
    space = context.posterior.space
    if space is None or "text" not in context.data or not places:
        return [""] * len(places)
    points = np.array([context.surprise["expected"].values[i, k] for i, k in places])
    near = space.exemplars(points, context.data, 1)["text"].values[:, 0]
    return [f"; nearest to what was expected: “{passage(str(text))}”" for text in near]
