"""How the observations Y are made of the path X."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.stored import Stored
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics import ScaleMixture
from sdebayes.likelihood import AbstractLikelihood, LinearTransitions, Transitions
from sdebayes.model.innovations import StudentT
from sdebayes.priors.base import DataScale, Dims
from sdebayes.schemes import AbstractScheme


class ObservationDraw(NamedTuple):
    """What an observation draws inside a model.

    Attributes
    ----------
    matrix
        H, (observed, state).
    noise_covariance
        R, (observed, observed).
    effect_covariance
        C, (state, state).
    variance
        The stationary variance left to the path, (state,); None where the drift's prior draws it.
    degrees_of_freedom
        ν of Student-t innovations; None for normal ones.
    noise_scales
        What R is multiplied by, at random, at each step; None for normal noise.
    noise_slopes
        What multiplies the terms of a step's covariates in log R, (term,); None where R is the same at all steps.
    """

    matrix: Float[Array, "observed state"]
    noise_covariance: Float[Array, "observed observed"]
    effect_covariance: Matrix
    variance: Vector | None
    degrees_of_freedom: Scalar | None = None
    noise_scales: ScaleMixture | None = None
    noise_slopes: Float[Array, " term"] | None = None


@checked
class AbstractObservation(Stored, ABC):
    """How Y is made of X.

    Attributes
    ----------
    trajectory_effect
        Whether each trajectory has an offset c.
    by_group
        Whether each group of trajectories has its own draw, near one that all share.
    """

    trajectory_effect: bool = False
    by_group: bool = False

    @property
    def normal(self) -> bool:
        """Whether innovations and noise are normal."""
        return True

    @property
    def observation_matrix(self) -> Float[np.ndarray, "observed state"] | None:
        """H, (observed, state), where it is not the identity; else None."""
        return None

    @abstractmethod
    def likelihood(self, linear: bool, scheme: AbstractScheme) -> AbstractLikelihood:
        """Return how the distribution of trajectories is computed.

        Parameters
        ----------
        linear
            Whether the drift is linear and the noise additive.
        scheme
            The distribution of a step.
        """

    def independent_likelihood(
        self, scheme: AbstractScheme, coupled: int | None
    ) -> AbstractLikelihood | None:
        """Return how it is computed where drift and diffusion leave states independent; None if no other way.

        Parameters
        ----------
        scheme
            The distribution of a step.
        coupled
            How many of the first states touch each other all the same; None for none.
        """
        return None

    def covariate_scale(self, data: xr.Dataset) -> tuple[tuple[float, float], ...]:
        """Return mean and standard deviation of each covariate that R depends on; none by default."""
        return ()

    def noise_terms(
        self, data: xr.Dataset, scale: DataScale
    ) -> Float[np.ndarray, "trajectory time term"] | None:
        """Return what the slopes of log R multiply at each step; None where R is the same at all steps."""
        return None

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the variables of the data that R depends on."""
        return ()

    def coords(self) -> dict[str, list[str]]:
        """Labels of the dimensions that `dims` names, but those of states."""
        return {}

    @property
    def draws_variance(self) -> bool:
        """Whether the stationary variance of the path is drawn here rather than by the drift's prior."""
        return False

    def scaled_to(self, scale: DataScale) -> AbstractObservation:
        """Return a copy whose data-scaled constants are the numbers that ``scale`` gives."""
        return self

    def dims(self) -> Dims:
        """Names and dimensions of the parameters that a reader of the posterior wants to see."""
        return {}

    def state_dim(self, observed_dim: int) -> int:
        """Return the number of states behind so many observed coordinates."""
        return observed_dim

    def path_variance(self, variance: Float[np.ndarray, " state"]) -> Float[np.ndarray, " state"]:
        """Return what the prior expects of the states' variance, (state,), to be the path's."""
        return variance

    @abstractmethod
    def sample(self, state_dim: int) -> ObservationDraw:
        """Draw H, R and C inside a NumPyro model."""

    @abstractmethod
    def describe(self) -> str:
        """Say the observation in words and formulas."""


@checked
@dataclass(frozen=True, eq=False)
class Exact(AbstractObservation):
    """Y_k = X(t_k): the states themselves.

    Parameters
    ----------
    innovations
        The distribution of a step's innovation: None for the scheme's own, or `StudentT` for one with heavy tails and
        the scheme's mean and covariance. Forecasts and residuals use the mean and covariance alone.

    See Also
    --------
    sdebayes.GaussianNoise : States that are seen through noise.
    sdebayes.StudentT : Innovations with heavy tails.

    Examples
    --------
    >>> print(sb.Exact().describe())
    Observation: exact, Y_k = X(t_k)
    >>> model = sb.SDEModel(drift=sb.priors.GP(), observation=sb.Exact())
    >>> type(model.likelihood).__name__
    'Transitions'
    """

    innovations: StudentT | None = None

    @property
    def normal(self) -> bool:
        """Whether innovations have the scheme's own distribution."""
        return self.innovations is None

    def likelihood(self, linear: bool, scheme: AbstractScheme) -> AbstractLikelihood:
        """Return the sum over transitions."""
        return LinearTransitions(scheme, self.normal) if linear else Transitions(scheme)

    def dims(self) -> Dims:
        """Names and dimensions of the parameters."""
        return {} if self.innovations is None else {"degrees_of_freedom": []}

    def sample(self, state_dim: int) -> ObservationDraw:
        """Return H = I, R = 0, C = 0."""
        zero = jnp.zeros((state_dim, state_dim))
        degrees_of_freedom = None if self.innovations is None else self.innovations.sample()
        return ObservationDraw(jnp.eye(state_dim), zero, zero, None, degrees_of_freedom)

    def describe(self) -> str:
        """Say the observation in words."""
        said = "Observation: exact, Y_k = X(t_k)"
        return said if self.innovations is None else f"{said}\n{self.innovations.describe()}"
