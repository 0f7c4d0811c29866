"""Data sets: benchmark SDEs with known truth, and texts of people and of a language model."""

from sdebayes.datasets.generated import load_smollm2
from sdebayes.datasets.synthetic import benchmark
from sdebayes.datasets.text import load_sotu

__all__ = ["benchmark", "load_smollm2", "load_sotu"]
