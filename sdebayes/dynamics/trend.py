"""Monomials that end at the edge of a box, and bases that are made of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from sdebayes._core.arguments import checked
from sdebayes._core.types import Scalar, Vector
from sdebayes.dynamics.basis import AbstractBasis, Jet
from sdebayes.dynamics.hsgp import window
from sdebayes.dynamics.products import jet_of_orders


@checked
class TaperedMonomials(AbstractBasis):
    r"""Monomials of standardised states, zero outside of a box, with continuous second derivatives everywhere.

    .. math:: φ_i(x) = \prod_j w\Bigl(\frac{x_j - c_j}{L_j}\Bigr) \Bigl(\frac{x_j - c_j}{s_j}\Bigr)^{k_{ij}},

    with the window w of `LaplacianBasis`.

    Parameters
    ----------
    location
        Middle c, (state,).
    unit
        s, (state,), in units of state.
    half_length
        Half the length L of the box's sides, (state,).
    powers
        k, for each monomial a power of every state.
    window
        Where the window begins to fall, as a part of the half-length; below 1.
    fixed
        Whether they depend on no parameter.

    See Also
    --------
    sdebayes.dynamics.MonomialBasis : Monomials everywhere.
    sdebayes.priors.HSGP : Has them beside sines.

    Examples
    --------
    >>> x, one = jnp.array([2.0]), jnp.ones(1)
    >>> basis = sb.dynamics.TaperedMonomials(0 * one, one, 4 * one, ((2,), (3,)), window=0.75)
    >>> basis(x).tolist(), basis(2 * x).tolist()
    ([4.0, 8.0], [0.0, 0.0])
    """

    location: Vector
    unit: Vector
    half_length: Vector
    powers: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    window: float = eqx.field(static=True)

    def __call__(self, x: Vector) -> Float[Array, " feature"]:
        """Return φ(x), (feature,)."""
        return self.jet(x, 0).value

    def jet(self, x: Vector, order: int = 2) -> Jet:
        """Return the monomials with their derivatives up to an order of 0, 1 or 2."""
        return jet_of_orders(self._derivative(x), len(self.powers[0]), order)

    def combination(self, weights: Float[Array, "feature output"], x: Vector, order: int = 2) -> Jet:
        """Return Wᵀ φ with its derivatives, each a product of a vector with a table as that of the sines."""
        derivative = self._derivative(x)

        def combined(orders: np.ndarray) -> Float[Array, " output"]:
            # without a barrier XLA computes the monomials anew for every output
            return jax.lax.optimization_barrier(derivative(orders)) @ weights

        return jet_of_orders(combined, len(self.powers[0]), order)

    def _derivative(self, x: Vector) -> Callable[[np.ndarray], Float[Array, " feature"]]:
        factors = self._factors(x)

        def derivative(orders: np.ndarray) -> Float[Array, " feature"]:
            own = [factor[k] for factor, k in zip(factors, orders, strict=True)]
            return jnp.stack(
                [prod(part[k] for part, k in zip(own, powers, strict=True)) for powers in self.powers]
            )

        return derivative

    def _factors(self, x: Vector) -> list[list[list[Scalar]]]:
        """Return w z^k of each state with its first and second derivatives."""
        factors: list[list[list[Scalar]]] = []
        for c, s, L, own in zip(self.location, self.unit, self.half_length, x, strict=True):
            z = jnp.clip((own - c) / L, -1.0, 1.0)
            w, dw, ddw = window(z, self.window)
            dw, ddw = dw / L, ddw / L**2
            each = [(u, du / s, ddu / s**2) for u, du, ddu in _powers(z * L / s, int(np.max(self.powers)))]
            factors.append(
                [
                    [w * u for u, _, _ in each],
                    [w * du + dw * u for u, du, _ in each],
                    [w * ddu + 2 * dw * du + ddw * u for u, du, ddu in each],
                ]
            )
        return factors


def _powers(v: Scalar, most: int) -> Iterator[tuple[Scalar, Scalar, Scalar]]:
    """Yield 1, v, v², … with their first and second derivatives in v."""
    found = [jnp.ones_like(v)]
    for _ in range(most):
        found.append(found[-1] * v)
    for k, power in enumerate(found):
        yield power, k * found[max(k - 1, 0)], k * (k - 1) * found[max(k - 2, 0)]


@checked
class JointBasis(AbstractBasis):
    """The functions of several bases, one behind the other.

    Parameters
    ----------
    parts
        The bases.
    counts
        Their numbers of functions.
    fixed
        Whether none depends on a parameter.

    See Also
    --------
    sdebayes.dynamics.BasisField : Their sum.

    Examples
    --------
    >>> line, square = (sb.dynamics.MonomialBasis(jnp.zeros(1), ((k,),)) for k in (1, 2))
    >>> sb.dynamics.JointBasis((line, square), (1, 1))(jnp.array([3.0])).tolist()
    [3.0, 9.0]
    """

    parts: tuple[AbstractBasis, ...]
    counts: tuple[int, ...] = eqx.field(static=True)

    def __call__(self, x: Vector) -> Float[Array, " feature"]:
        """Return φ(x), (feature,)."""
        return jnp.concatenate([part(x) for part in self.parts])

    def jet(self, x: Vector, order: int = 2) -> Jet:
        """Return the basis functions with their derivatives up to an order of 0, 1 or 2."""
        jets = zip(*(part.jet(x, order) for part in self.parts), strict=True)
        return Jet._make(None if found[0] is None else jnp.concatenate(found) for found in jets)

    def combination(self, weights: Float[Array, "feature output"], x: Vector, order: int = 2) -> Jet:
        """Return Wᵀ φ with its derivatives, each part's in its own way."""
        own = jnp.split(weights, np.cumsum(self.counts)[:-1].tolist())
        sums = [part.combination(w, x, order) for part, w in zip(self.parts, own, strict=True)]
        return Jet._make(None if found[0] is None else sum(found) for found in zip(*sums, strict=True))

    def tabulate(self, x: Vector, order: int) -> PyTree:
        """Return the tables of the parts."""
        return tuple(part.tabulate(x, order) for part in self.parts)

    def at(self, table: PyTree) -> AbstractBasis:
        """Return the basis as it is at the point of a table."""
        return JointBasis(
            tuple(part.at(own) for part, own in zip(self.parts, table, strict=True)),
            self.counts,
            fixed=self.fixed,
        )
