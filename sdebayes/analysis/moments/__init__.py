"""Moments and increments of data, beside those of simulated ensembles."""

from sdebayes.analysis.moments.ensembles import autocorrelation, mask_like, moments
from sdebayes.analysis.moments.increments import allan_deviation, increments
from sdebayes.analysis.moments.kramers_moyal import kramers_moyal
from sdebayes.analysis.moments.moment_equations import moment_equations
from sdebayes.analysis.moments.predictive_checks import predictive_p_values

__all__ = [
    "allan_deviation",
    "autocorrelation",
    "increments",
    "kramers_moyal",
    "mask_like",
    "moment_equations",
    "moments",
    "predictive_p_values",
]
