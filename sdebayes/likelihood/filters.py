"""Gaussian filters: how the law of an SDE that is seen through noise is carried from step to step."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular

from sdebayes._core.arguments import checked
from sdebayes._core.stored import Stored
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics import SDE
from sdebayes.schemes import AbstractScheme


@checked
class AbstractGaussianFilter(Stored, eqx.Module):
    """A filter that keeps a normal law of the state and replaces each step of the SDE by a linear one.

    Attributes
    ----------
    reference
        Where the filter is described.
    """

    reference: ClassVar[str]

    @abstractmethod
    def linearize(
        self, scheme: AbstractScheme, sde: SDE, mean: Vector, covariance: Matrix, t: Scalar, dt: Scalar
    ) -> tuple[Vector, Matrix, Matrix]:
        """Return μ, F and Q of the step x' = μ + F (x − m) + N(0, Q) that stands for the SDE's where x ~ N(m, P)."""


@checked
class ExtendedKalman(AbstractGaussianFilter):
    r"""The extended Kalman filter, its mean of second order: the step is expanded around the mean of the state.

    With the scheme's mean μ(x) and noise covariance Q(x), both at m,

    .. math::
        m' = μ + \tfrac12 \mathrm{tr}(P\, ∂^2 μ), \qquad P' = F P F^\top + Q, \qquad F = ∂μ/∂x.

    Costs one step of the scheme and its derivative for each observation. Good where the drift bends little within the
    state's uncertainty.

    See Also
    --------
    sdebayes.UnscentedKalman : Averages over the state's uncertainty.

    References
    ----------
    Athans, Wishner & Bertolini (1968), IEEE Transactions on Automatic Control 13, 504–514; Särkkä & Svensson (2023),
    Bayesian Filtering and Smoothing, ch. 7, doi:10.1017/9781108917407.

    Examples
    --------
    >>> model = sb.SDEModel(drift=sb.priors.GP(), observation=sb.GaussianNoise(filter=sb.ExtendedKalman()))
    >>> model.likelihood
    GaussianFilter(scheme=LocalLinearization(), filter=ExtendedKalman(), trajectory_effect=False, linear=False)
    """

    reference: ClassVar[str] = "Särkkä & Svensson (2023), ch. 7, doi:10.1017/9781108917407"

    def linearize(
        self, scheme: AbstractScheme, sde: SDE, mean: Vector, covariance: Matrix, t: Scalar, dt: Scalar
    ) -> tuple[Vector, Matrix, Matrix]:
        """Return the expansion around the mean."""
        return scheme.propagate(sde, mean, covariance, t, dt)


@checked
class UnscentedKalman(AbstractGaussianFilter):
    r"""The unscented Kalman filter: the step is averaged over 2·state + 1 points of the distribution of the state.

    The points are m and m ± s L e_i with P = L Lᵀ and s² = max(3, state); m has the weight 1 − state/s², the others
    1/(2s²), so that none is negative. The linear step is the regression of the scheme's mean on the state over these
    points; what it leaves and the mean noise covariance are Q, positive definite by construction.

    Costs 2·state + 1 steps of the scheme for each observation. Better than `ExtendedKalman` where the drift bends
    within the state's uncertainty: noisy or rare observations.

    See Also
    --------
    sdebayes.ExtendedKalman : Less costly, and the default.

    References
    ----------
    Julier & Uhlmann (2004), doi:10.1109/JPROC.2003.823141; Arasaratnam & Haykin (2009), doi:10.1109/TAC.2009.2019800;
    as a regression: García-Fernández, Svensson, Morelande & Särkkä (2015), doi:10.1109/TSP.2015.2454485.

    Examples
    --------
    >>> model = sb.SDEModel(drift=sb.priors.GP(), observation=sb.GaussianNoise(filter=sb.UnscentedKalman()))
    >>> model.likelihood
    GaussianFilter(scheme=LocalLinearization(), filter=UnscentedKalman(), trajectory_effect=False, linear=False)
    """

    reference: ClassVar[str] = "Julier & Uhlmann (2004), doi:10.1109/JPROC.2003.823141"

    def linearize(
        self, scheme: AbstractScheme, sde: SDE, mean: Vector, covariance: Matrix, t: Scalar, dt: Scalar
    ) -> tuple[Vector, Matrix, Matrix]:
        """Return the regression over the points."""
        n = mean.shape[0]
        s = max(3, n) ** 0.5
        factor = jnp.linalg.cholesky(covariance)
        offsets = s * factor.T
        points = jnp.concatenate([mean[None], mean + offsets, mean - offsets])
        means, noises = jax.vmap(lambda x: scheme.transition(sde, x, t, dt))(points)
        centre, above, below = means[0], means[1 : n + 1], means[n + 1 :]

        weight = 1 / s**2
        following = (1 - n * weight) * centre + 0.5 * weight * jnp.sum(above + below, 0)
        noise = (1 - n * weight) * noises[0] + 0.5 * weight * jnp.sum(noises[1:], 0)
        slopes = (above - below) / (2 * s)
        F = solve_triangular(factor, slopes, trans=1, lower=True).T
        bends = 0.5 * (above + below) - following
        bend = centre - following
        left = (1 - n * weight) * jnp.outer(bend, bend) + weight * bends.T @ bends
        return following, F, noise + left
