"""The explorer: a phase portrait that is touched, with the sentence at each point."""

from sdebayes.explorer.data import ExplorerData
from sdebayes.explorer.explore import Explorer, explore

__all__ = ["Explorer", "ExplorerData", "explore"]
