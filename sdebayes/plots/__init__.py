"""Figures of results: each function takes xarray only and returns matplotlib axes."""

from sdebayes.plots import (
    calibration,
    checks,
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
    scores,
    steering,
    variance,
)

__all__ = [
    "calibration",
    "checks",
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
    "scores",
    "steering",
    "variance",
]
