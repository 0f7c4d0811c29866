"""States seen through noise with heavy tails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpyro

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Positive
from sdebayes._core.types import Scalar
from sdebayes.dynamics import ScaleMixture
from sdebayes.likelihood import AbstractLikelihood, GaussianFilter
from sdebayes.model.innovations import StudentT
from sdebayes.model.noise import AbstractNoise
from sdebayes.model.observation import ObservationDraw
from sdebayes.priors.base import Dims
from sdebayes.schemes import AbstractScheme

_NODES, _DEPTH = 16, 10.0


@checked
@dataclass(frozen=True, eq=False)
class StudentTNoise(AbstractNoise):
    r"""Y_k = H (X(t_k) + c) + ε_k with a Student t for ε_k: outliers are what it expects.

    The noise is normal once its scale is given:

    .. math::
        ε_k \mid λ_k \sim N(0, R / λ_k), \qquad λ_k \sim \mathrm{Gamma}(ν/2, ν/2), \qquad ν = 2 + \mathrm{Gamma}(k, r),

    so that R is the squared scale, near the variance of what is no outlier, and ν/(ν − 2) R the covariance.

    A step has one λ_k for all its coordinates, so that its noise is large in all of them or in none. ν → ∞ is
    `GaussianNoise`, whose prior over R, C and the path's variance this is.

    The filter integrates λ_k out by quadrature at each step and carries the state on as the normal distribution with
    the mean and covariance of what comes out: an approximation for linear drifts, too. Log scores are of the
    heavy-tailed distribution; forecasts and residuals use its mean and covariance alone.

    Parameters
    ----------
    matrix
        H, (observed, state); the identity by default.
    covariance
        R, the squared scale: learned: ``"isotropic"``, ``"pooled"``, ``"diagonal"`` (None is the same), ``"full"`` or a
        `LowRank`; or known: a number, an array (observed, observed) or (observed,); or a NumPyro distribution over one
        of these.
    trajectory_effect
        Whether each trajectory has a constant offset c, a document effect.
    effect_covariance
        C, learned: ``"isotropic"``, ``"pooled"``, ``"diagonal"``, ``"full"`` or a `LowRank`.
    variance_function
        How R depends on covariates of the step: a `VarianceFunction`, or several, whose factors are multiplied.
    total_variance
        Prior median of each observed coordinate's variance, (observed,) or a number; default: the data's.
    spread
        Prior standard deviation of the log of a variance.
    latent_variance
        Prior median of the variance of each state (path and effect), (state,) or a number, where R is given or H is not
        the identity; default: what the data leave after R.
    path_covariance
        Prior of the states' variances, as of `GaussianNoise`.
    filter
        How a nonlinear SDE's distribution is carried from step to step: `ExtendedKalman` or `UnscentedKalman`. A linear
        drift with constant Σ needs none.

    degrees_of_freedom
        ν, above 2; None: learned.
    shape, rate
        k and r of the prior over ν − 2, where it is learned; the default mean is 20.
    by_group
        Whether each group of trajectories has a noise and a path variance of its own, near one that all share.

    Raises
    ------
    ModelError
        If H or R has the wrong shape, R is not positive definite, ν is not above 2, or a prior constant is not
        positive.

    See Also
    --------
    sdebayes.GaussianNoise : The same without outliers.
    sdebayes.analysis.process.outliers : Whether there are any.

    References
    ----------
    Lange, Little & Taylor (1989), Robust statistical modeling using the t distribution,
    doi:10.1080/01621459.1989.10478852; the prior Gamma(2, 0.1) is that of Juárez & Steel (2010),
    doi:10.1198/jbes.2009.07145.

    Examples
    --------
    >>> noise = sb.StudentTNoise(trajectory_effect=True)
    >>> noise.normal
    False
    >>> list(noise.dims())
    ['noise_squared_scale', 'trajectory_effect_variance', 'noise_variance', 'degrees_of_freedom']
    """

    _names: ClassVar[tuple[str, str]] = ("noise_squared_scale", "noise_scale_covariance")
    degrees_of_freedom: Positive | None = None
    shape: Positive = 2.0
    rate: Positive = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.degrees_of_freedom is not None and not self.degrees_of_freedom > 2:
            raise ModelError(
                f"StudentTNoise: degrees_of_freedom is {self.degrees_of_freedom:g}; expected more than 2, where the "
                "noise has a covariance, or None (learned)."
            )

    @property
    def _law(self) -> str:
        known = f" = {self.degrees_of_freedom:g} (known)" if self.degrees_of_freedom is not None else ""
        return f"Student t of squared scale R, ν{known or f' ~ 2 + Gamma({self.shape:g}, {self.rate:g})'}"

    @property
    def normal(self) -> bool:
        """Not: the noise has heavy tails."""
        return False

    def likelihood(self, linear: bool, scheme: AbstractScheme) -> AbstractLikelihood:
        """Return the likelihood of the filter that integrates the noise's scale out at each step."""
        return GaussianFilter(scheme, self.filter, self.trajectory_effect, linear)

    def dims(self) -> Dims:
        """Names and dimensions of R, C and ν."""
        dims = super().dims()
        if self._shape is not None:
            dims["noise_variance"] = dims[self._names[0]]
        return dims | ({"degrees_of_freedom": []} if self.degrees_of_freedom is None else {})

    def sample(self, state_dim: int) -> ObservationDraw:
        """Draw H, R, C and ν inside a NumPyro model."""
        known = self.degrees_of_freedom
        drawn = StudentT(self.shape, self.rate).sample() if known is None else jnp.asarray(known, dtype=float)
        normal = super().sample(state_dim)
        covariance = normal.noise_covariance * drawn / (drawn - 2)
        if self._shape is not None:
            numpyro.deterministic("noise_variance", jnp.diagonal(covariance))
        return normal._replace(noise_covariance=covariance, noise_scales=student_t_scales(drawn))


def student_t_scales(degrees_of_freedom: Scalar) -> ScaleMixture:
    r"""Return a Student t of unit covariance, nearly, as a finite mixture: the trapezoidal rule over log λ.

    With :math:`a = ν/2` the density of :math:`t = \log λ` is proportional to :math:`e^{-a (e^t - 1 - t)}`; the nodes
    are evenly spread where the exponent is above about −10. The density is off by less than 1 % up to ten scales.
    """
    a = 0.5 * degrees_of_freedom
    depth = _DEPTH / a
    lowest, highest = -jnp.sqrt(2 * depth) - depth, jnp.log1p(jnp.sqrt(2 * depth) + depth)
    t = lowest + (highest - lowest) * jnp.linspace(0.0, 1.0, _NODES)
    log_weights = jax.nn.log_softmax(-a * (jnp.expm1(t) - t))
    return ScaleMixture(log_weights, jnp.exp(-t) * (a - 1) / a)
