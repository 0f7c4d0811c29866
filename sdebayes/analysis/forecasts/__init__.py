"""Forecasts against what came."""

from sdebayes.analysis.forecasts.complexity import complexity
from sdebayes.analysis.forecasts.dependence import dependence
from sdebayes.analysis.forecasts.horizons import by_horizon
from sdebayes.analysis.forecasts.references import (
    climatology,
    persistence,
    reference_forecasts,
    running_mean,
)
from sdebayes.analysis.forecasts.reliability import reliability
from sdebayes.analysis.forecasts.scores import scores
from sdebayes.analysis.forecasts.transform import pit

__all__ = [
    "by_horizon",
    "climatology",
    "complexity",
    "dependence",
    "persistence",
    "pit",
    "reference_forecasts",
    "reliability",
    "running_mean",
    "scores",
]
