"""Properties of the stochastic process: what the fitted model is, and what its fit to the data supports."""

from sdebayes.analysis.process.entropy import entropy_production
from sdebayes.analysis.process.growth import dissipativity, growth

__all__ = ["dissipativity", "entropy_production", "growth"]
