"""Cosines and sines of random frequencies: the basis of random Fourier features."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.trigonometry import cosine_and_sine
from sdebayes._core.types import Matrix, Vector
from sdebayes.dynamics.basis import AbstractBasis, Jet


@checked
class FourierBasis(AbstractBasis):
    r"""φ(x) = (cos ω₁·(x − c), …, sin ω₁·(x − c), …): bounded by 1 everywhere.

    Parameters
    ----------
    location
        c, where all sines vanish, (state,).
    frequencies
        ω, (frequency, state), in radians per unit of state.
    fixed
        Whether the frequencies depend on no parameter.

    See Also
    --------
    sdebayes.priors.RandomFourier : Gaussian processes of it.

    References
    ----------
    Rahimi & Recht (2007), Random features for large-scale kernel machines, NIPS 20.

    Examples
    --------
    >>> basis = sb.dynamics.FourierBasis(jnp.zeros(2), jnp.array([[1.0, 0.0], [0.0, 2.0]]))
    >>> basis(jnp.zeros(2)).tolist()
    [1.0, 1.0, 0.0, 0.0]
    """

    location: Vector
    frequencies: Float[Array, "frequency state"]

    def __call__(self, x: Vector) -> Float[Array, " feature"]:
        """Return φ(x), (feature,)."""
        return jnp.concatenate(cosine_and_sine(self.frequencies @ (x - self.location)))

    def jet(self, x: Vector, order: int = 2) -> Jet:
        """Return the basis functions with their derivatives up to an order of 0, 1 or 2."""
        value = self(x)
        cosine, sine = jnp.split(value, 2)
        slope = jnp.concatenate([-sine, cosine])
        omega = jnp.concatenate([self.frequencies, self.frequencies])
        return Jet(
            value,
            slope[:, None] * omega if order >= 1 else None,
            -value[:, None, None] * omega[:, :, None] * omega[:, None, :] if order >= 2 else None,
        )

    def combination(self, weights: Float[Array, "feature output"], x: Vector, order: int = 2) -> Jet:
        """Return Wᵀ φ with its derivatives, each a product of φ and a matrix that no point enters."""
        phi = self(x)
        even, odd = jnp.split(weights, 2)
        omega = self.frequencies
        slopes = jnp.concatenate([odd, -even])
        twice = jnp.concatenate([omega, omega])

        def product(matrix: Array) -> Array:
            return (phi @ matrix.reshape(phi.shape[0], -1)).reshape(matrix.shape[1:])

        first = slopes[:, :, None] * twice[:, None, :]
        second = -weights[:, :, None, None] * (twice[:, :, None] * twice[:, None, :])[:, None]
        return Jet(
            phi @ weights, product(first) if order >= 1 else None, product(second) if order >= 2 else None
        )

    def mean_shift(
        self, weights: Float[Array, "feature output"], x: Vector, covariance: Matrix
    ) -> Float[Array, " output"]:
        """Return −½ Σ_k ω_kᵀ P ω_k w_k φ_k, without second derivatives along all pairs of states."""
        omega = self.frequencies
        squares = (omega[:, :, None] * omega[:, None, :]).reshape(omega.shape[0], -1)
        spread = squares @ covariance.reshape(-1)
        return -0.5 * ((jnp.concatenate([spread, spread]) * self(x)) @ weights)
