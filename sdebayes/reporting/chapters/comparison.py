"""Held-out scores beside the nulls."""

from __future__ import annotations

import xarray as xr

from sdebayes import plots
from sdebayes.posterior import claims
from sdebayes.posterior.claims import NOT_ASKED
from sdebayes.reporting.blocks import Block, Chapter, Figure, Paragraph, Table, Verdicts
from sdebayes.reporting.chapters import verdicts
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.figures import picture
from sdebayes.reporting.wording import bracketed, number, signed


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    blocks: list[Block] = [Verdicts([verdicts.gain(context)])]
    table = context.table
    if table is not None:
        names = [str(name) for name in table["candidate"].values]
        rows = [
            [
                name,
                number(float(row["per_step"]), 3),
                signed(float(row["difference"]), 3),
                bracketed(float(row["lower"]), float(row["upper"])),
            ]
            for name, row in ((name, table.sel(candidate=name)) for name in names)
        ]
        unit = f"nats per {context.step_noun}"
        blocks += [
            Table(
                ["candidate", f"log score, {unit}", f"over {table.attrs['baseline']}", "95 % interval"],
                rows,
                f"{table.sizes['trajectory']} held-out {context.nouns}; the interval is paired over them. "
                f"{table.attrs['caution']}",
                strong=(0,),
            ),
            Figure(
                picture(plots.scores.differences(table)),
                "What the order of the steps is worth",
                "Right of the dotted line is better than the baseline; the bars are 95 % intervals, paired over "
                f"{context.nouns}. Nulls are grey.",
            ),
            _claims(claims(table), unit),
            Paragraph(
                f"The score is the log density of a whole {context.noun} that the fit has not seen, with the latent "
                "path, the trajectory effect and missing values integrated out and the posterior not updated on it. "
                f"The baseline is normal, has no groups and covariates, and knows all about a {context.noun} but the "
                "order of its steps.",
                quiet=True,
            ),
        ]
    return Chapter("comparison", "Held-out scores", blocks)


def _claims(found: xr.Dataset, unit: str) -> Table:
    """Say what the scores support, claim by claim."""
    rows = []
    for name in found["claim"].values:
        row = found.sel(claim=name)
        verdict = str(row["verdict"].values)
        asked = verdict != NOT_ASKED
        difference = signed(float(row["difference"]), 3) if asked else "–"
        interval = bracketed(float(row["lower"]), float(row["upper"])) if asked else "–"
        rows.append([str(name), verdict, str(row["against"].values) or "no such row", difference, interval])
    return Table(
        ["claim", "verdict", "hardest row to beat", f"difference, {unit}", "95 % interval"],
        rows,
        "Each claim must beat every row that knows all but what it claims. Coupling and nonlinearity are asked where a "
        f"fit without them, alike in all else, stands beside this one. {found.attrs['not_asked']}".strip(),
    )
