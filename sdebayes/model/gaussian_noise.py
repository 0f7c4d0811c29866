"""States seen through Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass

from sdebayes._core.arguments import checked
from sdebayes.likelihood import (
    AbstractLikelihood,
    GaussianFilter,
    IndependentKalman,
    Kalman,
    PartlyIndependentKalman,
)
from sdebayes.model.noise import AbstractNoise
from sdebayes.schemes import AbstractScheme


@checked
@dataclass(frozen=True, eq=False)
class GaussianNoise(AbstractNoise):
    r"""Y_k = H (X(t_k) + c) + ε_k with ε_k ~ N(0, R) and a trajectory effect c ~ N(0, C).

    With R learned and H = I, noise and diffusion are told apart through variances. Per state the total variance
    :math:`v \sim \mathrm{LogNormal}(\log s^2, 1)`, s² the data's, is shared out: :math:`C/v \sim \mathrm{Beta}(1, 4)`
    to the trajectory effect, if there is one, and of the rest :math:`P/(P + R) \sim \mathrm{Beta}(½, ½)` to the path,
    the arcsine distribution, under which noise (or path) may be next to nothing. Both shares are quantiles of a
    standard normal z, :math:`1 - (1 - Φ(z))^{1/4}` and :math:`\sin^2(½π Φ(z))`, whose posterior keeps light tails near
    zero. These are the variances of R and C; where one is ``"full"``, its correlations are LKJ(2). One size for all
    coordinates has no share: it is log-normal around a quarter (R) or a fifth (C) of the mean variance, beside
    variances that are the path's and the rest.

    Parameters
    ----------
    matrix
        H, (observed, state); the identity by default.
    covariance
        R: learned: ``"isotropic"``, one variance for all coordinates, ``"diagonal"`` (None is the same), each its own,
        ``"pooled"``, each its own, its share drawn towards a line in the logarithm of the coordinate's rank, ``"full"``
        or a `LowRank`; or known: a variance, an array (observed, observed) or (observed,) of variances; or a NumPyro
        distribution over one of these.
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
        Prior of the states' variances, where R and C are ``"isotropic"``: ``"diagonal"``, each has its own; or
        ``"isotropic"``, all share one, about their geometric mean. With ``Constant("isotropic")`` all coordinates then
        move alike, which few texts tell of surely.
    filter
        How a nonlinear SDE's distribution is carried from step to step: `ExtendedKalman` or `UnscentedKalman`. A linear
        drift with constant Σ has the exact Kalman filter, whatever this is.
    by_group
        Whether each group of trajectories has a noise and a path variance of its own, near one that all share.

    Raises
    ------
    ModelError
        If H or R has the wrong shape, R is not positive definite, or a prior constant is not positive.

    See Also
    --------
    sdebayes.Exact : States themselves.
    sdebayes.StudentTNoise : Noise that expects outliers.
    sdebayes.analysis.variance.shares : How much of the variance is noise.

    Examples
    --------
    >>> noise = sb.GaussianNoise(covariance="full", trajectory_effect=True)
    >>> print(noise.describe())
    Observation: Y_k = (X(t_k) + c_i) + ε_k, ε_k ~ Normal(0, R)
      total variance v_j ~ LogNormal(log data variance, 1)
      C_jj / v_j ~ Beta(1, 4), P_jj + R_jj = v_j − C_jj
      P_jj / (P_jj + R_jj) ~ Beta(½, ½)
      correlation of R ~ LKJ(2)
    >>> sb.GaussianNoise(covariance=0.09).dims()  # a known variance leaves nothing to learn
    {}
    """

    @property
    def _law(self) -> str:
        return "Normal(0, R)"

    def likelihood(self, linear: bool, scheme: AbstractScheme) -> AbstractLikelihood:
        """Return the Kalman filter's likelihood of a linear SDE, and the approximate filter's of others."""
        if linear:
            return Kalman(scheme, self.trajectory_effect)
        return GaussianFilter(scheme, self.filter, self.trajectory_effect)

    def independent_likelihood(
        self, scheme: AbstractScheme, coupled: int | None
    ) -> AbstractLikelihood | None:
        """Return the likelihood of states that are independent but for the first, if noise and effect leave them so."""
        if not self.independent:
            return None
        if coupled:
            return PartlyIndependentKalman(scheme, self.trajectory_effect, coupled)
        return IndependentKalman(scheme, self.trajectory_effect)
