"""Priors over coefficients of which most are about 0."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax.scipy.special import ndtri
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Positive
from sdebayes._core.stored import Stored
from sdebayes._core.types import Key
from sdebayes.priors.base import WEIGHT_OFFSET, WEIGHT_SCALE, Dims

Terms = Float[Array, "feature state"]

RATE = "drift_inclusion_rate"
QUANTILE = "drift_inclusion_quantile"
WEIGHTS = "drift_weights"


@checked
class AbstractSelection(Stored, ABC):
    """A prior over coefficients, independent given its own parameters.

    Attributes
    ----------
    smooth
        Whether its density is a smooth function of its parameters, as samplers by gradients need.
    """

    smooth: ClassVar[bool]

    @abstractmethod
    def sample(self, unit: Terms) -> Terms:
        """Draw coefficients inside a NumPyro model.

        Parameters
        ----------
        unit
            What a coefficient of size 1 is, (feature, state).
        """

    @abstractmethod
    def dims(self) -> Dims:
        """Names and dimensions of its interpretable parameters."""

    @abstractmethod
    def describe(self) -> list[str]:
        """Say the prior in words and formulas, a line each."""

    def weight_sites(self, weights: Terms) -> dict[str, Array]:
        """Return the values of the sites that standard normal weights stand for."""
        return {WEIGHTS: weights}


@checked
@dataclass(frozen=True, eq=False)
class SpikeAndSlab(AbstractSelection):
    r"""Each coefficient is 0, or normal.

    .. math::
        c_i = γ_i\, s\, w_i, \quad w_i \sim N(0, 1), \quad γ_i \sim \mathrm{Bernoulli}(π), \quad
        π \sim \mathrm{Beta}(a, b), \quad \log s \sim N(\log \tilde s, σ_s^2).

    π is learned, so that a larger library of needless terms makes inclusion less likely. `Marginal` sums over all sets
    of terms. γ is drawn as :math:`u_i < Φ^{-1}(π)` with standard normal u.

    Parameters
    ----------
    inclusion
        a and b: by default one coefficient in five is expected, and none is most likely.
    slab
        Prior median of s.
    slab_spread
        Prior standard deviation of log s.

    Raises
    ------
    ModelError
        If a number is not positive, or inclusion is not two numbers.

    See Also
    --------
    sdebayes.priors.Horseshoe : A continuous prior, for any strategy.
    sdebayes.priors.Sparse : Takes it.

    References
    ----------
    Mitchell & Beauchamp (1988), doi:10.1080/01621459.1988.10478694; the learned rate: Scott & Berger (2010),
    doi:10.1214/10-AOS792.

    Examples
    --------
    >>> print(*sb.priors.SpikeAndSlab(inclusion=(1.0, 9.0)).describe(), sep="\n")
    c = γ s w, w ~ Normal(0, 1), γ ~ Bernoulli(π), π ~ Beta(1, 9), log s ~ Normal(log 2, 1)
    """

    smooth: ClassVar[bool] = False
    inclusion: tuple[Positive, Positive] = (1.0, 4.0)
    slab: Positive = 2.0
    slab_spread: Positive = 1.0

    def sample(self, unit: Terms) -> Terms:
        """Draw coefficients inside a NumPyro model."""
        rate = numpyro.sample(RATE, dist.Beta(*self.inclusion))
        slab = numpyro.sample("drift_slab", dist.LogNormal(jnp.log(self.slab), self.slab_spread))
        standard = dist.Normal(0.0, 1.0).expand(unit.shape).to_event(2)
        included = (numpyro.sample(QUANTILE, standard) < ndtri(rate)).astype(unit.dtype)
        numpyro.deterministic("drift_inclusion", included)
        return slab * unit * included * numpyro.sample(WEIGHTS, standard)

    def dims(self) -> Dims:
        """Names and dimensions of rate, slab and inclusion."""
        return {RATE: [], "drift_slab": [], "drift_inclusion": ["library_term", "state"]}

    def weight_sites(self, weights: Terms) -> dict[str, Array]:
        """Return weights of which all are included."""
        return {WEIGHTS: weights, QUANTILE: jnp.full_like(weights, -jnp.inf)}

    def inclusion_sites(self, key: Key, included: Terms, rate: Float[Array, ""]) -> dict[str, Array]:
        """Draw the sites behind a set of terms.

        Parameters
        ----------
        key
            Random key.
        included
            γ, (feature, state), 0 or 1.
        rate
            π.

        Returns
        -------
        dict
            Values by the names of the sites.
        """
        uniform = jax.random.uniform(key, included.shape, included.dtype, minval=1e-12)
        below = ndtri(rate * uniform)
        above = -ndtri((1 - rate) * uniform)
        return {QUANTILE: jnp.where(included > 0, below, above)}

    def describe(self) -> list[str]:
        """Say the prior in words and formulas, a line each."""
        a, b = self.inclusion
        return [
            f"c = γ s w, w ~ Normal(0, 1), γ ~ Bernoulli(π), π ~ Beta({a:g}, {b:g}), "
            f"log s ~ Normal(log {self.slab:g}, {self.slab_spread:g})"
        ]


@checked
@dataclass(frozen=True, eq=False)
class Horseshoe(AbstractSelection):
    r"""The regularised horseshoe: a continuous prior with a peak at 0 and normal tails.

    .. math::
        c_i = τ \tilde λ_i w_i, \quad \tilde λ_i^2 = \frac{k^2 λ_i^2}{k^2 + τ^2 λ_i^2}, \quad
        λ_i \sim \mathrm{C}^+(0, 1), \quad τ \sim \mathrm{C}^+(0, t), \quad
        k^2 \sim \mathrm{InvGamma}(\tfrac ν2, \tfrac ν2 K^2).

    Parameters
    ----------
    scale
        t, the size of the typical coefficient.
    slab
        K, the size of a large one.
    degrees
        ν, degrees of freedom of the slab.

    Raises
    ------
    ModelError
        If a number is not positive.

    See Also
    --------
    sdebayes.priors.SpikeAndSlab : Terms in or out, whose inclusion has a probability.
    sdebayes.priors.Sparse : Takes it.

    References
    ----------
    Piironen & Vehtari (2017), eqs. 2.7–2.8 and sec. 3.1, doi:10.1214/17-EJS1337SI.

    Examples
    --------
    >>> print(*sb.priors.Horseshoe(scale=0.1).describe(), sep="\n")
    c = τ λ̃ w, w ~ Normal(0, 1), λ̃² = k²λ²/(k² + τ²λ²), λ ~ HalfCauchy(1), τ ~ HalfCauchy(0.1), k² ~ InvGamma(2, 8)
    >>> sb.priors.Sparse(selection=sb.priors.Horseshoe()).smooth
    True
    """

    smooth: ClassVar[bool] = True
    scale: Positive = 0.2
    slab: Positive = 2.0
    degrees: Positive = 4.0

    def sample(self, unit: Terms) -> Terms:
        """Draw coefficients inside a NumPyro model."""
        common = numpyro.sample("drift_shrinkage", dist.HalfCauchy(self.scale))
        local = numpyro.sample("drift_local_scale", dist.HalfCauchy(1.0).expand(unit.shape).to_event(2))
        half = 0.5 * self.degrees
        slab = numpyro.sample("drift_slab_variance", dist.InverseGamma(half, half * self.slab**2))
        product = (common * local) ** 2
        spread = unit * jnp.sqrt(slab * product / (slab + product))
        law = dist.Normal(0.0, 1.0).expand(unit.shape).to_event(2)
        infer = {WEIGHT_SCALE: spread, WEIGHT_OFFSET: jnp.zeros_like(spread)}
        return spread * numpyro.sample(WEIGHTS, law, infer=infer)

    def dims(self) -> Dims:
        """Names and dimensions of its parameters."""
        return {"drift_shrinkage": [], "drift_slab_variance": []}

    def describe(self) -> list[str]:
        """Say the prior in words and formulas, a line each."""
        return [
            "c = τ λ̃ w, w ~ Normal(0, 1), λ̃² = k²λ²/(k² + τ²λ²), λ ~ HalfCauchy(1), "
            f"τ ~ HalfCauchy({self.scale:g}), k² ~ InvGamma({self.degrees / 2:g}, {self.degrees / 2 * self.slab**2:g})"
        ]
