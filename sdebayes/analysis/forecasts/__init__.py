"""Forecasts against what came."""

from sdebayes.analysis.forecasts.transform import pit

__all__ = ["pit"]
