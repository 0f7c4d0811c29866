"""The distribution of the first state where it is not the stationary one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

from sdebayes._core.errors import ModelError
from sdebayes._core.linalg import stationary_covariance
from sdebayes._core.types import Matrix, Vector
from sdebayes.dynamics import AbstractDiffusion
from sdebayes.priors.base import DataScale, Dims
from sdebayes.priors.positive import positive


def check_start(initial: object) -> None:
    """Raise a ModelError if a word that names the distribution of the first state is not known."""
    if isinstance(initial, str) and initial != "free":
        raise ModelError(
            f"SDEModel: initial is {initial!r}; expected 'free', a mean and a covariance, or None for the default."
        )


def known_law(initial: Any, state_dim: int) -> tuple[Vector, Matrix]:
    """Return m₀ and P₀ in the precision in force.

    Parameters
    ----------
    initial
        m₀, (state,), and P₀, (state, state).
    state_dim
        Number of states.

    Raises
    ------
    ModelError
        If they are no finite mean and positive definite covariance of so many states.
    """
    n = state_dim
    asked = f"SDEModel: initial is {initial!r}; expected a mean ({n},) and a covariance ({n}, {n})"
    try:
        mean, covariance = (np.asarray(part, dtype=np.float64) for part in initial)
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"{asked}.") from error
    if mean.shape != (n,) or covariance.shape != (n, n):
        raise ModelError(f"{asked}; found the shapes {mean.shape} and {covariance.shape}.")
    finite = np.all(np.isfinite(mean)) and np.all(np.isfinite(covariance))
    if not finite or not np.allclose(covariance, covariance.T) or np.linalg.eigvalsh(covariance).min() <= 0:
        raise ModelError(f"{asked}, finite, symmetric and positive definite.")
    return jnp.asarray(mean, dtype=float), jnp.asarray(covariance, dtype=float)


def law_of_start(
    initial: Any,
    stationary: bool,
    scale: DataScale,
    drift: Any,
    diffusion: AbstractDiffusion,
    coupled: int | None = None,
) -> tuple[Vector, Matrix]:
    """Return m₀ and P₀ inside a NumPyro model: of the stationary law, or known, or drawn.

    The stationary covariance is Σ_ij / (A_ii + A_jj) where A is diagonal, as with ``coupled`` = 0. With more, A has a
    block of so many of the first states and Σ is diagonal; with None, both are any.
    """
    if stationary and coupled is not None:
        rates, sigma = jnp.diagonal(drift.matrix), diffusion.covariance(drift.location)
        covariance, own = sigma / (rates[:, None] + rates), slice(coupled)
        block = stationary_covariance(drift.matrix[own, own], sigma[own, own]) if coupled else 0.0
        return drift.location, covariance.at[own, own].set(block)
    if stationary:
        return drift.location, stationary_covariance(drift.matrix, diffusion.covariance(drift.location))
    if initial is None or isinstance(initial, str):
        return drawn_law(scale)
    return known_law(initial, len(scale.states))


def drawn_law(scale: DataScale) -> tuple[Vector, Matrix]:
    """Draw m₀ and the diagonal of P₀ around the data's mean and variance, inside a NumPyro model."""
    location, variance = (jnp.asarray(part, dtype=float) for part in (scale.location, scale.variance))
    law = dist.Normal(location, jnp.sqrt(variance)).to_event(1)
    mean = numpyro.sample("initial_mean", law)
    return mean, jnp.diag(positive("initial_variance", variance, 1.0))


def dims_of_start(initial: object, stationary: bool) -> Dims:
    """Return names and dimensions of m₀ and P₀ where they are drawn."""
    drawn = not stationary and (initial is None or isinstance(initial, str))
    return {"initial_mean": ["state"], "initial_variance": ["state"]} if drawn else {}


def say_law_of_start(initial: Iterable[object] | str | None, stationary: bool) -> str:
    """Write that the law is the stationary one, a known law with its numbers, or the prior of an unknown one."""
    if stationary:
        return "stationary distribution"
    if initial is None or isinstance(initial, str):
        return "N(m₀, P₀), m₀_j ~ Normal(data mean, data sd), log P₀_jj ~ Normal(log data variance, 1)"
    mean, covariance = (np.array2string(np.asarray(part), precision=4, separator=", ") for part in initial)
    return f"N({mean}, {covariance}), known".replace("\n", "")
