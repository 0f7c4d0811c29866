"""One sentence for a reader of one sentence: the worst that any check found."""

from __future__ import annotations

from collections.abc import Sequence

from sdebayes.reporting.blocks import Headline, Verdict
from sdebayes.reporting.chapters.verdicts import worst_first
from sdebayes.reporting.wording import listed, plural

MOST_TOLD = 2


def headline(verdicts: Sequence[Verdict], conclusion: Verdict) -> Headline:
    """Say the worst of all verdicts, of the computation and of the model alike.

    Parameters
    ----------
    verdicts
        All of them, the conclusion included.
    conclusion
        What is concluded where nothing speaks against it.
    """
    ordered = worst_first(verdicts)
    worst = ordered[0].severity
    same = [verdict for verdict in ordered if verdict.severity == worst]
    subjects = listed([_lower(verdict.subject) for verdict in same])
    if worst == "problem":
        return Headline(
            worst, f"Do not use these results yet: {plural(len(same), 'problem')}, {subjects}.", _told(same)
        )
    if worst == "warning":
        title = f"A conclusion may be wrong: {plural(len(same), 'warning')}, {subjects}."
        return Headline(worst, title, _told(same))
    title = "No check found fault with the computation or the model, which does not prove the model true."
    noted = "" if worst != "note" else f" Worth knowing: {subjects}."
    said = "" if conclusion in same and worst == "note" else f"{conclusion.subject}: {conclusion.message}"
    return Headline(worst if worst == "note" else conclusion.severity, title, f"{said}{noted}".strip())


def _told(verdicts: Sequence[Verdict]) -> str:
    """Repeat the first of them in full."""
    told = " ".join(
        f"{verdict.subject}: {verdict.message} {verdict.advice}".strip() for verdict in verdicts[:MOST_TOLD]
    )
    return told if len(verdicts) <= MOST_TOLD else f"{told} The others stand below."


def _lower(subject: str) -> str:
    """Write a subject inside a sentence: names and abbreviations keep their capitals."""
    return (
        subject if subject[1:2].isupper() or not subject[1:2].isalpha() else subject[0].lower() + subject[1:]
    )
