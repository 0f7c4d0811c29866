"""Monomials that end at the edge of a box, and bases that are made of several."""

from __future__ import annotations

from functools import reduce

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from sdebayes._core.arguments import checked
from sdebayes._core.types import Vector
from sdebayes.dynamics.basis import AbstractBasis, Jet
from sdebayes.dynamics.hsgp import window


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
        powers, factors = np.array(self.powers), self._factors(x)

        def derivative(orders: np.ndarray) -> Float[Array, " feature"]:
            parts = [factor[k, own] for factor, k, own in zip(factors, orders, powers.T, strict=True)]
            return reduce(jnp.multiply, parts)

        each = np.eye(len(factors), dtype=int)
        return Jet(
            derivative(0 * each[0]),
            jnp.stack([derivative(j) for j in each], -1) if order >= 1 else None,
            jnp.stack([jnp.stack([derivative(j + k) for k in each], -1) for j in each], -2)
            if order >= 2
            else None,
        )

    def _factors(self, x: Vector) -> list[Float[Array, "derivative power"]]:
        """Return w z^k of each state with its first and second derivatives."""
        factors = []
        k = np.arange(np.max(self.powers) + 1)
        for c, s, L, own in zip(self.location, self.unit, self.half_length, x, strict=True):
            z = jnp.clip((own - c) / L, -1.0, 1.0)
            w, dw, ddw = window(z, self.window)
            u = jnp.cumprod(jnp.append(jnp.ones(1, z.dtype), jnp.full(len(k) - 1, z * L / s)))
            du = k * jnp.roll(u, 1) / s
            ddu = k * jnp.roll(du, 1) / s
            factors.append(
                jnp.stack([w * u, w * du + dw * u / L, w * ddu + 2 * dw * du / L + ddw * u / L**2])
            )
        return factors


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
