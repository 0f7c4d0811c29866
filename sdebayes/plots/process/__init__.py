"""Figures of the properties of a process."""

from sdebayes.plots.process.draws import dissipativity, entropy_production, growth, mixing_time
from sdebayes.plots.process.fit_tests import innovations, replicates
from sdebayes.plots.process.properties import properties
from sdebayes.plots.process.reversal import reversibility

__all__ = [
    "dissipativity",
    "entropy_production",
    "growth",
    "innovations",
    "mixing_time",
    "properties",
    "replicates",
    "reversibility",
]
