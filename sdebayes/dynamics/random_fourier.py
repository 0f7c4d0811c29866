"""Cosines and sines of random frequencies: the basis of random Fourier features."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from sdebayes._core.types import Vector
from sdebayes.dynamics.basis import AbstractBasis, Jet


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

    References
    ----------
    Rahimi & Recht (2007), Random features for large-scale kernel machines, NIPS 20.
    """

    location: Vector
    frequencies: Float[Array, "frequency state"]

    def __call__(self, x: Vector) -> Float[Array, " feature"]:
        """Return φ(x), (feature,)."""
        return jnp.concatenate(self._cosine_and_sine(x))

    def jet(self, x: Vector, order: int = 2) -> Jet:
        """Return the basis functions with their derivatives up to an order of 0, 1 or 2."""
        cosine, sine = self._cosine_and_sine(x)
        value, slope = jnp.concatenate([cosine, sine]), jnp.concatenate([-sine, cosine])
        omega = jnp.concatenate([self.frequencies, self.frequencies])
        return Jet(
            value,
            slope[:, None] * omega if order >= 1 else None,
            -value[:, None, None] * omega[:, :, None] * omega[:, None, :] if order >= 2 else None,
        )

    def combination(self, weights: Float[Array, "feature output"], x: Vector, order: int = 2) -> Jet:
        """Return Wᵀ φ with its derivatives; the sum over features is one matrix product for all points."""
        cosine, sine = self._cosine_and_sine(x)
        even, odd = jnp.split(weights, 2)
        value = cosine[:, None] * even + sine[:, None] * odd
        slope = cosine[:, None] * odd - sine[:, None] * even
        omega = self.frequencies
        return Jet(
            jnp.sum(value, 0),
            jnp.tensordot(slope, omega, (0, 0)) if order >= 1 else None,
            -jnp.tensordot(value, omega[:, :, None] * omega[:, None, :], (0, 0)) if order >= 2 else None,
        )

    def _cosine_and_sine(self, x: Vector) -> tuple[Float[Array, " frequency"], Float[Array, " frequency"]]:
        angle = self.frequencies @ (x - self.location)
        return jnp.cos(angle), jnp.sin(angle)
