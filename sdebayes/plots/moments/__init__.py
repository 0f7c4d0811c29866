"""Figures of moments, autocorrelation and displacement."""

from sdebayes.plots.moments.coefficients import kramers_moyal, kramers_moyal_plane
from sdebayes.plots.moments.ensembles import moments
from sdebayes.plots.moments.equations import moment_equations
from sdebayes.plots.moments.lags import allan_deviation, autocorrelation, increments
from sdebayes.plots.moments.predictive_checks import predictive_p_values

__all__ = [
    "allan_deviation",
    "autocorrelation",
    "increments",
    "kramers_moyal",
    "kramers_moyal_plane",
    "moment_equations",
    "moments",
    "predictive_p_values",
]
