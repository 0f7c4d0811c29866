"""The weights of a drift integrated out."""

from sdebayes.inference.marginal.hyperparameters import log_evidence
from sdebayes.inference.marginal.strategy import Marginal

__all__ = ["Marginal", "log_evidence"]
