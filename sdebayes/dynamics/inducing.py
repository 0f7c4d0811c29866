"""A kernel's functions at chosen points: the basis of inducing-point Gaussian processes."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.types import Vector
from sdebayes.dynamics.basis import AbstractBasis, Jet

_TINY = 1e-12  # keeps the root differentiable at a centre; far below the rounding of r² elsewhere


@runtime_checkable
class RadialFunction(Protocol):
    """A smooth function of the distance r, with what its derivatives along straight lines need."""

    def covariance(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return k(r)."""

    def slope(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return k′(r) / r."""

    def bend(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return the derivative of k′(r) / r, divided by r."""


@checked
class KernelBasis(AbstractBasis):
    r"""Kernel functions at centres, which decay to 0 far from all of them.

    .. math:: φ(x) = L^{-1} \bigl(k(r_i)\bigr)_i, \qquad r_i^2 = \sum_j (x_j - z_{ij})^2 / ℓ_j^2.

    Parameters
    ----------
    kernel
        k, a hashable object such as ``sdebayes.priors.SquaredExponential()``.
    centres
        z, (feature, state).
    lengthscale
        ℓ, (state,), in units of state.
    factor
        L, lower triangular, (feature, feature); None for the identity.
    fixed
        Whether the length-scale depends on no parameter.

    See Also
    --------
    sdebayes.priors.Inducing : Gaussian processes of it.

    Examples
    --------
    >>> centres = jnp.array([[-1.0], [0.0], [1.0]])
    >>> basis = sb.dynamics.KernelBasis(sb.priors.SquaredExponential(), centres, jnp.array([1.0]))
    >>> np.asarray(basis(jnp.array([0.0])), float).round(2)
    array([0.61, 1.  , 0.61])
    """

    kernel: RadialFunction = eqx.field(static=True)
    centres: Float[Array, "feature state"]
    lengthscale: Vector
    factor: Float[Array, "feature feature"] | None = None

    def __call__(self, x: Vector) -> Float[Array, " feature"]:
        """Return φ(x), (feature,)."""
        return self._whitened(self.kernel.covariance(self._distance(x)))

    def jet(self, x: Vector, order: int = 2) -> Jet:
        """Return the basis functions with their derivatives up to an order of 0, 1 or 2."""
        r = self._distance(x)
        value = self.kernel.covariance(r)
        if order == 0:
            return Jet(self._whitened(value), None, None)
        direction = (x - self.centres) / self.lengthscale**2
        slope = self.kernel.slope(r)
        gradient = slope[:, None] * direction
        if order == 1:
            return Jet(self._whitened(value), self._whitened(gradient), None)
        bent = self.kernel.bend(r)[:, None, None] * direction[:, :, None] * direction[:, None, :]
        hessian = bent + slope[:, None, None] * jnp.diag(1 / self.lengthscale**2)
        return Jet(self._whitened(value), self._whitened(gradient), self._whitened(hessian))

    def combination(self, weights: Float[Array, "feature output"], x: Vector, order: int = 2) -> Jet:
        """Return Wᵀ φ with its derivatives; the sum over features comes before the outer products."""
        if self.factor is not None:
            weights = solve_triangular(self.factor, weights, lower=True, trans="T")
        r = self._distance(x)
        value = self.kernel.covariance(r) @ weights
        if order == 0:
            return Jet(value, None, None)
        direction = (x - self.centres) / self.lengthscale**2
        slope = self.kernel.slope(r)[:, None] * weights
        gradient = slope.T @ direction
        if order == 1:
            return Jet(value, gradient, None)
        bend = self.kernel.bend(r)[:, None] * weights
        bent = jnp.einsum("fo,fj,fk->ojk", bend, direction, direction)
        return Jet(
            value, gradient, bent + jnp.sum(slope, 0)[:, None, None] * jnp.diag(1 / self.lengthscale**2)
        )

    def _whitened(self, values: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        if self.factor is None:
            return values
        flat = solve_triangular(self.factor, values.reshape(len(self.centres), -1), lower=True)
        return flat.reshape(values.shape)

    def _distance(self, x: Vector) -> Float[Array, " feature"]:
        return jnp.sqrt(jnp.sum(((x - self.centres) / self.lengthscale) ** 2, -1) + _TINY)
