"""Diffusion functions: the factor G(x, t), (state, state), with covariance rate Σ = G Gᵀ."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics.field import AbstractField

_SHIFT = float(np.log(np.expm1(1.0)))
"""log(e − 1), where softplus is 1."""


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


class DiagonalDiffusion(AbstractDiffusion):
    """Independent noise whose size varies, G(x) = diag(g_j softplus(u_j(x) + log(e − 1))): g_j where u_j = 0.

    Bounded where u is, and never zero.

    Parameters
    ----------
    scale
        g, (state,), in state per square root of time.
    field
        u, (state,) → (state,), without unit.
    """

    scale: Vector
    field: AbstractField

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return G(x), shape (state, state)."""
        return jnp.diag(self.scale * _positive(self.field(x)))

    def reference(self, x: Vector) -> Matrix:
        """Return Σ where u = 0, diag(g²), whatever x."""
        return jnp.diag(self.scale**2)

    def tabulate(self, x: Vector) -> Any:
        """Return the field's table of values."""
        return self.field.tabulate(x, 0)

    def at(self, table: Any) -> AbstractDiffusion:
        """Return the diffusion with its field read from a table."""
        return DiagonalDiffusion(self.scale, self.field.at(table))


class FullDiffusion(AbstractDiffusion):
    r"""Correlated noise that varies, G(x) = L₀ M(x), M lower triangular: L₀ where u = 0.

    .. math:: M_{ii} = \mathrm{softplus}(u_{ii}(x) + \log(e - 1)), \qquad M_{ij} = u_{ij}(x), \; i > j.

    Σ = G Gᵀ is bounded where u is, and positive definite everywhere.

    Parameters
    ----------
    factor
        L₀, lower triangular with a positive diagonal, (state, state), in state per square root of time.
    field
        u, (state,) → (state·(state + 1)/2,), without unit: the lower triangle row by row.

    References
    ----------
    The log-Cholesky form of Pinheiro & Bates (1996), sec. 2.2, doi:10.1007/BF00140873, with softplus in the place of
    their exponential.
    """

    factor: Matrix
    field: AbstractField

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return G(x), shape (state, state)."""
        return self.factor @ self._relative(self.field(x))

    def _relative(self, entries: Float[Array, " output"]) -> Matrix:
        lower = jnp.zeros_like(self.factor).at[jnp.tril_indices_from(self.factor)].set(entries)
        return jnp.tril(lower, -1) + jnp.diag(_positive(jnp.diagonal(lower)))

    def reference(self, x: Vector) -> Matrix:
        """Return Σ where u = 0, L₀ L₀ᵀ, whatever x."""
        return self.factor @ self.factor.T

    def tabulate(self, x: Vector) -> Any:
        """Return the field's table of values."""
        return self.field.tabulate(x, 0)

    def at(self, table: Any) -> AbstractDiffusion:
        """Return the diffusion with its field read from a table."""
        return FullDiffusion(self.factor, self.field.at(table))


def _positive(u: Vector) -> Vector:
    return jax.nn.softplus(u + _SHIFT)


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
