"""Eigenfunctions of the Laplacian on a box: the basis of Hilbert-space Gaussian processes."""

from __future__ import annotations

from functools import reduce

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from sdebayes._core.arguments import checked
from sdebayes._core.trigonometry import cosine_and_sine
from sdebayes._core.types import Scalar, Vector
from sdebayes.dynamics.basis import AbstractBasis, Jet
from sdebayes.dynamics.products import combination, jet_of_orders


@checked
class LaplacianBasis(AbstractBasis):
    r"""Products of sines on a box, zero outside, with continuous second derivatives everywhere.

    .. math::
        φ_i(x) = \prod_j w(z_j) \sin\bigl(\tfrac{π}{2} i_j (z_j + 1)\bigr), \qquad
        z_j = \frac{x_j - c_j}{L_j}, \qquad i_j = 1, …, m_j,

    with one feature for each choice of a function of every state. The window w is 1 for :math:`|z| ≤ a` and falls to 0
    at the edge as :math:`1 - s^3 (10 - 15 s + 6 s^2)`, :math:`s = (|z| - a) / (1 - a)`. Where it is 1 the functions are
    the Laplacian's eigenfunctions with zero boundary values, in units of :math:`\prod_j L_j^{-1/2}`.

    Parameters
    ----------
    location
        Middle c of the box, (state,).
    half_length
        Half the length L of its sides, (state,).
    functions
        Numbers m of functions of each state; their product is the number of features.
    window
        Where the window begins to fall, a, as a part of the half-length; below 1.
    factors
        The functions of each state with their derivatives at one point, if the basis is read from a table there.
    fixed
        Whether box and middle depend on no parameter.

    See Also
    --------
    sdebayes.priors.HSGP : Gaussian processes of it.

    References
    ----------
    Solin & Särkkä (2020), doi:10.1007/s11222-019-09886-w.

    Examples
    --------
    >>> basis = sb.dynamics.LaplacianBasis(jnp.zeros(2), jnp.array([3.0, 3.0]), (4, 5), window=0.8)
    >>> basis(jnp.zeros(2)).shape
    (20,)
    >>> bool((basis(jnp.array([4.0, 0.0])) == 0).all())  # outside of the box
    True
    """

    location: Vector
    half_length: Vector
    functions: tuple[int, ...] = eqx.field(static=True)
    window: float = eqx.field(static=True)
    factors: list[Float[Array, "derivative _"]] | None = None

    @property
    def frequencies(self) -> Float[Array, "feature state"]:
        """Square roots of the eigenvalues along each state, π i_j / 2 L_j, (feature, state)."""
        along = [
            jnp.arange(1, m + 1) * jnp.pi / (2 * L)
            for m, L in zip(self.functions, self.half_length, strict=True)
        ]
        return jnp.stack(jnp.meshgrid(*along, indexing="ij"), -1).reshape(-1, len(along))

    def __call__(self, x: Vector) -> Float[Array, " feature"]:
        """Return φ(x), (feature,)."""
        return self.jet(x, 0).value

    def jet(self, x: Vector, order: int = 2) -> Jet:
        """Return the basis functions with their derivatives up to an order of 0, 1 or 2."""
        factors = self._factors(x, order)

        def derivative(orders: np.ndarray) -> Float[Array, " feature"]:
            parts = [factor[k] for factor, k in zip(factors, orders, strict=True)]
            return reduce(lambda left, right: (left[:, None] * right).reshape(-1), parts)

        return jet_of_orders(derivative, len(factors), order)

    def combination(self, weights: Float[Array, "feature output"], x: Vector, order: int = 2) -> Jet:
        """Return Wᵀ φ with its derivatives; the sums over the functions of each state come one after another."""
        return combination(weights.reshape(*self.functions, -1), self._factors(x, order), order)

    def tabulate(self, x: Vector, order: int) -> PyTree:
        """Return the functions of each state: far less than their products."""
        return self._factors(x, order)

    def at(self, table: PyTree) -> LaplacianBasis:
        """Return the basis as it is at the point of a table."""
        return LaplacianBasis(self.location, self.half_length, self.functions, self.window, table)

    def _factors(self, x: Vector, order: int) -> list[Float[Array, "derivative _"]]:
        """Return the functions of each state with their derivatives up to an order."""
        if self.factors is not None:
            return [factor[: order + 1] for factor in self.factors]
        factors = []
        for m, L, distance in zip(self.functions, self.half_length, x - self.location, strict=True):
            z = jnp.clip(distance / L, -1.0, 1.0)
            rate = 0.5 * jnp.pi * jnp.arange(1, m + 1)
            cosine, sine = cosine_and_sine(rate * (z + 1))
            w, dw, ddw = window(z, self.window)
            derivatives = [
                w * sine,
                (w * rate * cosine + dw * sine) / L,
                ((ddw - w * rate**2) * sine + 2 * dw * rate * cosine) / L**2,
            ]
            factors.append(jnp.stack(derivatives[: order + 1]))
        return factors


def window(z: Scalar, start: float) -> tuple[Scalar, Scalar, Scalar]:
    """Return w(z), 1 up to ``start`` and exactly 0 from |z| = 1 on, and its first and second derivatives."""
    width = 1 - start
    s = jnp.clip(1 - (1 - jnp.abs(z)) / width, 0.0, 1.0)
    return (
        1 - s**3 * (10 - 15 * s + 6 * s**2),
        -30 * s**2 * (1 - s) ** 2 * jnp.sign(z) / width,
        -60 * s * (1 - s) * (1 - 2 * s) / width**2,
    )
