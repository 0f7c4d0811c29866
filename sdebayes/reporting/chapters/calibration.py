"""Whether the probabilities of one-step forecasts come true."""

from __future__ import annotations

from sdebayes import plots
from sdebayes.reporting.blocks import Block, Chapter, Figure, Paragraph, Table, Verdicts
from sdebayes.reporting.chapters import verdicts
from sdebayes.reporting.figures import picture
from sdebayes.reporting.material import FORECAST_DRAWS, Material
from sdebayes.reporting.wording import percent

MOST_STATES = 16


def write(material: Material) -> Chapter:
    """Write the chapter."""
    blocks: list[Block] = []
    if not material.held_out:
        blocks.append(
            Paragraph("No held-out data were given: these are the training data, which flatter a forecast.")
        )
    blocks += [
        Verdicts([verdicts.calibration(material)]),
        Figure(
            picture(plots.forecasts.pit(material.pit)),
            "Where in its forecast did each value fall?",
            "Flat is calibrated: the grey band holds 90 % of the bars of a calibrated forecast. A hump in the middle "
            "means forecasts that are too wide, horns at the edges too narrow or heavy tails, a slope a shift.",
        ),
        _table(material),
        Paragraph(
            f"Each value is forecast from the steps before it in its own {material.noun}, under {FORECAST_DRAWS} "
            "draws. The brackets are 90 % Wilson intervals of the count; they, and the grey band, take the values as "
            "independent.",
            quiet=True,
        ),
    ]
    return Chapter("calibration", "Calibration", blocks)


def _table(material: Material) -> Table:
    half, most = material.coverage(0.5), material.coverage(0.9)

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
