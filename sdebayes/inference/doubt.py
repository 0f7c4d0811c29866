"""What findings are worth where the draws that they are read from fail their own checks."""

from __future__ import annotations

from dataclasses import replace

from sdebayes.inference.findings import Finding, Severity

_FAVOURABLE: tuple[Severity, ...] = ("good", "not rejected")


def doubted(read: list[Finding], computation: list[Finding]) -> list[Finding]:
    """Take the good news back that is read from draws which fail their own checks.

    Parameters
    ----------
    read
        What was read from the draws.
    computation
        How the draws themselves were judged; a problem among these makes what is favourable a note.
    """
    failed = [finding.subject for finding in computation if finding.severity == "problem"]
    if not failed:
        return read
    reason = f"Not to be relied on: the draws that say so fail a check ({', '.join(failed)})."
    return [
        replace(finding, severity="note", advice=reason) if finding.severity in _FAVOURABLE else finding
        for finding in read
    ]
