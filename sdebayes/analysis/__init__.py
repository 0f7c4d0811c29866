"""What a posterior, or a known SDE, says about the process: every result keeps its draws."""

from sdebayes.analysis import fields, forecasts, moments, phase_space
from sdebayes.analysis.summary import summarize

__all__ = ["fields", "forecasts", "moments", "phase_space", "summarize"]
