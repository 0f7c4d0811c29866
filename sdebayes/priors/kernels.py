"""Stationary kernels of unit variance, of the distance in units of length-scales."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import lgamma, log, pi, sqrt
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy import special

from sdebayes._core.arguments import checked
from sdebayes._core.stored import Stored


@checked
class AbstractKernel(Stored, ABC):
    r"""A covariance k(r) of :math:`r^2 = \sum_j (x_j - x'_j)^2 / ℓ_j^2` with k(0) = 1.

    Attributes
    ----------
    title
        Its name in descriptions.
    resolution
        q of the rule :math:`m ≥ q\, L / ℓ` for the number m of Laplacian eigenfunctions on an interval of half-length
        L that represent a length-scale: Riutort-Mayol et al. (2023), doi:10.1007/s11222-022-10167-2.
    """

    title: ClassVar[str]
    resolution: ClassVar[float]

    @abstractmethod
    def covariance(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return k(r)."""

    @abstractmethod
    def slope(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return k′(r) / r."""

    @abstractmethod
    def bend(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return the derivative of k′(r) / r, divided by r."""

    @abstractmethod
    def log_spectral_density(
        self, omega: Float[Array, "*shape state"], lengthscale: Float[Array, " state"]
    ) -> Float[Array, "*shape"]:
        """Return the logarithm of `spectral_density`, which does not underflow."""

    def spectral_density(
        self, omega: Float[Array, "*shape state"], lengthscale: Float[Array, " state"]
    ) -> Float[Array, "*shape"]:
        r"""Return the density of variance over frequencies.

        Parameters
        ----------
        omega
            Frequencies ω, (…, state), in radians per unit of state.
        lengthscale
            ℓ, (state,), in units of state.

        Returns
        -------
        array
            S with :math:`k(x - x') = (2π)^{-d} \int S(ω) e^{i ω·(x - x')} dω`, (…), in units of state to the power of
            the number of states.
        """
        return jnp.exp(self.log_spectral_density(omega, lengthscale))

    @abstractmethod
    def spectral_radius(self, probability: np.ndarray, state_dim: int) -> np.ndarray:
        """Return quantiles of ‖ω‖ under the law S / (2π)ᵈ of frequencies for unit length-scales.

        Parameters
        ----------
        probability
            Between 0 and 1, (count,).
        state_dim
            d.
        """


@checked
@dataclass(frozen=True)
class SquaredExponential(AbstractKernel):
    r"""k(r) = exp(−r²/2): infinitely smooth functions.

    .. math:: S(ω) = (2π)^{d/2} \prod_j ℓ_j \, \exp\bigl(-\tfrac12 \sum_j ℓ_j^2 ω_j^2\bigr),

    so that frequencies are normal.

    See Also
    --------
    sdebayes.priors.Matern52 : Rougher.
    sdebayes.priors.GP : Takes it.

    References
    ----------
    Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, eq. 4.9 and the line after it.

    Examples
    --------
    >>> np.asarray(sb.priors.SquaredExponential().covariance(jnp.array([0.0, 1.0])), float).round(2)
    array([1.  , 0.61])
    """

    title: ClassVar[str] = "squared-exponential"
    resolution: ClassVar[float] = 1.75

    def covariance(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return k(r)."""
        return jnp.exp(-0.5 * r**2)

    def slope(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return k′(r) / r = −k."""
        return -self.covariance(r)

    def bend(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return the derivative of k′(r) / r, divided by r: k."""
        return self.covariance(r)

    def log_spectral_density(
        self, omega: Float[Array, "*shape state"], lengthscale: Float[Array, " state"]
    ) -> Float[Array, "*shape"]:
        """Return log S(ω), (…)."""
        scaled = jnp.sum((omega * lengthscale) ** 2, -1)
        return jnp.sum(jnp.log(lengthscale)) + 0.5 * (omega.shape[-1] * log(2 * pi) - scaled)

    def spectral_radius(self, probability: np.ndarray, state_dim: int) -> np.ndarray:
        """Return quantiles of ‖ω‖: ‖ω‖² is χ² with d degrees of freedom."""
        return np.sqrt(2 * special.gammaincinv(state_dim / 2, probability))


@checked
class AbstractMatern(AbstractKernel):
    r"""The Matérn family, whose frequencies have a multivariate t law with 2ν degrees of freedom.

    .. math::
        S(ω) = \prod_j ℓ_j \; \frac{2^d π^{d/2} Γ(ν + d/2) (2ν)^ν}{Γ(ν)}
        \Bigl(2ν + \sum_j ℓ_j^2 ω_j^2\Bigr)^{-(ν + d/2)}.

    Attributes
    ----------
    smoothness
        ν: the functions have derivatives of every order below it.
    """

    smoothness: ClassVar[float]

    def log_spectral_density(
        self, omega: Float[Array, "*shape state"], lengthscale: Float[Array, " state"]
    ) -> Float[Array, "*shape"]:
        """Return log S(ω), (…)."""
        nu, d = self.smoothness, omega.shape[-1]
        power = nu + d / 2
        constant = d * log(2) + d / 2 * log(pi) + lgamma(power) - lgamma(nu) + nu * log(2 * nu)
        scaled = jnp.sum((omega * lengthscale) ** 2, -1)
        return constant + jnp.sum(jnp.log(lengthscale)) - power * jnp.log(2 * nu + scaled)

    def spectral_radius(self, probability: np.ndarray, state_dim: int) -> np.ndarray:
        """Return quantiles of ‖ω‖: ‖ω‖²/d is F with d and 2ν degrees of freedom."""
        return np.sqrt(state_dim * special.fdtri(state_dim, 2 * self.smoothness, probability))


_ROOT_3, _ROOT_5 = sqrt(3), sqrt(5)


@checked
@dataclass(frozen=True)
class Matern32(AbstractMatern):
    r"""k(r) = (1 + √3 r) exp(−√3 r): functions with one derivative.

    See Also
    --------
    sdebayes.priors.Matern52 : Smoother.
    sdebayes.priors.GP : Takes it.

    References
    ----------
    Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, eqs. 4.15 (spectral density) and 4.17.

    Examples
    --------
    >>> np.asarray(sb.priors.Matern32().covariance(jnp.array([0.0, 1.0])), float).round(2)
    array([1.  , 0.48])
    """

    title: ClassVar[str] = "Matérn 3/2"
    resolution: ClassVar[float] = 3.42
    smoothness: ClassVar[float] = 1.5

    def covariance(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return k(r)."""
        return (1 + _ROOT_3 * r) * jnp.exp(-_ROOT_3 * r)

    def slope(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return k′(r) / r."""
        return -3 * jnp.exp(-_ROOT_3 * r)

    def bend(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return the derivative of k′(r) / r, divided by r; it grows as 1/r near 0."""
        return 3 * _ROOT_3 * jnp.exp(-_ROOT_3 * r) / r


@checked
@dataclass(frozen=True)
class Matern52(AbstractMatern):
    r"""k(r) = (1 + √5 r + 5r²/3) exp(−√5 r): functions with two derivatives.

    See Also
    --------
    sdebayes.priors.Matern32 : Rougher.
    sdebayes.priors.SquaredExponential : Smoother, and the default.
    sdebayes.priors.GP : Takes it.

    References
    ----------
    Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, eqs. 4.15 (spectral density) and 4.17.

    Examples
    --------
    >>> np.asarray(sb.priors.Matern52().covariance(jnp.array([0.0, 1.0])), float).round(2)
    array([1.  , 0.52])
    """

    title: ClassVar[str] = "Matérn 5/2"
    resolution: ClassVar[float] = 2.65
    smoothness: ClassVar[float] = 2.5

    def covariance(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return k(r)."""
        return (1 + _ROOT_5 * r + 5 / 3 * r**2) * jnp.exp(-_ROOT_5 * r)

    def slope(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return k′(r) / r."""
        return -5 / 3 * (1 + _ROOT_5 * r) * jnp.exp(-_ROOT_5 * r)

    def bend(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return the derivative of k′(r) / r, divided by r."""
        return 25 / 3 * jnp.exp(-_ROOT_5 * r)
