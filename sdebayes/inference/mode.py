"""The posterior mode on unconstrained space, and the curvature there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import minimize

from sdebayes._core.errors import InferenceError
from sdebayes._core.types import Key
from sdebayes.inference.target import Flat, Target

_FAR = 1e10
_PRIOR_DRAWS = 40
_BEST_DRAWS = 2


class Mode(NamedTuple):
    """A mode of the density.

    Attributes
    ----------
    position
        (dimension,).
    potential
        U there.
    factor
        F with F Fᵀ the inverse curvature of U made positive definite, (dimension, dimension): its eigenvectors, each as
        long as the standard deviation along it.
    """

    position: Flat
    potential: float
    factor: Float[Array, "dimension dimension"]

    @property
    def covariance(self) -> Float[Array, "dimension dimension"]:
        """Covariance of the normal approximation, F Fᵀ, (dimension, dimension)."""
        return self.factor @ self.factor.T


def find_mode(target: Target, key: Key, max_iterations: int = 2000) -> Mode:
    """Find the best mode that L-BFGS reaches from the prior's middle and from good draws, and measure its curvature.

    Parameters
    ----------
    target
        The density.
    key
        Random key of the prior draws.
    max_iterations
        Iterations of L-BFGS at the most.

    Raises
    ------
    InferenceError
        If every search ends at a point without a finite density.

    Notes
    -----
    The Hessian is a central difference of the exact gradient, 2·dimension gradients: no further compilation.
    """
    dtype = target.start.dtype

    def objective(z: np.ndarray) -> tuple[float, np.ndarray]:
        both = target.value_and_gradient(jnp.asarray(z, dtype=dtype))
        value, gradient = float(both[0]), np.asarray(both[1], dtype=np.float64)
        if not np.isfinite(value) or not np.all(np.isfinite(gradient)):
            return _FAR, np.zeros_like(z)
        return value, gradient

    def search(start: np.ndarray) -> Any:
        options = {
            "maxiter": max_iterations,
            "maxfun": 2 * max_iterations,
            "maxcor": 30,
            "ftol": 1e-13,
            "gtol": 1e-3,
        }
        return minimize(objective, start, jac=True, method="L-BFGS-B", options=options)

    best = min((search(start) for start in _starts(target, key, objective)), key=lambda found: found.fun)
    if not best.fun < _FAR:
        raise InferenceError(
            "The search for the posterior mode found no point with a finite density. Check the data's scale against "
            "the prior: model.scaled_to(data).describe()."
        )
    hessian = hessian_of(lambda z: objective(z)[1], best.x, dtype)
    factor = jnp.asarray(inverse_factor(hessian), dtype=dtype)
    return Mode(jnp.asarray(best.x, dtype=dtype), float(best.fun), factor)


def _starts(
    target: Target, key: Key, objective: Callable[[np.ndarray], tuple[float, np.ndarray]]
) -> list[np.ndarray]:
    """Return the coordinatewise median of draws of the prior, and the best of these draws."""
    draws = [
        np.asarray(z, dtype=np.float64)
        for z in (target.start, *map(target.draw_prior, jax.random.split(key, _PRIOR_DRAWS)))
    ]
    ranked = sorted(draws, key=lambda z: objective(z)[0])
    return [np.median(draws, axis=0), *ranked[:_BEST_DRAWS]]


def hessian_of(gradient: Callable[[np.ndarray], np.ndarray], position: np.ndarray, dtype: Any) -> np.ndarray:
    """Return the central difference of a gradient, (dimension, dimension), made symmetric."""
    step = np.cbrt(np.finfo(dtype).eps) * np.maximum(1.0, np.abs(position))
    columns = [
        (gradient(position + shift) - gradient(position - shift)) / (2 * step[index])
        for index, shift in enumerate(np.diag(step))
    ]
    hessian = np.array(columns)
    return 0.5 * (hessian + hessian.T)


def inverse_factor(hessian: np.ndarray) -> np.ndarray:
    """Factor the inverse of the absolute curvature; no direction is wider than thrice a standard normal."""
    values, vectors = np.linalg.eigh(np.nan_to_num(hessian))
    return vectors / np.sqrt(np.maximum(np.abs(values), 1 / 9))
