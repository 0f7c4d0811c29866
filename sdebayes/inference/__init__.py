"""Strategies: how a model is fitted."""

from sdebayes.inference.nuts import NUTS

__all__ = ["NUTS"]
