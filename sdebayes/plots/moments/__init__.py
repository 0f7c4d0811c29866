"""Figures of moments, autocorrelation and displacement."""

from sdebayes.plots.moments.coefficients import kramers_moyal, kramers_moyal_plane
from sdebayes.plots.moments.ensembles import over_time
from sdebayes.plots.moments.equations import moment_equations
from sdebayes.plots.moments.lags import allan_deviation, autocorrelation, mean_squared_displacement
from sdebayes.plots.moments.slopes import exponents

__all__ = [
    "allan_deviation",
    "autocorrelation",
    "exponents",
    "kramers_moyal",
    "kramers_moyal_plane",
    "mean_squared_displacement",
    "moment_equations",
    "over_time",
]
