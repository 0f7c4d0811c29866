"""The contract of finite sums of basis functions that stand for a Gaussian process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.stored import Stored
from sdebayes._core.types import Vector
from sdebayes.dynamics import BasisField
from sdebayes.priors.base import DataScale
from sdebayes.priors.kernels import AbstractKernel


@checked
class AbstractExpansion(Stored, ABC):
    """A finite-dimensional approximation of a Gaussian process of mean 0 and variance 1.

    Attributes
    ----------
    most_states
        Largest number of states that it is made for; None for any.
    tabulated
        Whether its functions do not depend on the length-scale, so that they can be computed once for all data where
        that is learned.
    far
        What the process does far from the data, in a few words.
    """

    most_states: ClassVar[int | None] = None
    tabulated: ClassVar[bool] = False
    far: ClassVar[str] = "what its author knows"

    @abstractmethod
    def scaled_to(
        self, scale: DataScale, location: np.ndarray, unit: np.ndarray, kernel: AbstractKernel
    ) -> AbstractExpansion:
        """Return a copy with numbers in the place of the data-scaled constants.

        Parameters
        ----------
        scale
            The data's scale.
        location, unit
            Middle and standard deviation of each state, (state,).
        kernel
            The covariance.
        """

    def shortest_lengthscale(self, kernel: AbstractKernel, state_dim: int) -> np.ndarray:
        """Return the shortest length-scale that the basis represents, (state,), in units of state; 0 for any."""
        return np.zeros(state_dim)

    @abstractmethod
    def count(self, state_dim: int) -> int:
        """Return the number of basis functions."""

    def weight_scale(self, kernel: AbstractKernel, lengthscale: Vector) -> Float[Array, " feature"]:
        """Return the prior standard deviation of each weight, (feature,).

        Parameters
        ----------
        kernel
            The covariance.
        lengthscale
            ℓ, (state,), in units of state.
        """
        return jnp.ones(self.count(lengthscale.shape[0]))

    @abstractmethod
    def field(
        self,
        kernel: AbstractKernel,
        location: Vector,
        lengthscale: Vector,
        fixed: bool,
        weights: Float[Array, "feature output"],
    ) -> BasisField:
        """Return the function that weights make.

        Parameters
        ----------
        kernel
            The covariance.
        location
            Middle of each state, (state,).
        lengthscale
            ℓ, (state,), in units of state.
        fixed
            Whether the length-scale is a constant.
        weights
            (feature, output), independent, with the standard deviations of `weight_scale`.
        """

    @abstractmethod
    def describe(self, kernel: AbstractKernel) -> list[str]:
        """Say the basis in words and formulas, a line each."""
