"""Figures of forecasts: skill by horizon, reliability, calibration, and error against the complexity of texts."""

from sdebayes.plots.forecasts.complexity import complexity
from sdebayes.plots.forecasts.dependence import dependence
from sdebayes.plots.forecasts.horizons import by_horizon
from sdebayes.plots.forecasts.reliability import reliability
from sdebayes.plots.forecasts.scores import scores
from sdebayes.plots.forecasts.transform import pit

__all__ = ["by_horizon", "complexity", "dependence", "pit", "reliability", "scores"]
