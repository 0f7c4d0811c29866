"""Inducing points, for any number of states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Count
from sdebayes._core.types import Vector
from sdebayes.dynamics import BasisField, KernelBasis
from sdebayes.priors.base import DataScale
from sdebayes.priors.expansion import AbstractExpansion
from sdebayes.priors.kernels import AbstractKernel


@checked
@dataclass(frozen=True, eq=False)
class Inducing(AbstractExpansion):
    r"""The kernel's functions at centres among the data, for any number of states.

    .. math:: g(x) = k(x, Z) L^{-\top} z, \qquad L L^\top = K_{ZZ} + δ I, \qquad z \sim N(0, I),

    whose covariance is Nyström's :math:`k(x, Z) (K_{ZZ} + δ I)^{-1} k(Z, x')`, with δ the square root of the machine's
    precision. Its variance is 1 at the centres, shrinks away from them and is 0 far from all: the prior says that the
    field vanishes where there were no data.

    Parameters
    ----------
    centres
        Number of centres; fewer where there are fewer different data.
    points
        Z, (centre, state); default: k-means centres of the data in units of standard deviations,
        drawn in by the root of the path's expected share of their variance.

    Raises
    ------
    ModelError
        If the number of centres is not positive, or the points are of other states.

    See Also
    --------
    sdebayes.priors.GP : Takes it.
    sdebayes.priors.RandomFourier : Functions that do not vanish away from the data.

    References
    ----------
    Quiñonero-Candela & Rasmussen (2005), A unifying view of sparse approximate Gaussian process regression, JMLR 6,
    1939–1959: the prior of the deterministic training conditional, sec. 5.

    Examples
    --------
    >>> drift = sb.priors.GP(basis=sb.priors.Inducing(centres=20))
    >>> data, truth = sb.datasets.benchmark("double_well", 100, 0.1)
    >>> sb.SDEModel(drift, observation=sb.Exact()).scaled_to(data).drift.basis.points.shape
    (20, 2)
    """

    far: ClassVar[str] = "fades to 0 within a few length-scales"
    centres: Count = 50
    points: np.ndarray | None = None

    def scaled_to(
        self, scale: DataScale, location: np.ndarray, unit: np.ndarray, kernel: AbstractKernel
    ) -> Inducing:
        """Return a copy with the points."""
        if self.points is not None:
            return self
        return replace(self, points=unit * _k_means(scale.points / unit, self.centres))

    def count(self, state_dim: int) -> int:
        """Return the number of centres."""
        return len(self._points(state_dim))

    def field(
        self,
        kernel: AbstractKernel,
        location: Vector,
        lengthscale: Vector,
        fixed: bool,
        weights: Float[Array, "feature output"],
    ) -> BasisField:
        """Return the function whose values at the centres are L w, L Lᵀ = K."""
        points = jnp.asarray(self._points(location.shape[0]))
        covariance = jax.vmap(KernelBasis(kernel, points, lengthscale))(points)
        jitter = jnp.sqrt(jnp.finfo(covariance.dtype).eps) * jnp.eye(len(points))
        factor = jnp.linalg.cholesky(covariance + jitter)
        return BasisField(KernelBasis(kernel, points, lengthscale, factor, fixed=fixed), weights)

    def describe(self, kernel: AbstractKernel) -> list[str]:
        """Say the basis in words and formulas, a line each."""
        number = self.centres if self.points is None else len(self.points)
        return [
            f"basis: the kernel at {number} k-means centres of the data; variance 1 there, 0 far from them"
        ]

    def _points(self, state_dim: int) -> np.ndarray:
        if self.points is None or self.points.ndim != 2 or self.points.shape[1] != state_dim:
            found = None if self.points is None else f"of shape {self.points.shape}"
            raise ModelError(
                f"Inducing: points is {found}, expected (centre, {state_dim}); leave it out and call "
                "model.scaled_to(data), which finds them."
            )
        return self.points


def _k_means(data: np.ndarray, count: int) -> np.ndarray:
    """Return the centres of at most ``count`` clusters, (centre, state)."""
    from sklearn.cluster import KMeans

    different = np.unique(data, axis=0)
    if len(different) <= count:
        return different
    return KMeans(count, n_init=4, random_state=0).fit(data).cluster_centers_
