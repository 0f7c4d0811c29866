"""The model: its specification, its observation and its likelihood."""

import sdebayes._core.whole_numpyro  # noqa: F401
from sdebayes.likelihood import ExtendedKalman, UnscentedKalman
from sdebayes.model.covariances import LowRank
from sdebayes.model.gaussian_noise import GaussianNoise
from sdebayes.model.innovations import StudentT
from sdebayes.model.level import Level
from sdebayes.model.observation import AbstractObservation, Exact, ObservationDraw
from sdebayes.model.sdemodel import SDEModel
from sdebayes.model.student_t_noise import StudentTNoise
from sdebayes.model.variance_function import VarianceFunction

__all__ = [
    "AbstractObservation",
    "Exact",
    "ExtendedKalman",
    "GaussianNoise",
    "Level",
    "LowRank",
    "ObservationDraw",
    "SDEModel",
    "StudentT",
    "StudentTNoise",
    "UnscentedKalman",
    "VarianceFunction",
]
