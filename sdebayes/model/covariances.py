"""Covariances of noise and trajectory effect: what a known one must be, and what structure a learned one has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Count
from sdebayes._core.stored import Stored
from sdebayes._core.types import Matrix, Vector
from sdebayes.priors.correlation import covariance_cholesky
from sdebayes.priors.field import half_normal_quantile
from sdebayes.priors.pooled import POOLED, positive_pooled
from sdebayes.priors.positive import positive

_CONCENTRATION = 2.0


@checked
@dataclass(frozen=True)
class LowRank(Stored):
    r"""A learned covariance whose correlations come from a few common factors.

    .. math::
        D^{1/2} N (I + Λ Λ^\top) N D^{1/2},

    with variances D, N the diagonal matrix that makes I + Λ Λᵀ a correlation matrix, and loadings Λ, (state, rank),
    zero above their diagonal, positive on it and N(0, 1/rank) below: half of a variance is in common, less in the
    first coordinates, which have fewer loadings. The number of its parameters grows with that of coordinates, not with
    its square.

    Parameters
    ----------
    rank
        Number of factors, below that of states.

    See Also
    --------
    sdebayes.GaussianNoise : Takes it as covariance of noise or trajectory effect.

    References
    ----------
    Geweke & Zhou (1996), Measuring the pricing error of the arbitrage pricing theory, doi:10.1093/rfs/9.2.557.

    Examples
    --------
    >>> noise = sb.GaussianNoise(covariance=sb.LowRank(2))
    >>> noise.dims()["noise_covariance"]
    ['state', 'state_bis']
    """

    rank: Count = 1

    def sample(self, name: str, variance: Vector) -> Matrix:
        """Draw it inside a NumPyro model.

        Parameters
        ----------
        name
            What the parameters are named after.
        variance
            D, (state,).

        Returns
        -------
        covariance
            (state, state).

        Raises
        ------
        ModelError
            If there are no more states than factors.
        """
        n = variance.shape[0]
        if not self.rank < n:
            raise ModelError(
                f"LowRank: rank is {self.rank} for {n} coordinates; expected fewer, or covariance='full'."
            )
        rows, columns = np.tril_indices(n, 0, self.rank)
        z = numpyro.sample(f"{name}_loading", dist.Normal(0, 1).expand([rows.size]).to_event(1))
        entries = jnp.where(rows == columns, half_normal_quantile(z), z) / self.rank**0.5
        loadings = jnp.zeros((n, self.rank)).at[rows, columns].set(entries)
        common = jnp.eye(n) + loadings @ loadings.T
        scale = jnp.sqrt(variance / jnp.diagonal(common))
        covariance = scale[:, None] * common * scale
        numpyro.deterministic(f"{name}_covariance", covariance)
        return covariance


Shape = Literal["isotropic", "pooled", "diagonal", "full"] | LowRank
PathShape = Literal["isotropic", "diagonal"]


def check_known(owner: str, given: Any) -> None:
    """Check a noise covariance that a user gave as numbers.

    Raises
    ------
    ModelError
        If it is no number, (observed,) variances or a symmetric and positive definite matrix.
    """
    try:
        covariance = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ModelError(
            f"{owner}: covariance is {given!r}; expected 'isotropic', 'pooled', 'diagonal', 'full' or LowRank(rank) "
            "(learned), a number, an array or a NumPyro distribution."
        ) from None
    square = covariance.ndim == 2 and covariance.shape[0] == covariance.shape[1]
    if covariance.ndim > 1 and not square:
        raise ModelError(
            f"{owner}: covariance has shape {covariance.shape}; expected a number, (observed,) or (observed, observed)."
        )
    if not np.all(np.isfinite(covariance)) or (square and not np.allclose(covariance, covariance.T)):
        raise ModelError(f"{owner}: the noise covariance is not finite and symmetric.")
    smallest = np.linalg.eigvalsh(covariance).min() if square else covariance.min()
    if not smallest > 0:
        raise ModelError(
            f"{owner}: the noise covariance has the eigenvalue {smallest:g}; expected positive ones. "
            "For states observed without noise use Exact()."
        )


def is_correlated(shape: Shape | None) -> bool:
    """Return whether a learned covariance of this structure has correlations."""
    return shape == "full" or isinstance(shape, LowRank)


def say_structure(of: str, shape: Shape | None) -> list[str]:
    """Return lines that say what joins the entries of R or C, none where they are independent or all the same."""
    if shape == "pooled":
        return [f"  normal quantiles of the distributions of {of}_jj: {POOLED}"]
    if isinstance(shape, LowRank):
        return [
            f"  correlation of {of}: that of I + Λ Λᵀ, Λ_ij ~ Normal(0, 1/√{shape.rank}), rank {shape.rank}"
        ]
    return [f"  correlation of {of} ~ LKJ({_CONCENTRATION:g})"] if shape == "full" else []


def one_size(name: str, median: float, spread: float, count: int) -> Matrix:
    """Draw a covariance matrix with one variance for all coordinates inside a NumPyro model."""
    size = numpyro.sample(f"{name}_of_all", dist.LogNormal(jnp.log(median), spread))
    return jnp.diag(numpyro.deterministic(name, jnp.broadcast_to(size, (count,))))


def variances(shape: Shape, name: str, median: np.ndarray, spread: float) -> Vector:
    """Draw log-normal variances with these medians inside a NumPyro model: pooled, or independent."""
    return (positive_pooled if shape == "pooled" else positive)(name, median, spread)


def covariance_of_shape(shape: Shape, name: str, variance: Vector) -> Matrix:
    """Return a covariance matrix of these variances inside a NumPyro model: full ones have correlations LKJ(2)."""
    if isinstance(shape, LowRank):
        return shape.sample(name, variance)
    if shape == "full":
        factor = covariance_cholesky(name, variance, _CONCENTRATION)
        return factor @ factor.T
    return jnp.diag(variance)
