"""Strategies: how a model is fitted."""

from sdebayes.inference.nuts import NUTS
from sdebayes.inference.strategy import AbstractStrategy, Draws, Problem

STRATEGIES: dict[str, type[AbstractStrategy]] = {kind.__name__: kind for kind in (NUTS,)}

__all__ = ["NUTS", "STRATEGIES", "AbstractStrategy", "Draws", "Problem"]
