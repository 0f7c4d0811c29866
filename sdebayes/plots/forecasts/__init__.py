"""Figures of forecasts: skill by horizon, reliability, calibration, and what errors go with."""

from sdebayes.plots.forecasts.dependence import dependence
from sdebayes.plots.forecasts.horizons import by_horizon
from sdebayes.plots.forecasts.reliability import reliability
from sdebayes.plots.forecasts.scores import scores
from sdebayes.plots.forecasts.transform import pit

__all__ = ["by_horizon", "dependence", "pit", "reliability", "scores"]
