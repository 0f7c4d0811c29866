"""Data sets: benchmark SDEs with known truth, and real texts."""

from sdebayes.datasets.synthetic import benchmark
from sdebayes.datasets.text import load_sotu

__all__ = ["benchmark", "load_sotu"]
