"""Diffusion functions: the factor G(x, t), (state, state), with covariance rate Σ = G Gᵀ."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Numbers
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics.field import AbstractField
from sdebayes.dynamics.numbers import AbstractPointFunction

_SHIFT = float(np.log(np.expm1(1.0)))
"""log(e − 1), where softplus is 1."""


class NoiseExpansion(NamedTuple):
    """A diffusion factor's local expansion at (x, t).

    Attributes
    ----------
    factor
        G, (state, state).
    gradient
        ∂G/∂x_k, k first, (state, state, state).
    time_derivative
        ∂G/∂t, (state, state).
    """

    factor: Matrix
    gradient: Float[Array, "state state state"]
    time_derivative: Matrix


@checked
class AbstractDiffusion(AbstractPointFunction):
    """A diffusion factor G(x, t), written for one point.

    See Also
    --------
    sdebayes.dynamics.ParametricDiffusion : A diffusion without a class.
    sdebayes.SDE : Takes it.

    Examples
    --------
    >>> class Growing(sb.dynamics.AbstractDiffusion):
    ...     def __call__(self, x, t=0.0):
    ...         return jnp.diag(jnp.sqrt(1 + x**2))
    >>> Growing().covariance(jnp.array([3.0])).round(3).tolist()
    [[10.0]]
    >>> Growing().constant
    False
    """

    @abstractmethod
    def __call__(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return G(x, t), shape (state, state), in state per square root of time."""

    def as_constant(self) -> ConstantDiffusion | None:
        """Return the diffusion if G depends on neither x nor t and can be read from it (additive noise); else None."""
        return None

    @property
    def constant(self) -> bool:
        """Whether G depends on neither x nor t (additive noise)."""
        return self.as_constant() is not None

    def covariance(self, x: Numbers, t: Scalar = 0.0) -> Matrix:
        """Return Σ(x, t) = G Gᵀ, shape (state, state), in state² per unit of time."""
        factor = self(x, t)
        return factor @ factor.T

    def reference(self, x: Vector) -> Matrix:
        """Return a typical Σ, (state, state), that does not vary with x where that is known; else Σ(x)."""
        return self.covariance(x)

    def expansion(self, x: Vector, t: Scalar = 0.0) -> NoiseExpansion:
        """Return G with its first derivatives in x and in t."""
        t = jnp.asarray(t, dtype=x.dtype)
        _, slope = jax.jvp(lambda time: self(x, time), (t,), (jnp.ones_like(t),))
        return NoiseExpansion(
            self(x, t), _along(lambda point: self(point, t), x, jnp.eye(x.shape[0], dtype=x.dtype)), slope
        )

    def mean_shift(self, x: Vector, t: Scalar, covariance: Matrix) -> Matrix:
        """Return ½ Σ_kl P_kl ∂²G/∂x_k∂x_l, (state, state): what a spread P of x adds to G's mean, to second order."""
        return _shift(lambda point: self(point, t), x, jnp.eye(x.shape[0], dtype=x.dtype), covariance)

    def tabulate(self, x: Vector, order: int = 0) -> PyTree:
        """Return what can be computed at x, derivatives up to ``order``, before any parameter is known; else None."""
        return None

    def at(self, table: PyTree) -> AbstractDiffusion:
        """Return the diffusion as it is at the point of a table: only what the table holds may be read."""
        return self


def _along(
    function: Callable[[Array], Matrix],
    at: Float[Array, " entry"],
    directions: Float[Array, "direction entry"],
) -> Float[Array, "direction state state"]:
    """Return the derivative along each direction."""
    return jax.vmap(lambda v: jax.jvp(function, (at,), (v,))[1])(directions)


def _shift(
    function: Callable[[Array], Matrix],
    at: Float[Array, " entry"],
    gradient: Float[Array, "entry state"],
    covariance: Matrix,
) -> Matrix:
    """Return ½ Σ_kl P_kl times the second derivative along the columns k and l of ``gradient``."""

    def second(one: Array, other: Array) -> Array:
        return jax.jvp(lambda point: jax.jvp(function, (point,), (one,))[1], (at,), (other,))[1]

    return 0.5 * jnp.sum(jax.vmap(second)(gradient.T, (gradient @ covariance).T), 0)


@checked
class _FieldDiffusion(AbstractDiffusion):
    """A factor made of a field's values, whose derivatives come from the field's own."""

    @property
    @abstractmethod
    def entries(self) -> AbstractField:
        """The field."""

    @abstractmethod
    def factor_of(self, entries: Float[Array, " output"]) -> Matrix:
        """Return G where the field has these values."""

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return G(x), shape (state, state)."""
        return self.factor_of(self.entries(x))

    def expansion(self, x: Vector, t: Scalar = 0.0) -> NoiseExpansion:
        """Return G with its first derivatives."""
        u: Any = self.entries.jet(x, 1)
        factor = self.factor_of(u.value)
        return NoiseExpansion(factor, _along(self.factor_of, u.value, u.gradient.T), jnp.zeros_like(factor))

    def mean_shift(self, x: Vector, t: Scalar, covariance: Matrix) -> Matrix:
        """Return what a spread P of x adds to G's mean: through the field's curvature, and through its slope."""
        u: Any = self.entries.jet(x, 2)
        curved = 0.5 * jnp.einsum("ojk,jk->o", u.hessian, covariance)
        through_curvature = jax.jvp(self.factor_of, (u.value,), (curved,))[1]
        return through_curvature + _shift(self.factor_of, u.value, u.gradient, covariance)

    def tabulate(self, x: Vector, order: int = 0) -> PyTree:
        """Return the field's table."""
        return self.entries.tabulate(x, order)

    def at(self, table: PyTree) -> AbstractDiffusion:
        """Return the diffusion with its field read from a table."""
        return eqx.tree_at(lambda d: d.entries, self, self.entries.at(table))


@checked
class ConstantDiffusion(AbstractDiffusion):
    """Additive noise: the same factor G everywhere.

    Parameters
    ----------
    factor
        G, (state, state), in state per square root of time.

    See Also
    --------
    sdebayes.priors.Constant : Its prior.

    Examples
    --------
    >>> diffusion = sb.dynamics.ConstantDiffusion(0.5 * jnp.eye(2))
    >>> diffusion.covariance(jnp.zeros(2)).tolist(), diffusion.constant
    ([[0.25, 0.0], [0.0, 0.25]], True)
    """

    factor: Matrix

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return G."""
        return self.factor

    def as_constant(self) -> ConstantDiffusion:
        """Return the diffusion itself."""
        return self


@checked
class DiagonalDiffusion(_FieldDiffusion):
    """Independent noise whose size varies, G(x) = diag(g_j softplus(u_j(x) + log(e − 1))): g_j where u_j = 0.

    Bounded where u is, and never zero.

    Parameters
    ----------
    scale
        g, (state,), in state per square root of time.
    field
        u, (state,) → (state,), without unit.

    See Also
    --------
    sdebayes.priors.Diagonal : Its prior.
    sdebayes.dynamics.FullDiffusion : With correlations.

    Examples
    --------
    >>> basis = sb.dynamics.FourierBasis(jnp.zeros(1), jnp.array([[1.0]]))
    >>> field = sb.dynamics.BasisField(basis, jnp.zeros((2, 1)))
    >>> sb.dynamics.DiagonalDiffusion(jnp.array([0.5]), field).covariance(jnp.zeros(1)).round(3).tolist()
    [[0.25]]
    """

    scale: Vector
    field: AbstractField

    @property
    def entries(self) -> AbstractField:
        """The field u."""
        return self.field

    def factor_of(self, entries: Float[Array, " output"]) -> Matrix:
        """Return G where the field has these values."""
        return jnp.diag(self.scale * _positive(entries))

    def reference(self, x: Vector) -> Matrix:
        """Return Σ where u = 0, diag(g²), whatever x."""
        return jnp.diag(self.scale**2)


@checked
class FullDiffusion(_FieldDiffusion):
    r"""Correlated noise that varies, G(x) = L₀ M(x), M lower triangular: L₀ where u = 0.

    .. math:: M_{ii} = \mathrm{softplus}(u_{ii}(x) + \log(e - 1)), \qquad M_{ij} = u_{ij}(x), \; i > j.

    Σ = G Gᵀ is bounded where u is, and positive definite everywhere.

    Parameters
    ----------
    factor
        L₀, lower triangular with a positive diagonal, (state, state), in state per square root of time.
    field
        u, (state,) → (state·(state + 1)/2,), without unit: the lower triangle row by row.

    See Also
    --------
    sdebayes.priors.Full : Its prior.
    sdebayes.dynamics.DiagonalDiffusion : Without correlations.

    References
    ----------
    The log-Cholesky form of Pinheiro & Bates (1996), sec. 2.2, doi:10.1007/BF00140873, with softplus in the place of
    their exponential.

    Examples
    --------
    >>> basis = sb.dynamics.FourierBasis(jnp.zeros(2), jnp.array([[1.0, 0.0]]))
    >>> field = sb.dynamics.BasisField(basis, jnp.zeros((2, 3)))
    >>> factor = jnp.array([[1.0, 0.0], [0.5, 1.0]])
    >>> sb.dynamics.FullDiffusion(factor, field)(jnp.zeros(2)).round(3).tolist()
    [[1.0, 0.0], [0.5, 1.0]]
    """

    factor: Matrix
    field: AbstractField

    @property
    def entries(self) -> AbstractField:
        """The field u."""
        return self.field

    def factor_of(self, entries: Float[Array, " output"]) -> Matrix:
        """Return G where the field has these values."""
        lower = jnp.zeros_like(self.factor).at[jnp.tril_indices_from(self.factor)].set(entries)
        return self.factor @ (jnp.tril(lower, -1) + jnp.diag(_positive(jnp.diagonal(lower))))

    def reference(self, x: Vector) -> Matrix:
        """Return Σ where u = 0, L₀ L₀ᵀ, whatever x."""
        return self.factor @ self.factor.T


def _positive(u: Vector) -> Vector:
    return jax.nn.softplus(u + _SHIFT)


@checked
class ParametricDiffusion(AbstractDiffusion):
    """The user's own diffusion factor G(x, t, θ).

    Parameters
    ----------
    function
        ``function(x, t, parameters) -> (state, state)``, made of JAX operations.
    parameters
        Named parameters θ.

    See Also
    --------
    sdebayes.priors.Parametric : Its prior.

    Examples
    --------
    >>> size = {"size": jnp.array(0.5)}
    >>> diffusion = sb.dynamics.ParametricDiffusion(lambda x, t, p: p["size"] * jnp.diag(x), size)
    >>> diffusion.covariance(jnp.array([2.0])).tolist()
    [[1.0]]
    """

    function: Callable[[Any, Any, dict[str, Any]], Any] = eqx.field(static=True)
    parameters: dict[str, Any]

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return G(x, t, θ), shape (state, state)."""
        return self.function(x, t, self.parameters)
