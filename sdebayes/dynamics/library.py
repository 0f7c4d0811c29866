"""Libraries of known functions, and drifts that are summed from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from sdebayes._core.arguments import checked
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics.basis import AbstractBasis
from sdebayes.dynamics.drift import AbstractDrift, Expansion
from sdebayes.dynamics.field import BasisField


@checked
class MonomialBasis(AbstractBasis):
    r"""Monomials :math:`φ_i(x) = \prod_j (x_j - o_j)^{k_{ij}}`.

    Parameters
    ----------
    origin
        o, (state,).
    powers
        k, for each monomial a power of every state.
    fixed
        Whether the origin depends on no parameter.

    See Also
    --------
    sdebayes.priors.Polynomial : Chooses among them.

    Examples
    --------
    >>> basis = sb.dynamics.MonomialBasis(jnp.zeros(2), ((0, 0), (1, 0), (2, 1)))  # 1, x, x² y
    >>> basis(jnp.array([2.0, 3.0])).tolist()
    [1.0, 2.0, 12.0]
    """

    origin: Vector
    powers: tuple[tuple[int, ...], ...] = eqx.field(static=True)

    def __call__(self, x: Vector) -> Float[Array, " feature"]:
        """Return φ(x), (feature,)."""
        z = x - self.origin
        table = [jnp.ones_like(z)]
        for _ in range(max((max(row) for row in self.powers), default=0)):
            table.append(table[-1] * z)
        stacked = jnp.stack(table)
        states = jnp.arange(z.shape[0])
        return jnp.prod(stacked[jnp.asarray(self.powers), states], axis=-1)


@checked
class FunctionBasis(AbstractBasis):
    """The user's own functions.

    Parameters
    ----------
    function
        (state,) → (feature,), made of JAX operations.
    fixed
        Always true: they depend on no parameter.

    See Also
    --------
    sdebayes.priors.Functions : Chooses among them.
    sdebayes.dynamics.MonomialBasis : Monomials.

    Examples
    --------
    >>> basis = sb.dynamics.FunctionBasis(lambda x: jnp.stack([x[0], jnp.sin(x[0])]))
    >>> basis(jnp.array([0.0])).tolist()
    [0.0, 0.0]
    """

    function: Callable[[Any], Any] = eqx.field(static=True)

    def __call__(self, x: Vector) -> Float[Array, " feature"]:
        """Return φ(x), (feature,)."""
        return self.function(x)


@checked
class LibraryDrift(AbstractDrift):
    """f(x) = Wᵀ φ(x) with known functions φ.

    Parameters
    ----------
    field
        The sum.

    See Also
    --------
    sdebayes.priors.Sparse : Its prior.

    Examples
    --------
    >>> basis = sb.dynamics.MonomialBasis(jnp.zeros(1), ((1,), (3,)))
    >>> drift = sb.dynamics.LibraryDrift(sb.dynamics.BasisField(basis, jnp.array([[2.0], [-3.0]])))
    >>> drift(jnp.array([1.0])).tolist(), drift.jacobian(jnp.array([1.0])).tolist()
    ([-1.0], [[-7.0]])
    """

    field: BasisField

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Vector:
        """Return f(x), (state,)."""
        return self.field(x)

    def jacobian(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return ∂f/∂x."""
        u: Any = self.field.jet(x, 1)
        return u.gradient

    def expansion(self, x: Vector, t: Scalar = 0.0) -> Expansion:
        """Return f with its first and second derivatives."""
        u: Any = self.field.jet(x, 2)
        return Expansion(u.value, u.gradient, u.hessian, jnp.zeros_like(x))

    def tabulate(self, x: Vector, order: int) -> PyTree:
        """Return the functions' table."""
        return self.field.tabulate(x, order)

    def at(self, table: PyTree) -> AbstractDrift:
        """Return the drift with its functions read from a table."""
        field: Any = self.field.at(table)
        return LibraryDrift(field)

    def features(self, x: Vector, reference: Vector) -> Float[Array, " feature"]:
        """Return φ(x), whatever the reference."""
        return self.field.basis(x)

    def coefficients(self, reference: Vector) -> Float[Array, "feature state"]:
        """Return W."""
        return self.field.weights
