"""Forecasts against what came."""

from sdebayes.analysis.forecasts.complexity import complexity
from sdebayes.analysis.forecasts.references import climatology, persistence, running_mean
from sdebayes.analysis.forecasts.scores import scores
from sdebayes.analysis.forecasts.transform import pit

__all__ = ["climatology", "complexity", "persistence", "pit", "running_mean", "scores"]
