"""Diffusion functions: the factor G(x, t), (state, state), with covariance rate Σ = G Gᵀ."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx

from sdebayes._core.types import Matrix, Scalar, Vector


class AbstractDiffusion(eqx.Module):
    """A diffusion factor G(x, t), written for one point.

    Attributes
    ----------
    constant
        Whether G does not depend on x and t (additive noise), readable as ``factor``.
    """

    constant: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return G(x, t), shape (state, state), in state per square root of time."""

    def covariance(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return Σ(x, t) = G Gᵀ, shape (state, state), in state² per unit time."""
        factor = self(x, t)
        return factor @ factor.T

    def reference(self, x: Vector) -> Matrix:
        """Return a typical Σ, (state, state), that does not vary with x where that is known; else Σ(x)."""
        return self.covariance(x)

    def tabulate(self, x: Vector) -> Any:
        """Return what can be computed at x before any parameter is known; None if that is nothing."""
        return None

    def at(self, table: Any) -> AbstractDiffusion:
        """Return the diffusion as it is at the point of a table: only its value there may be read."""
        return self


class ConstantDiffusion(AbstractDiffusion):
    """Additive noise: the same factor G everywhere.

    Parameters
    ----------
    factor
        G, (state, state), in state per square root of time.
    """

    constant: ClassVar[bool] = True
    factor: Matrix

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return G."""
        return self.factor


class ParametricDiffusion(AbstractDiffusion):
    """The user's own diffusion factor G(x, t, θ).

    Parameters
    ----------
    function
        ``function(x, t, parameters) -> (state, state)``, made of JAX operations.
    parameters
        Named parameters θ.
    """

    function: Callable[[Any, Any, dict[str, Any]], Any] = eqx.field(static=True)
    parameters: dict[str, Any]

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return G(x, t, θ), shape (state, state)."""
        return self.function(x, t, self.parameters)
