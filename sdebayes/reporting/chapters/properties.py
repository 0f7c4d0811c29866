"""Which properties of a stochastic process the model has, and which the data reject."""

from __future__ import annotations

from sdebayes.reporting.blocks import Block, Chapter, Heading, Paragraph, Verdict, Verdicts
from sdebayes.reporting.material import Material
from sdebayes.reporting.wording import listed, sentence_case

SEVERITY = {"supported": "good", "not rejected": "good", "rejected": "warning", "cannot be told": "note"}
HEADINGS = {"model": "What holds of the model", "data": "What held-out {nouns} say of it"}


def write(material: Material) -> Chapter:
    """Write the chapter."""
    found = material.properties
    blocks: list[Block] = [
        Paragraph(
            "Supported: at least 95 % of the posterior draws have the property. Rejected: the draws, or the data, "
            f"speak against it at {100 * float(found.attrs['alpha']):.0f} %. What is said of the data compares them "
            "with replicates that have their noise, lengths and gaps. Several tests are made, each at this level by "
            "itself, so one rejection among them may be chance. Not rejected is no proof."
        )
    ]
    for about, heading in HEADINGS.items():
        own = [k for k, value in enumerate(found["about"].values) if value == about]
        if own:
            blocks += [
                Heading(heading.format(nouns=material.nouns)),
                Verdicts([_verdict(found, k) for k in own]),
            ]
    if not material.tested:
        blocks.append(Paragraph(f"The data were not judged: {material.untested}", quiet=True))
    return Chapter("properties", "Properties of the process", blocks)


def judged(material: Material) -> Verdict:
    """Judge in one line which properties are rejected."""
    found = material.properties
    rejected = [str(name) for name in found["property"].values[(found["verdict"] == "rejected").values]]
    if rejected:
        advice = "See what each verdict cannot tell before reading the dynamics as those of this process."
        return Verdict("note", "Properties of the process", f"rejected: {listed(rejected)}.", advice)
    return Verdict("good", "Properties of the process", f"none of {found.sizes['property']} is rejected.")


def _verdict(found, k: int) -> Verdict:
    verdict, meaning, evidence, unknown = (
        str(found[name].values[k]) for name in ("verdict", "meaning", "evidence", "cannot_tell")
    )
    subject = sentence_case(str(found["property"].values[k]))
    return Verdict(
        SEVERITY[verdict],
        f"{subject}: {verdict}",
        f"{meaning} {sentence_case(evidence)}.",
        f"Open: {unknown}",
    )
