"""The law of whole trajectories, latent path, trajectory effect and missing values integrated out."""

from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.base import AbstractLikelihood, TrajectoryLaw
from sdebayes.likelihood.filters import AbstractGaussianFilter, ExtendedKalman, UnscentedKalman
from sdebayes.likelihood.gaussian_filter import GaussianFilter
from sdebayes.likelihood.kalman import Kalman
from sdebayes.likelihood.transitions import LinearTransitions, Transitions

__all__ = [
    "AbstractGaussianFilter",
    "AbstractLikelihood",
    "ExtendedKalman",
    "GaussianFilter",
    "Kalman",
    "LinearTransitions",
    "Observations",
    "TrajectoryLaw",
    "Transitions",
    "UnscentedKalman",
]
