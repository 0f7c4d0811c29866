"""Constants of priors: as numbers for each state, and in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpyro.distributions as dist
from jaxtyping import Float64

from sdebayes._core.errors import ModelError


def constant(name: str, value: object, owner: str, state_dim: int) -> Float64[np.ndarray, " state"]:
    """Return a prior constant as a vector over states.

    Raises
    ------
    ModelError
        If the constant is still a rule, or has another length than ``state_dim``.
    """
    if value is None:
        raise ModelError(
            f"{owner}: the constant {name!r} is scaled to data that the prior has not seen; "
            f"call model.scaled_to(data), or give {name}= yourself."
        )
    array = np.asarray(value, dtype=np.float64)
    if array.ndim > 1 or (array.ndim == 1 and array.shape[0] != state_dim):
        raise ModelError(f"{owner}: {name} has shape {array.shape}, expected () or ({state_dim},).")
    return np.broadcast_to(array, (state_dim,))


def one_for_all(values: Float64[np.ndarray, " state"]) -> Float64[np.ndarray, " one"]:
    """Return the geometric mean of positive constants, as a vector of one entry that all states share."""
    return np.exp(np.log(values).mean(keepdims=True))


def say(value: Sequence[float] | np.ndarray | float | None, rule: str) -> str:
    """Write a constant as a number, or as the rule that will set it."""
    if value is None:
        return rule
    array = np.atleast_1d(np.asarray(value, dtype=float))
    array = np.where(np.abs(array) < 1e-12, 0.0, array)
    if np.allclose(array, array[0]):
        return f"{array[0]:.4g}"
    return "[" + ", ".join(f"{v:.4g}" for v in array) + "]"


def say_law(law: dist.Distribution) -> str:
    """Write a distribution with its parameters."""
    while isinstance(law, dist.Independent | dist.ExpandedDistribution):
        law = law.base_dist
    values = ", ".join(f"{key}={getattr(law, key, '…')}" for key in law.arg_constraints)
    return f"{type(law).__name__}({values})"
