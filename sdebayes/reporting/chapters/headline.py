"""One sentence for a reader of one sentence: the worst that any check found."""

from __future__ import annotations

from collections.abc import Sequence

from sdebayes.reporting.blocks import Headline, Verdict
from sdebayes.reporting.chapters.verdicts import DOUBTS, worst_first
from sdebayes.reporting.wording import listed, plural

MOST_TOLD = 2
_PEOPLE = ("Gaussian", "Markov", "Pareto")


def headline(verdicts: Sequence[Verdict], conclusions: Sequence[Verdict]) -> Headline:
    """Say the worst of all verdicts, of the computation and of the model alike.

    Parameters
    ----------
    verdicts
        All of them, the conclusions included.
    conclusions
        What is concluded where nothing speaks against it.
    """
    ordered = worst_first(verdicts)
    worst = ordered[0].severity
    same = [verdict for verdict in ordered if verdict.severity == worst]
    subjects = listed([_lower(verdict.subject) for verdict in same])
    if worst in DOUBTS:
        lead = "Do not use these results yet" if worst == "problem" else "A conclusion may be wrong"
        return Headline(worst, f"{lead} ({plural(len(same), worst)}: {subjects}).", _told(same))
    title = "No check found fault with the computation or the model, which does not prove the model true."
    drawn = [verdict for verdict in conclusions if verdict.severity != "note"]
    lines = [f"{verdict.subject}: {verdict.message}" for verdict in drawn]
    if worst == "note":
        lines.append(f"Worth knowing: {subjects}.")
    elif drawn:
        worst = worst_first(drawn)[0].severity
    return Headline(worst, title, lines)


def _told(verdicts: Sequence[Verdict]) -> list[str]:
    """Repeat the first of them in full."""
    told = [
        f"{verdict.subject}: {verdict.message} {verdict.advice}".strip() for verdict in verdicts[:MOST_TOLD]
    ]
    return told if len(verdicts) <= MOST_TOLD else [*told, "The others stand below."]


def _lower(subject: str) -> str:
    """Write a subject inside a sentence: names of people, symbols and abbreviations keep their capitals."""
    kept = subject.startswith(_PEOPLE) or subject[1:2].isupper() or not subject[1:2].isalpha()
    return subject if kept else subject[0].lower() + subject[1:]
