"""Which properties of a stochastic process the model has, and which the data reject."""

from __future__ import annotations

import xarray as xr

from sdebayes.posterior.advice import ADVICE
from sdebayes.reporting.blocks import Block, Chapter, Heading, Paragraph, Verdict, Verdicts
from sdebayes.reporting.chapters import verdicts
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.wording import listed, sentence_case

SEVERITY = {
    "supported": "good",
    "assumed": "assumed",
    "not rejected": "not rejected",
    "rejected": "warning",
    "cannot be told": "note",
}
_REVERSIBLE = "reversibility of the model"
HEADINGS = {"model": "What holds of the model", "data": "What held-out {nouns} say of it"}


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    found = context.properties
    blocks: list[Block] = [
        Paragraph(
            "Supported: at least 95 % of the posterior draws have the property, and fewer than 99 % of the prior's. "
            "Assumed: the prior has it already, so the data were not asked. Rejected: the draws, or the data, speak "
            f"against it at {100 * float(found.attrs['alpha']):.0f} %. What is said of the data compares them with "
            "replicates that have their noise, lengths and gaps. Not rejected is no proof."
        )
    ]
    for about, heading in HEADINGS.items():
        own = [k for k, value in enumerate(found["about"].values) if value == about]
        if own:
            blocks += [
                Heading(heading.format(nouns=context.nouns)),
                Verdicts([_verdict(context, k) for k in own]),
            ]
    if part := found.attrs.get("part"):
        blocks.append(Paragraph(part.strip(), quiet=True))
    if not context.tested:
        blocks.append(Paragraph(f"The data were not judged: {context.untested}", quiet=True))
    return Chapter("properties", "Properties of the process", blocks)


def judged(context: ReportContext) -> Verdict:
    """Judge in one line which properties are rejected, as severely as the chapter does."""
    found = context.properties
    names, said = found["property"].values, found["verdict"].values
    worst = verdicts.worst_first(_verdict(context, k) for k in range(len(names)))[0]
    subject = "Properties of the process"
    rejected = [str(name) for name in names[said == "rejected"]]
    if rejected:
        return Verdict(worst.severity, subject, f"rejected: {listed(rejected)}.", worst.advice)
    unknown = [str(name) for name in names[said == "cannot be told"]]
    open_ = f" It cannot be told: {listed(unknown)}." if unknown else ""
    return Verdict(worst.severity, subject, f"none of {len(names)} is rejected.{open_}")


def _verdict(context: ReportContext, k: int) -> Verdict:
    found = context.properties
    verdict, meaning, evidence, unknown = (
        str(found[name].values[k]) for name in ("verdict", "meaning", "evidence", "cannot_tell")
    )
    name = str(found["property"].values[k])
    severity = _severity(found, name, verdict)
    advice, subject = f"Open: {unknown}", sentence_case(name)
    if subject in ADVICE and verdict == "rejected":
        advice = f"{ADVICE[subject](context.posterior.model)} {advice}"
    subject = subject if severity == verdict else f"{subject}: {verdict}"
    return Verdict(
        severity, subject, f"It means: {meaning[0].lower()}{meaning[1:]} Found: {evidence}.", advice
    )


def _severity(found: xr.Dataset, name: str, verdict: str) -> str:
    """Warn of what spoils a conclusion: a path that circulates does so only where the model has none that do."""
    if name == "return to an equilibrium" and verdict == "cannot be told":
        return "warning"
    rejected = found["property"].values[found["verdict"].values == "rejected"]
    if name in rejected and name.startswith("reversibility") and _REVERSIBLE in rejected:
        return "note"
    return SEVERITY[verdict]
