"""Figures of forecasts: skill by horizon, reliability, and error against the complexity of texts."""

from sdebayes.plots.forecasts.dependence import dependence
from sdebayes.plots.forecasts.reliability import reliability
from sdebayes.plots.forecasts.skill import skill

__all__ = ["dependence", "reliability", "skill"]
