"""Whether the probabilities of one-step forecasts come true."""

from __future__ import annotations

from sdebayes import plots
from sdebayes.reporting.beginnings import said_of
from sdebayes.reporting.blocks import Block, Chapter, Figure, Paragraph, Table, Verdicts
from sdebayes.reporting.chapters import verdicts
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.figures import picture
from sdebayes.reporting.wording import percent

MOST_STATES = 16


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    blocks: list[Block] = []
    part = said_of(context.forecast_of, context.judged, context.nouns)
    if not context.held_out:
        blocks.append(
            Paragraph("No held-out data were given: these are the training data, which flatter a forecast.")
        )
    blocks += [
        Verdicts([verdicts.calibration(context)]),
        Figure(
            picture(plots.forecasts.pit(context.pit)),
            "Where in its forecast did each value fall?",
            "Flat is calibrated: the grey band holds 90 % of the bars of a calibrated forecast. A hump in the middle "
            "means forecasts that are too wide, horns at the edges too narrow or heavy tails, a slope a shift.",
        ),
        _table(context),
        Paragraph(
            f"Each value is forecast from the steps before it in its own {context.noun}, under "
            f"{context.forecast_draws} draws. The brackets are 90 % Wilson intervals of the count; they, and the grey "
            f"band, take the values as independent. {part}".rstrip(),
            quiet=True,
        ),
    ]
    return Chapter("calibration", "Calibration", blocks)


def _table(context: ReportContext) -> Table:
    half, most = context.coverage(0.5), context.coverage(0.9)

    def cell(found, index: int) -> str:
        share, low, high = (float(found[name].values[index]) for name in ("coverage", "lower", "upper"))
        return f"{percent(share)} [{100 * low:.0f}, {100 * high:.0f}]"

    labels = [str(label) for label in half["state"].values][:MOST_STATES]
    rows = [
        [label, cell(half, index), cell(most, index), str(int(most["count"].values[index]))]
        for index, label in enumerate(labels)
    ]
    head = ["state", *(f"held by {most} % intervals, share [90 %]" for most in (50, 90)), "values"]
    return Table(head, rows, "Coverage of one-step forecast intervals.")
