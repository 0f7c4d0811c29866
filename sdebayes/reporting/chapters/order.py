"""Whether held-out texts hang together, and whether the model knows their order from another one."""

from __future__ import annotations

import xarray as xr

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes._core.once import once
from sdebayes.analysis import quality
from sdebayes.analysis.quality.coherence import divided
from sdebayes.reporting.blocks import Block, Chapter, Figure, Paragraph, Table
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.figures import picture
from sdebayes.reporting.wording import percent, signed

SHUFFLES, DRAWS = 2, 400


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    title = f"Are the {context.nouns} in order?"
    if context.test is None:
        return Chapter("order", title, [Paragraph(f"No {context.nouns} were held out that could tell.")])
    return Chapter("order", title, [*_parts(context), *_tasks(context)])


@once
def parts(context: ReportContext) -> xr.Dataset:
    """Divide what the model gains on the held-out trajectories."""
    return divided(context.posterior, context.judged, context.data, context.own_scores)


@once
def tasks(context: ReportContext) -> xr.Dataset:
    """Ask the model for the true order of the held-out trajectories."""
    return quality.order_tasks(
        context.posterior, context.judged, context.seed, shuffles=SHUFFLES, samples=DRAWS
    )


def _parts(context: ReportContext) -> list[Block]:
    """Say what place, level and order give."""
    found = parts(context)
    rows = [
        [
            name,
            signed(float(found[name].mean())),
            signed(float(found[name].min())),
            signed(float(found[name].max())),
        ]
        for name in ("place", "level", "order", "total")
    ]
    return [
        Paragraph(
            f"What the model gains over independent steps has three parts. Place: where in the {context.noun} a step "
            f"stands, if the model has such a level. Level: each {context.noun} has a middle of its own. Order: steps "
            "follow one another; of these it is the only one that a shuffle takes away."
        ),
        Figure(
            picture(plots.quality.coherence(found)),
            f"What each held-out {context.noun} gains, in its parts",
            f"A long part for order: the steps lead on to one another as in the {context.nouns} learned from. To the "
            "left of zero: independent steps would have done better.",
        ),
        Table(
            ["", "mean", "least", "most"],
            rows,
            f"Nats per step over held-out {context.nouns}; the parts add up.",
        ),
    ]


def _tasks(context: ReportContext) -> list[Block]:
    """Ask for the true order."""
    try:
        found = tasks(context)
    except DataError as error:
        return [Paragraph(f"The true order was not asked for: {error}")]
    own = found.sel(scorer=found["scorer"].values[0])
    best = found["accuracy"].values[:, 1:].max(axis=1)
    ahead = ", ".join(str(task) for task in found["task"].values[own["lower"].values > best])
    beside = (
        f"its interval lies above the better cosine in {ahead}"
        if ahead
        else "in no task its interval lies above the better cosine"
    )
    return [
        Figure(
            picture(plots.quality.order_tasks(found)),
            "Is the true order the more probable one?",
            f"Each held-out {context.noun} beside itself with its steps in another order, {SHUFFLES} times. At one "
            "half nothing is known of order. The cosine of neighbouring steps needs no model: what lies no further "
            "right than it is no gain of this one. Its cosines are those of the states.",
        ),
        Paragraph(
            f"Of single steps shuffled, the model finds the true order in {percent(float(own['accuracy'][0]))} of "
            f"{int(own['count'][0])} {context.nouns}; {beside}."
        ),
    ]
