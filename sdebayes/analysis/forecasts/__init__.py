"""Forecasts against what came."""

from sdebayes.analysis.forecasts.complexity import complexity
from sdebayes.analysis.forecasts.dependence import dependence
from sdebayes.analysis.forecasts.horizons import by_horizon
from sdebayes.analysis.forecasts.references import reference_forecasts
from sdebayes.analysis.forecasts.reliability import reliability
from sdebayes.analysis.forecasts.scores import scores
from sdebayes.analysis.forecasts.transform import pit

__all__ = [
    "by_horizon",
    "complexity",
    "dependence",
    "pit",
    "reference_forecasts",
    "reliability",
    "scores",
]
