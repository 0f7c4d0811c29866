"""Fields: smooth functions of the state, the nonlinear parts of drift and diffusion."""

from __future__ import annotations

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Float, PyTree

from sdebayes._core.arguments import checked
from sdebayes._core.stored import Stored
from sdebayes._core.types import Matrix, Vector
from sdebayes.dynamics.basis import AbstractBasis, Jet, jet_of, mean_shift


@checked
class AbstractField(Stored, eqx.Module):
    """A function (state,) → (output,), written for one point.

    See Also
    --------
    sdebayes.dynamics.BasisField : A sum of basis functions.
    sdebayes.dynamics.Network : A perceptron.

    Examples
    --------
    >>> class Sine(sb.dynamics.AbstractField):
    ...     def __call__(self, x):
    ...         return jnp.sin(x)
    >>> Sine().jet(jnp.array([0.0])).gradient.tolist()
    [[1.0]]
    """

    @abstractmethod
    def __call__(self, x: Vector) -> Float[Array, " output"]:
        """Return the value at x, (output,)."""

    def jet(self, x: Vector, order: int = 2) -> Jet:
        """Return the value and the derivatives up to an order of 0, 1 or 2."""
        return jet_of(self, x, order)

    def mean_shift(self, x: Vector, covariance: Matrix) -> Float[Array, " output"]:
        """Return ½ tr(P ∂²u), (output,): what a spread P of x adds to the mean of u, to second order."""
        return mean_shift(self, x, covariance)

    def tabulate(self, x: Vector, order: int) -> PyTree:
        """Return what can be computed at x before any parameter is known; None if that is nothing."""
        return None

    def at(self, table: PyTree) -> AbstractField:
        """Return the field as it is at the point of a table: only its value and jet there may be read."""
        return self


@checked
class BasisField(AbstractField):
    """A linear combination of basis functions, Wᵀ φ(x).

    Parameters
    ----------
    basis
        φ, (state,) → (feature,).
    weights
        W, (feature, output).

    See Also
    --------
    sdebayes.dynamics.FieldDrift : Stands beside a linear drift.
    sdebayes.dynamics.AbstractBasis : The functions.

    Examples
    --------
    >>> basis = sb.dynamics.MonomialBasis(jnp.zeros(1), ((1,), (3,)))
    >>> field = sb.dynamics.BasisField(basis, jnp.array([[2.0], [-3.0]]))
    >>> field(jnp.array([1.0])).tolist()
    [-1.0]
    """

    basis: AbstractBasis
    weights: Float[Array, "feature output"]

    def __call__(self, x: Vector) -> Float[Array, " output"]:
        """Return Wᵀ φ(x), (output,)."""
        return self.jet(x, 0).value

    def jet(self, x: Vector, order: int = 2) -> Jet:
        """Return the value and the derivatives up to an order of 0, 1 or 2."""
        return self.basis.combination(self.weights, x, order)

    def mean_shift(self, x: Vector, covariance: Matrix) -> Float[Array, " output"]:
        """Return ½ tr(P ∂²u), (output,), from the basis functions' own second derivatives."""
        return self.basis.mean_shift(self.weights, x, covariance)

    def tabulate(self, x: Vector, order: int) -> PyTree:
        """Return the basis functions' table, or None where they depend on parameters."""
        return self.basis.tabulate(x, order) if self.basis.fixed else None

    def at(self, table: PyTree) -> AbstractField:
        """Return the field with its basis read from a table."""
        return self if table is None else BasisField(self.basis.at(table), self.weights)
