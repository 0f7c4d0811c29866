"""Held-out scores beside the nulls."""

from __future__ import annotations

from sdebayes import plots
from sdebayes.reporting.blocks import Block, Chapter, Figure, Paragraph, Table, Verdicts
from sdebayes.reporting.chapters import verdicts
from sdebayes.reporting.figures import picture
from sdebayes.reporting.material import Material
from sdebayes.reporting.wording import number, signed


def write(material: Material) -> Chapter:
    """Write the chapter."""
    blocks: list[Block] = [Verdicts([verdicts.gain(material)])]
    table = material.table
    if table is not None:
        names = [str(name) for name in table["candidate"].values]
        rows = [
            [
                name,
                number(float(row["per_step"]), 3),
                signed(float(row["difference"]), 3),
                number(float(row["standard_error"]), 3),
            ]
            for name, row in ((name, table.sel(candidate=name)) for name in names)
        ]
        unit = f"nats per {material.step_noun}"
        blocks += [
            Table(
                ["candidate", f"log score, {unit}", f"over {table.attrs['baseline']}", "standard error"],
                rows,
                f"{table.sizes['trajectory']} held-out {material.nouns}; the standard error is paired over them.",
                strong=(0,),
            ),
            Figure(
                picture(plots.scores.differences(table)),
                "What the order of the steps is worth",
                "Right of the dotted line is better than the baseline; the bars are two paired standard errors either "
                "way. Nulls are grey.",
            ),
            Paragraph(
                f"The score is the log density of a whole {material.noun} that the fit has not seen, with the latent "
                "path, the trajectory effect and missing values integrated out and the posterior not updated on it. "
                f"The baseline knows everything about a {material.noun} but the order of its steps.",
                quiet=True,
            ),
        ]
    return Chapter("comparison", "Held-out scores", blocks)
