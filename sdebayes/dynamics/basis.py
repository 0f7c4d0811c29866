"""Basis functions of the state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from sdebayes._core.arguments import checked
from sdebayes._core.stored import Stored
from sdebayes._core.types import Matrix, Vector


class Jet(NamedTuple):
    """A function's value and derivatives at one point; None above the order that was asked for.

    Attributes
    ----------
    value
        (output,).
    gradient
        ∂/∂x_j, (output, state).
    hessian
        ∂²/∂x_j∂x_k, (output, state, state).

    See Also
    --------
    sdebayes.dynamics.AbstractField.jet : Makes it.

    Examples
    --------
    >>> jet = sb.dynamics.MonomialBasis(jnp.zeros(1), ((1,), (3,))).jet(jnp.array([2.0]), order=1)
    >>> jet.value.tolist(), jet.gradient.tolist(), jet.hessian
    ([2.0, 8.0], [[1.0], [12.0]], None)
    """

    value: Float[Array, " output"]
    gradient: Float[Array, "output state"] | None
    hessian: Float[Array, "output state state"] | None


def jet_of(function: Callable[[Vector], Float[Array, " output"]], x: Vector, order: int) -> Jet:
    """Differentiate a function of one point.

    Parameters
    ----------
    function
        (state,) → (output,).
    x
        The point, (state,).
    order
        Highest derivative, 0, 1 or 2.
    """
    return Jet(
        function(x),
        jax.jacfwd(function)(x) if order >= 1 else None,
        jax.jacfwd(jax.jacfwd(function))(x) if order >= 2 else None,
    )


def mean_shift(
    function: Callable[[Vector], Float[Array, " output"]], x: Vector, covariance: Matrix
) -> Float[Array, " output"]:
    """Return ½ tr(P ∂²g) at x, (output,): what a spread P adds to the mean of g(X), to second order.

    Made of second derivatives along ``state`` pairs of directions, without the array of all of them.
    """

    def second(one: Vector, other: Vector) -> Array:
        def first(point: Vector) -> Array:
            return jax.jvp(function, (point,), (one,))[1]

        return jax.jvp(first, (x,), (other,))[1]

    return 0.5 * jnp.sum(jax.vmap(second)(jnp.eye(x.shape[0], dtype=x.dtype), covariance), 0)


@checked
class AbstractBasis(Stored, eqx.Module):
    """Basis functions φ, (state,) → (feature,), written for one point.

    Parameters
    ----------
    fixed
        Whether they depend on no parameter, so that they can be computed once for all data.

    See Also
    --------
    sdebayes.dynamics.FunctionBasis : Functions of your own without a class.
    sdebayes.dynamics.BasisField : Their sum.

    Examples
    --------
    >>> class Waves(sb.dynamics.AbstractBasis):
    ...     def __call__(self, x):
    ...         return jnp.concatenate([jnp.sin(x), jnp.cos(x)])
    >>> Waves().jet(jnp.array([0.0]), order=1).gradient.tolist()
    [[1.0], [-0.0]]
    """

    fixed: bool = eqx.field(default=True, static=True, kw_only=True)

    @abstractmethod
    def __call__(self, x: Vector) -> Float[Array, " feature"]:
        """Return φ(x), (feature,)."""

    def jet(self, x: Vector, order: int = 2) -> Jet:
        """Return the basis functions with their derivatives up to an order of 0, 1 or 2."""
        return jet_of(self, x, order)

    def combination(self, weights: Float[Array, "feature output"], x: Vector, order: int = 2) -> Jet:
        """Return Wᵀ φ with its derivatives up to an order of 0, 1 or 2, at less cost than `jet` where that is known.

        Parameters
        ----------
        weights
            W, (feature, output).
        x
            The point, (state,).
        order
            Highest derivative.

        Returns
        -------
        Jet
            Of (output,).
        """
        return Jet._make(
            None if part is None else jnp.tensordot(weights, part, (0, 0)) for part in self.jet(x, order)
        )

    def mean_shift(
        self, weights: Float[Array, "feature output"], x: Vector, covariance: Matrix
    ) -> Float[Array, " output"]:
        """Return ½ tr(P ∂²(Wᵀ φ)), (output,): what a spread P of x adds to the mean of Wᵀ φ, to second order."""
        sums: Any = self.combination(weights, x, 2)
        return 0.5 * jnp.einsum("ijk,jk->i", sums.hessian, covariance)

    def tabulate(self, x: Vector, order: int) -> PyTree:
        """Return what there is to know of fixed basis functions at x, derivatives up to ``order`` included."""
        return self.jet(x, order)

    def at(self, table: PyTree) -> AbstractBasis:
        """Return the basis as it is at the point of a table: only its values and derivatives there may be read."""
        return TabulatedBasis(table)


@checked
class TabulatedBasis(AbstractBasis):
    """Basis functions at one point, computed before.

    Parameters
    ----------
    table
        Their jet there.
    fixed
        Whether they depend on no parameter.

    See Also
    --------
    sdebayes.dynamics.AbstractBasis.tabulate : Makes the table.

    Examples
    --------
    >>> basis = sb.dynamics.MonomialBasis(jnp.zeros(1), ((1,), (3,)))
    >>> table = basis.jet(jnp.array([2.0]), order=1)
    >>> sb.dynamics.TabulatedBasis(table).jet(jnp.array([2.0]), order=1).gradient.tolist()
    [[1.0], [12.0]]
    """

    table: Jet

    def __call__(self, x: Vector) -> Float[Array, " feature"]:
        """Return φ at the table's point, whatever x."""
        return self.table.value

    def jet(self, x: Vector, order: int = 2) -> Jet:
        """Return the jet at the table's point, whatever x."""
        return self.table
