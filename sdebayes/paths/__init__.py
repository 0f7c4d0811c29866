"""Trajectories: the container, and the way from texts through embeddings to states."""

from sdebayes.paths.container import trajectories
from sdebayes.paths.reduce import PCA, StateSpace

__all__ = ["PCA", "StateSpace", "trajectories"]
