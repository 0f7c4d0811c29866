"""The contract of a scheme."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx

from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics import SDE


class AffineTransition(eqx.Module):
    """The law X(t + Δt) | x ~ N(Φ x + s, Q) of a linear SDE.

    Parameters
    ----------
    matrix
        Φ, (state, state).
    shift
        s, (state,).
    covariance
        Q, (state, state).
    """

    matrix: Matrix
    shift: Vector
    covariance: Matrix


class AbstractScheme(eqx.Module):
    """A normal approximation of the transition law over one step.

    Attributes
    ----------
    requires_additive_noise
        Whether Σ must not depend on x and t.
    exact_when_linear
        Whether the law is exact for a linear drift with constant Σ, at any Δt.
    derivatives
        Highest derivative of the drift that is read at (x, t), and nothing elsewhere, so that basis functions can be
        tabulated there once; None if the drift is followed to other points.
    order
        Local order of the mean and of the covariance in Δt, in words.
    reference
        Where the scheme is described.
    """

    requires_additive_noise: ClassVar[bool] = False
    exact_when_linear: ClassVar[bool] = False
    derivatives: ClassVar[int | None] = None
    order: ClassVar[str]
    reference: ClassVar[str]

    @abstractmethod
    def transition(self, sde: SDE, x: Vector, t: Scalar, dt: Scalar) -> tuple[Vector, Matrix]:
        """Return mean (state,) and covariance (state, state) of X(t + Δt) given X(t) = x."""

    @abstractmethod
    def affine_transition(self, sde: SDE, dt: Scalar) -> AffineTransition:
        """Return the law over Δt of an SDE with linear drift and constant Σ."""
