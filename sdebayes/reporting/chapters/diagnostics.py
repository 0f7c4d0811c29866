"""The fit's own checks."""

from __future__ import annotations

from sdebayes.reporting.blocks import Chapter, Paragraph, Verdicts
from sdebayes.reporting.chapters import verdicts
from sdebayes.reporting.context import ReportContext


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    return Chapter(
        "diagnostics",
        "Checks of the fit",
        [
            Verdicts(verdicts.fit(context)),
            Paragraph(
                "The checks are made on parameters that mean something and on drift and covariance at probe points: "
                "the data's mean and one standard deviation either side of it along the first states.",
                quiet=True,
            ),
        ],
    )
