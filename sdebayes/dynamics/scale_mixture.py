"""Noise with heavy tails: normal laws of one mean whose covariances are multiples of one another."""

from __future__ import annotations

import equinox as eqx
import jax
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.types import Key


@checked
class ScaleMixture(eqx.Module):
    """ε ~ N(0, s_j R) with probability w_j: a finite scale mixture of normals.

    Parameters
    ----------
    log_weights
        log w, (component,); the weights sum to 1.
    factors
        s, (component,), what R is multiplied by.

    See Also
    --------
    sdebayes.StudentTNoise : Whose noise is one, up to quadrature.

    References
    ----------
    Andrews & Mallows (1974), Scale mixtures of normal distributions, doi:10.1111/j.2517-6161.1974.tb00989.x.

    Examples
    --------
    >>> import jax
    >>> mixture = sb.dynamics.ScaleMixture(jnp.log(jnp.array([0.9, 0.1])), jnp.array([1.0, 9.0]))
    >>> mixture.draw(jax.random.key(0), (1000,)).mean().round().item()  # about 0.9 · 1 + 0.1 · 9
    2.0
    """

    log_weights: Float[Array, "*sample component"]
    factors: Float[Array, "*sample component"]

    def draw(self, key: Key, shape: tuple[int, ...]) -> Float[Array, "..."]:
        """Draw so many factors, one for each vector of noise: it is large in all entries or in none."""
        return self.factors[jax.random.categorical(key, self.log_weights, shape=shape)]
