"""The contracts of priors, and the data's scale in which their constants are expressed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Array, Float, Float64

from sdebayes._core.arguments import checked
from sdebayes._core.stored import Stored
from sdebayes._core.types import Vector
from sdebayes.dynamics import AbstractDiffusion, AbstractDrift
from sdebayes.priors.covariate_basis import AbstractCovariateBasis

Dims = dict[str, list[str]]

WEIGHT_SCALE = "weight_scale"
"""Key of a site's ``infer``: what its standard normal values, (feature, output), are multiplied by before the
likelihood reads them, of the same shape. Samplers choose coordinates by it."""

WEIGHT_OFFSET = "weight_offset"
"""Beside it: weights, (feature, output), of about the function that is added to theirs."""


@checked
@dataclass(frozen=True, eq=False)
class DataScale(Stored):
    """The scale of a data set, in state space: what the default prior constants are multiples of.

    Parameters
    ----------
    states
        Labels of the states.
    location
        Mean of each state, (state,).
    variance
        Variance of each state over all steps, (state,).
    rate
        Mean squared increment per unit of time of each state, (state,).
    observed_variance
        Variance of each observed coordinate, (observed,).
    step
        Median step, in time.
    decorrelation_time
        Time after which the autocorrelation of each state falls below 1/e, (state,); at least one step.
    extent
        Largest distance of each state from its mean, (state,).
    points
        Some of the data's states, evenly over all steps, (point, state).
    path_variance
        What the observation's prior expects of ``variance`` to be the path's, without noise and trajectory effect,
        (state,).
    duration
        Median duration of a trajectory, in time.
    covariates
        Mean and standard deviation of each covariate that the noise depends on.
    levels
        Known functions of each covariate that the level depends on.
    groups
        Names of the groups of trajectories, where the model has parameters by group.

    See Also
    --------
    sdebayes.SDEModel.scaled_to : Finds it, and freezes the prior's constants at it.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 500, 0.1, n_trajectories=4)
    >>> scale = sb.SDEModel(observation=sb.Exact()).scaled_to(data).frozen_scale
    >>> scale.states, round(scale.step, 3)
    (('x1',), 0.1)
    >>> scale.variance.round()  # of the truth: 1
    array([1.])
    """

    states: tuple[str, ...]
    location: Float64[np.ndarray, " state"]
    variance: Float64[np.ndarray, " state"]
    rate: Float64[np.ndarray, " state"]
    observed_variance: Float64[np.ndarray, " observed"]
    step: float
    decorrelation_time: Float64[np.ndarray, " state"]
    extent: Float64[np.ndarray, " state"]
    points: Float64[np.ndarray, "point state"]
    path_variance: Float64[np.ndarray, " state"]
    duration: float
    covariates: tuple[tuple[float, float], ...] = ()
    levels: tuple[AbstractCovariateBasis, ...] = ()
    groups: tuple[str, ...] = ()

    def of_path(self) -> DataScale:
        """Return the scale of the path behind the data: spread and points drawn in by the path's share."""
        share = np.sqrt(self.path_variance / self.variance)
        return replace(
            self,
            variance=self.path_variance,
            extent=share * self.extent,
            points=self.location + share * (self.points - self.location),
        )


@checked
class AbstractDriftPrior(Stored, ABC):
    """A prior over drift functions.

    What it says of itself, and does not compute from its fields, a class of your own sets as class attributes:
    ``affine = True``.

    Attributes
    ----------
    title
        What it is, in a few words.
    by_group
        Whether each group of trajectories has its own draw, near one that all share.

    See Also
    --------
    sdebayes.priors.Parametric : A drift of your own without a class.
    sdebayes.SDEModel : Takes it.

    Examples
    --------
    >>> drifts = sb.priors.Linear(), sb.priors.GP(), sb.priors.BNN(), sb.priors.Sparse()
    >>> [drift.title for drift in drifts]
    ['linear map', 'Gaussian process', 'Bayesian neural network', 'sum of few known functions']
    >>> [drift.affine for drift in drifts]
    [True, False, False, False]
    >>> [drift.may_explode for drift in drifts]
    [False, False, False, True]
    """

    title: ClassVar[str] = "prior of your own"
    by_group: bool = False

    @property
    def far(self) -> str:
        """What a draw does far from the data, in a few words."""
        return "what its author knows"

    @property
    def may_explode(self) -> bool:
        """Whether a draw may send paths to infinity in finite time."""
        return False

    @property
    def identified(self) -> bool:
        """Whether the parameters are worth knowing beside the function they make: a function has one value of them."""
        return True

    @property
    def overparameterized(self) -> bool:
        """Whether very different weights make one function, so that the density's curvature is often indefinite."""
        return False

    @property
    def affine(self) -> bool:
        """Whether every draw is A (b − x)."""
        return False

    @property
    def diagonal(self) -> bool:
        """Whether no draw couples states: df_i/dx_j = 0 for i ≠ j."""
        return False

    @property
    def coupled(self) -> int | None:
        """How many of the first states a draw couples, where it leaves all others alone; None where it may not."""
        return None

    @property
    def stable(self) -> bool:
        """Whether every draw is a stable linear map, so that a constant Σ gives a stationary distribution."""
        return False

    @property
    def linear_in_weights(self) -> bool:
        """Whether, given its other parameters, a draw is linear in weights that are independent standard normal.

        It is f(x) = Θᵀ ψ(x) then, with known functions ψ and Θ = Θ₀ + S w, where S is a factor for each weight w. Such
        a prior has a ``location``, around which the linear functions in ψ are written, and `weight_sites`.
        """
        return False

    @property
    def shares_scale(self) -> bool:
        """Whether S is an outer product of a factor for each function and one for each state."""
        return True

    @property
    def smooth(self) -> bool:
        """Whether the density is a smooth function of the parameters, as strategies that follow gradients need."""
        return True

    def scaled_to(self, scale: DataScale) -> Any:
        """Return a copy whose data-scaled constants are the numbers that ``scale`` gives."""
        return self

    def dims(self) -> Dims:
        """Names and dimensions of the parameters that a reader of the posterior wants to see."""
        return {}

    def coords(self) -> dict[str, list[str]]:
        """Labels of dimensions that are the prior's own."""
        return {}

    def weight_sites(self, weights: Float[Array, "feature state"]) -> dict[str, Array]:
        """Return the values of the sites that standard normal weights stand for; none where all is known but Θ₀.

        Parameters
        ----------
        weights
            w, (feature, state), in the order of the drift's ``features``; those that S makes nothing of are not read.

        Returns
        -------
        dict
            Values by the names of the sites.
        """
        return {}

    @abstractmethod
    def sample(
        self, state_dim: int, diffusion: AbstractDiffusion, *, variance: Vector | None = None
    ) -> AbstractDrift:
        """Draw a drift inside a NumPyro model.

        Parameters
        ----------
        state_dim
            Number of states.
        diffusion
            The diffusion drawn before it.
        variance
            Stationary variance of each state, (state,), where the observation has drawn it already.
        """

    @abstractmethod
    def describe(self, variance_drawn: bool = False) -> str:
        """Say the prior in words and formulas: numbers when scaled to data, rules before.

        Parameters
        ----------
        variance_drawn
            Whether the observation draws the stationary variance.
        """


@checked
class AbstractDiffusionPrior(Stored, ABC):
    """A prior over diffusion functions.

    Attributes
    ----------
    title
        What it is, in a few words.
    by_group
        As in `AbstractDriftPrior`.

    See Also
    --------
    sdebayes.priors.Parametric : A diffusion of your own without a class.
    sdebayes.SDEModel : Takes it.

    Examples
    --------
    >>> diffusions = sb.priors.Constant("diagonal"), sb.priors.Diagonal(), sb.priors.Full()
    >>> [diffusion.constant for diffusion in diffusions]
    [True, False, False]
    >>> [diffusion.diagonal for diffusion in diffusions]
    [True, False, False]
    """

    title: ClassVar[str] = "prior of your own"
    by_group: bool = False

    @property
    def identified(self) -> bool:
        """Whether the parameters are worth knowing beside the function, as in `AbstractDriftPrior`."""
        return True

    @property
    def constant(self) -> bool:
        """Whether every draw is additive noise."""
        return False

    @property
    def diagonal(self) -> bool:
        """Whether the noise of every draw is independent between states."""
        return False

    @property
    def overparameterized(self) -> bool:
        """Whether very different weights make one function."""
        return False

    def scaled_to(self, scale: DataScale) -> Any:
        """Return a copy whose data-scaled constants are the numbers that ``scale`` gives."""
        return self

    def dims(self) -> Dims:
        """Names and dimensions of the parameters that a reader of the posterior wants to see."""
        return {}

    @abstractmethod
    def sample(self, state_dim: int, *, variance: Vector | None = None) -> AbstractDiffusion:
        """Draw a diffusion inside a NumPyro model; arguments as in `AbstractDriftPrior.sample`."""

    @abstractmethod
    def describe(self, variance_drawn: bool = False) -> str:
        """Say the prior in words and formulas; the argument as in `AbstractDriftPrior.describe`."""
