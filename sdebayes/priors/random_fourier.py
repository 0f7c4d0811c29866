"""Random Fourier features, for any number of states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import CountFromTwo, Seed
from sdebayes._core.types import Vector
from sdebayes.dynamics import BasisField, FourierBasis
from sdebayes.priors.base import DataScale
from sdebayes.priors.expansion import AbstractExpansion
from sdebayes.priors.kernels import AbstractKernel


@checked
@dataclass(frozen=True, eq=False)
class RandomFourier(AbstractExpansion):
    r"""Cosines and sines of random frequencies, for any number of states; bounded everywhere.

    .. math::
        g(x) = M^{-1/2} \sum_{k=1}^{M} z_k \cos ω_k·(x - m) + z'_k \sin ω_k·(x - m), \qquad z, z' \sim N(0, 1),

    with frequencies from the kernel's spectral density: orthogonal directions in blocks, lengths one from each of M
    equally probable classes. They are drawn once, from the seed, and divided by the length-scale. The prior variance
    is 1 at every x, in and outside of the data; other covariances are the kernel's up to :math:`O(M^{-1/2})`.

    Parameters
    ----------
    features
        Number of basis functions 2 M, even.
    seed
        Seed of the frequencies.
    frequencies
        ω for unit length-scales, (frequency, state); default: drawn when the prior is scaled to data.

    Raises
    ------
    ModelError
        If the number of features is not even and positive, or the frequencies are of other states.

    See Also
    --------
    sdebayes.priors.GP : Takes it.
    sdebayes.priors.HSGP : Better for up to three states.

    References
    ----------
    Rahimi & Recht (2007), NIPS 20; orthogonal directions: Yu et al. (2016), sec. 3, arXiv:1610.09072.

    Examples
    --------
    >>> drift = sb.priors.GP(basis=sb.priors.RandomFourier(features=40))
    >>> data, truth = sb.datasets.benchmark("double_well", 100, 0.1)
    >>> sb.SDEModel(drift, observation=sb.Exact()).scaled_to(data).drift.basis.frequencies.shape
    (20, 2)
    """

    far: ClassVar[str] = "as large as among them"
    features: CountFromTwo = 100
    seed: Seed = 0
    frequencies: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.features < 2 or self.features % 2:
            raise ModelError(
                f"RandomFourier: features is {self.features}; expected an even number, a cosine and a sine for each "
                "frequency."
            )

    def scaled_to(
        self, scale: DataScale, location: np.ndarray, unit: np.ndarray, kernel: AbstractKernel
    ) -> RandomFourier:
        """Return a copy with frequencies."""
        if self.frequencies is not None:
            return self
        return replace(
            self, frequencies=_frequencies(kernel, self.features // 2, len(scale.states), self.seed)
        )

    def count(self, state_dim: int) -> int:
        """Return the number of basis functions."""
        return self.features

    def weight_scale(self, kernel: AbstractKernel, lengthscale: Vector) -> Float[Array, " feature"]:
        """Return the root of one over the number of frequencies."""
        return jnp.full(self.features, (self.features / 2) ** -0.5)

    def field(
        self,
        kernel: AbstractKernel,
        location: Vector,
        lengthscale: Vector,
        fixed: bool,
        weights: Float[Array, "feature output"],
    ) -> BasisField:
        """Return the function that weights make."""
        expected = (self.features // 2, location.shape[0])
        if self.frequencies is None or self.frequencies.shape != expected:
            found = None if self.frequencies is None else f"of shape {self.frequencies.shape}"
            raise ModelError(
                f"RandomFourier: frequencies is {found}, expected {expected}; leave it out and call "
                "model.scaled_to(data), which draws them."
            )
        basis = FourierBasis(location, jnp.asarray(self.frequencies) / lengthscale, fixed=fixed)
        return BasisField(basis, weights)

    def describe(self, kernel: AbstractKernel) -> list[str]:
        """Say the basis in words and formulas, a line each."""
        return [
            f"basis: cosines and sines of {self.features // 2} random frequencies, orthogonal directions, "
            f"seed {self.seed}"
        ]


def _frequencies(kernel: AbstractKernel, count: int, state_dim: int, seed: int) -> np.ndarray:
    """Draw from the kernel's spectral density, (count, state_dim): orthogonal in blocks, lengths stratified."""
    generator = np.random.default_rng(seed)
    blocks = -(-count // state_dim)
    Q, R = np.linalg.qr(generator.standard_normal((blocks, state_dim, state_dim)))
    uniform = Q * np.sign(np.diagonal(R, axis1=1, axis2=2))[:, None, :]
    strata = (generator.permutation(count) + generator.random(count)) / count
    radius = kernel.spectral_radius(strata, state_dim)
    return uniform.reshape(-1, state_dim)[:count] * radius[:, None]
