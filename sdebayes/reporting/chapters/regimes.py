"""The regimes: how long they last, where they are, and what is said in them."""

from __future__ import annotations

import numpy as np

from sdebayes import analysis, plots
from sdebayes.analysis import summarize
from sdebayes.reporting.blocks import Block, Chapter, Figure, Heading, Paragraph, Quote, Quotes, Table
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.figures import picture
from sdebayes.reporting.wording import MEDIAN, duration, interval, passage, percent

SHOWN, EXEMPLARS = 3, 3


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    dwell = analysis.regimes.dwell_times(context.posterior)
    found = context.posterior.regime_probability(context.data)
    blocks: list[Block] = [
        Paragraph(
            "The process is taken to switch between regimes, each with a drift of its own: a fit of several divides "
            "the steps of a process without regimes as well, and whether there are several a comparison with a fit "
            "of one on held-out data says. Labels mean nothing but the order of the regimes by the steps that they "
            "hold. A step is of the regime that led to it."
        ),
        Figure(
            picture(plots.regimes.dwell_times(dwell)),
            "How long does a regime last?",
            "Median and 90 % interval of the mean time from entering a regime to leaving it.",
        ),
        _table(context, dwell, found),
    ]
    names = [str(name) for name in found["trajectory"].values]
    for name in names[:SHOWN]:
        blocks.append(
            Figure(
                picture(plots.regimes.probability(found, trajectory=name)),
                f"The regimes along {name}",
                f"Near 0 or 1: the {context.noun} tells in which regime it is. Between: it does not. The band is what "
                "is not known of the regimes themselves.",
            )
        )
    if context.has_text:
        blocks += _quotes(context, found)
    return Chapter("regimes", "Regimes", blocks)


def _table(context: ReportContext, dwell, found) -> Table:
    summary = summarize(dwell)
    held = np.nanmean(found["probability"].values, axis=(0, 1, 2))
    rows = [
        [
            f"regime\N{NO-BREAK SPACE}{label}",
            duration(summary["dwell_time"].sel(regime=label)),
            interval(summary["share"].sel(regime=label)),
            percent(float(held[place])),
        ]
        for place, label in enumerate(dwell["regime"].values)
    ]
    head = [
        "",
        f"dwell time, {context.time_units}, {MEDIAN}",
        f"share in the long run, {MEDIAN}",
        "of the data's steps",
    ]
    return Table(head, rows, "Shares of the process, and of the steps of the training data.")


def _quotes(context: ReportContext, found) -> list[Block]:
    steps = analysis.regimes.exemplars(found, context.data, EXEMPLARS)
    blocks: list[Block] = [Heading("What stands in each regime")]
    for label in steps["regime"].values:
        one = steps.sel(regime=label)
        quotes = [
            Quote(
                passage(str(one["text"].values[k])),
                f"{one['name'].values[k]}, step {int(one['step'].values[k]) + 1}, probability "
                f"{float(one['probability'].values[k]):.2f}",
            )
            for k in range(steps.sizes["exemplar"])
        ]
        blocks.append(Quotes(f"Regime {label}", quotes))
    return blocks
