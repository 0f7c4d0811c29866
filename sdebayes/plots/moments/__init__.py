"""Figures of moments, autocorrelation and displacement."""

from sdebayes.plots.moments.ensembles import over_time
from sdebayes.plots.moments.lags import allan_deviation, autocorrelation, mean_squared_displacement

__all__ = ["allan_deviation", "autocorrelation", "mean_squared_displacement", "over_time"]
