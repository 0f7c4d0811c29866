"""The distribution of whole trajectories, latent path, trajectory effect and missing values integrated out."""

import sdebayes._core.whole_numpyro  # noqa: F401
from sdebayes.likelihood.arrays import Observations as Observations
from sdebayes.likelihood.base import AbstractLikelihood as AbstractLikelihood
from sdebayes.likelihood.base import TrajectoryLaw as TrajectoryLaw
from sdebayes.likelihood.by_group import ByGroup as ByGroup
from sdebayes.likelihood.conditional import Conditional as Conditional
from sdebayes.likelihood.filters import AbstractGaussianFilter as AbstractGaussianFilter
from sdebayes.likelihood.filters import ExtendedKalman, UnscentedKalman
from sdebayes.likelihood.gaussian_filter import GaussianFilter as GaussianFilter
from sdebayes.likelihood.independent import IndependentKalman as IndependentKalman
from sdebayes.likelihood.kalman import Kalman as Kalman
from sdebayes.likelihood.level import AroundLevel as AroundLevel
from sdebayes.likelihood.partly_independent import PartlyIndependentKalman as PartlyIndependentKalman
from sdebayes.likelihood.switching import SwitchingFilter as SwitchingFilter
from sdebayes.likelihood.switching import SwitchingTransitions as SwitchingTransitions
from sdebayes.likelihood.switching import switching as switching
from sdebayes.likelihood.transitions import LinearTransitions as LinearTransitions
from sdebayes.likelihood.transitions import Transitions as Transitions

__all__ = ["ExtendedKalman", "UnscentedKalman"]
