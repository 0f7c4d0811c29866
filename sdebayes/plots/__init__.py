"""Figures of results: each function takes xarray only and returns matplotlib axes."""

from sdebayes.plots import (
    checks,
    fields,
    forecasts,
    moments,
    persistence,
    phase_space,
    process,
    scores,
    variance,
)

__all__ = [
    "checks",
    "fields",
    "forecasts",
    "moments",
    "persistence",
    "phase_space",
    "process",
    "scores",
    "variance",
]
