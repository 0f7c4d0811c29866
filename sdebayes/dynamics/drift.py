"""Drift functions f(x, t): (state,) → (state,), in units of state per unit time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax

from sdebayes._core.types import Matrix, Scalar, Vector


class AbstractDrift(eqx.Module):
    """A drift f(x, t), written for one point.

    Attributes
    ----------
    affine
        Whether f(x, t) = v − A x with constant A and v, readable as ``matrix`` and ``offset``.
    """

    affine: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, x: Vector, t: Scalar = 0.0) -> Vector:
        """Return f(x, t), shape (state,)."""

    def jacobian(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return ∂f/∂x at (x, t), shape (state, state), in 1/time."""
        return jax.jacfwd(lambda point: self(point, t))(x)


class LinearDrift(AbstractDrift):
    """f(x) = A (b − x), the drift of the Ornstein–Uhlenbeck process.

    Parameters
    ----------
    matrix
        Rate matrix A, (state, state), in 1/time.
    location
        Equilibrium b, (state,).
    """

    affine: ClassVar[bool] = True
    matrix: Matrix
    location: Vector

    @property
    def offset(self) -> Vector:
        """The drift at the origin, A b, shape (state,)."""
        return self.matrix @ self.location

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Vector:
        """Return A (b − x), shape (state,)."""
        return self.matrix @ (self.location - x)

    def jacobian(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return −A."""
        return -self.matrix


class AffineDrift(AbstractDrift):
    """f(x) = v − A x: any linear drift, stable or not, with or without an equilibrium.

    Parameters
    ----------
    matrix
        Rate matrix A, (state, state), in 1/time.
    offset
        v, (state,), in state per unit time.
    """

    affine: ClassVar[bool] = True
    matrix: Matrix
    offset: Vector

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Vector:
        """Return v − A x, shape (state,)."""
        return self.offset - self.matrix @ x

    def jacobian(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return −A."""
        return -self.matrix


class ParametricDrift(AbstractDrift):
    """The user's own drift f(x, t, θ).

    Parameters
    ----------
    function
        ``function(x, t, parameters) -> (state,)``, made of JAX operations.
    parameters
        Named parameters θ.
    """

    function: Callable[[Any, Any, dict[str, Any]], Any] = eqx.field(static=True)
    parameters: dict[str, Any]

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Vector:
        """Return f(x, t, θ), shape (state,)."""
        return self.function(x, t, self.parameters)
