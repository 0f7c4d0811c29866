"""What a posterior, or a known SDE, says about the process: every result keeps its draws."""

from sdebayes.analysis import (
    calibration,
    contrast,
    fields,
    forecasts,
    level,
    moments,
    persistence,
    phase_space,
    process,
    quality,
    regimes,
    variance,
)
from sdebayes.analysis.summary import summarize

__all__ = [
    "calibration",
    "contrast",
    "fields",
    "forecasts",
    "level",
    "moments",
    "persistence",
    "phase_space",
    "process",
    "quality",
    "regimes",
    "summarize",
    "variance",
]
