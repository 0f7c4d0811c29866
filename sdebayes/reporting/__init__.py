"""The report: one HTML page that says what was found, how surely, and how to read it."""

from sdebayes.reporting.page import report

__all__ = ["report"]
