"""Properties of the stochastic process: what the fitted model is, and what its fit to the data supports."""

from sdebayes.analysis.process.departures import (
    changing_variance,
    constant_noise,
    first_state,
    long_memory,
    outliers,
    return_to_equilibrium,
)
from sdebayes.analysis.process.entropy import entropy_production
from sdebayes.analysis.process.fit_tests import gaussian_innovations, innovations, markov, stationarity
from sdebayes.analysis.process.growth import dissipativity, growth
from sdebayes.analysis.process.mixing import mixing_time
from sdebayes.analysis.process.properties import properties
from sdebayes.analysis.process.reversal import reversibility

__all__ = [
    "changing_variance",
    "constant_noise",
    "dissipativity",
    "entropy_production",
    "first_state",
    "gaussian_innovations",
    "growth",
    "innovations",
    "long_memory",
    "markov",
    "mixing_time",
    "outliers",
    "properties",
    "return_to_equilibrium",
    "reversibility",
    "stationarity",
]
