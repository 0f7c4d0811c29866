"""A Gaussian process of a covariate, as a sum of known functions whose weights shrink with its length-scale."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float, Float64

from sdebayes.priors.covariate_basis import AbstractCovariateBasis
from sdebayes.priors.kernels import AbstractKernel

SPREAD = 0.6
"""Prior standard deviation of the logarithm of the length-scale."""

_FUNCTIONS = 24
_BOX = 2.5
_LOWER_TAIL = 0.84  # standard normal quantile of 80 %


@dataclass(frozen=True, eq=False)
class ProcessBasis(AbstractCovariateBasis):
    r"""A Gaussian process g of the standardised covariate u, less its mean over the steps.

    .. math::
        g(u) = \sum_k \sqrt{S(ω_k)}\, z_k\, \frac{\sin(ω_k (u + L))}{\sqrt L}, \qquad ω_k = \frac{π k}{2 L}, \qquad
        \log ℓ \sim N(\log \tilde ℓ, 0.6^2),

    with the kernel's spectral density S at the length-scale ℓ, standard normal z, and L two and a half times the
    largest \|u\|. The median :math:`\tilde ℓ` is one standard deviation of the covariate, or more where that leaves a
    fifth below the shortest length-scale that the functions represent. Beyond the data the sum goes back to the mean.

    Parameters
    ----------
    centre, width
        Mean and standard deviation of the covariate.
    lower, upper
        Its least and largest value.
    kernel
        The covariance.
    half_length
        L.
    means
        Means of the functions over the steps, (term,).

    References
    ----------
    Solin & Särkkä (2020), doi:10.1007/s11222-019-09886-w; Riutort-Mayol et al. (2023),
    doi:10.1007/s11222-022-10167-2.
    """

    centre: float
    width: float
    lower: float
    upper: float
    kernel: AbstractKernel
    half_length: float
    means: Float64[np.ndarray, " term"]

    @classmethod
    def of(cls, values: Float64[np.ndarray, " step"], kernel: AbstractKernel) -> ProcessBasis:
        """Make the functions for the values of a covariate, of which two at least differ."""
        centre, width = float(values.mean()), float(values.std())
        standardised = (values - centre) / width
        half_length = _BOX * float(np.abs(standardised).max())
        means = _functions(standardised, half_length).mean(0)
        return cls(centre, width, float(values.min()), float(values.max()), kernel, half_length, means)

    @property
    def median(self) -> float:
        """Prior median of the length-scale, in standard deviations of the covariate."""
        shortest = self.kernel.resolution * self.half_length / len(self.means)
        return max(1.0, exp(_LOWER_TAIL * SPREAD) * shortest)

    @property
    def weights(self) -> int:
        """Number of weights, one for each function."""
        return len(self.means)

    @property
    def contrasts(self) -> Float64[np.ndarray, "term weight"]:
        """From standard normal weights to slopes, at the median length-scale."""
        return np.asarray(self._contrasts(jnp.asarray(self.median)), dtype=np.float64)

    def drawn_contrasts(self, name: str) -> Float[Array, "term weight"]:
        """Draw the length-scale inside a NumPyro model; return what makes slopes of standard normal weights."""
        law = dist.LogNormal(jnp.log(self.median), SPREAD)
        return self._contrasts(numpyro.sample(f"{name}_lengthscale", law))

    def _contrasts(self, lengthscale: Float[Array, ""]) -> Float[Array, "term weight"]:
        omega = jnp.asarray(_frequencies(len(self.means), self.half_length))[:, None]
        return jnp.diag(jnp.exp(0.5 * self.kernel.log_spectral_density(omega, lengthscale[None])))

    def names(self, covariate: str) -> list[str]:
        """Return the covariate's name with the number of each function."""
        return [f"{covariate}, function {k + 1}" for k in range(len(self.means))]

    def places(self, points: int) -> np.ndarray:
        """Return values from the least to the largest."""
        return np.linspace(self.lower, self.upper, points)

    def __call__(self, values: np.ndarray) -> Float64[np.ndarray, "*place term"]:
        """Evaluate the functions; zero where there is no value."""
        known = np.isfinite(values)
        standardised = (np.where(known, values, self.centre) - self.centre) / self.width
        return np.where(known[..., None], _functions(standardised, self.half_length) - self.means, 0.0)


def _frequencies(count: int, half_length: float) -> Float64[np.ndarray, " term"]:
    return np.pi * np.arange(1, count + 1) / (2 * half_length)


def _functions(u: Float64[np.ndarray, "*place"], half_length: float) -> Float64[np.ndarray, "*place term"]:
    """Evaluate the eigenfunctions of the Laplacian on an interval, 0 beyond it."""
    inside = np.clip(u, -half_length, half_length) + half_length
    return np.sin(inside[..., None] * _frequencies(_FUNCTIONS, half_length)) / np.sqrt(half_length)
