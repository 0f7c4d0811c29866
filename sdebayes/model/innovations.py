"""Laws of the innovations of states that are observed exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpyro
import numpyro.distributions as dist

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Positive
from sdebayes._core.stored import Stored
from sdebayes._core.types import Scalar


@checked
@dataclass(frozen=True, eq=False)
class StudentT(Stored):
    r"""Innovations with heavy tails: a multivariate Student t with the scheme's mean μ and covariance Q.

    .. math::
        X(t + Δt) \mid x \sim t_ν\Bigl(μ,\, \frac{ν - 2}{ν} Q\Bigr), \qquad ν = 2 + \mathrm{Gamma}(k, r).

    All states of a step share one scale, so that a large innovation is large in all of them. The distribution is one of
    steps of a given length: no SDE driven by a Brownian motion has it at every step, and a coarser reading of the same
    path has lighter tails. ν → ∞ is the normal distribution.

    Parameters
    ----------
    shape
        k of the prior over ν − 2.
    rate
        r of the prior over ν − 2; the default mean is 20.

    Raises
    ------
    ModelError
        If a constant is not positive.

    See Also
    --------
    sdebayes.StudentTNoise : Heavy tails of what is seen, and not of the path.

    References
    ----------
    The prior Gamma(2, 0.1) is that of Juárez & Steel (2010), doi:10.1198/jbes.2009.07145.

    Examples
    --------
    >>> print(sb.StudentT().describe())
    Innovations: Student t with the scheme's covariance, ν ~ 2 + Gamma(2, 0.1)
    >>> sb.Exact(innovations=sb.StudentT()).dims()
    {'degrees_of_freedom': []}
    """

    shape: Positive = 2.0
    rate: Positive = 0.1

    def sample(self) -> Scalar:
        """Draw ν inside a NumPyro model."""
        above = numpyro.sample("degrees_of_freedom_above_two", dist.Gamma(self.shape, self.rate))
        return numpyro.deterministic("degrees_of_freedom", 2 + above)

    def describe(self) -> str:
        """Say the distribution in words and formulas."""
        return f"Innovations: Student t with the scheme's covariance, ν ~ 2 + Gamma({self.shape:g}, {self.rate:g})"
