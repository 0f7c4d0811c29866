"""The posterior mode on unconstrained space, and the curvature there."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import minimize

from sdebayes._core.errors import InferenceError
from sdebayes._core.types import Key
from sdebayes.inference.target import Flat, Target

_FAR = 1e10


class Mode(NamedTuple):
    """A mode of the density.

    Attributes
    ----------
    position
        (dimension,).
    potential
        U there.
    covariance
        Inverse curvature of U, (dimension, dimension), made positive definite.
    """

    position: Flat
    potential: float
    covariance: Float[Array, "dimension dimension"]


def find_mode(target: Target, key: Key, starts: int = 20, max_iterations: int = 2000) -> Mode:
    """Find a mode by L-BFGS from the best of some draws of the prior, and measure its curvature.

    Parameters
    ----------
    target
        The density.
    key
        Random key of the prior draws.
    starts
        Number of prior draws.
    max_iterations
        Iterations of L-BFGS at the most.

    Raises
    ------
    InferenceError
        If the search ends at a point without a finite density.

    Notes
    -----
    The Hessian is a central difference of the exact gradient, 2·dimension gradients: no further compilation.
    """
    dtype = target.start.dtype

    def objective(z: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = target.value_and_gradient(jnp.asarray(z, dtype=dtype))
        value, gradient = float(value), np.asarray(gradient, dtype=np.float64)
        if not np.isfinite(value) or not np.all(np.isfinite(gradient)):
            return _FAR, np.zeros_like(z)
        return value, gradient

    draws = [target.start, *(target.draw_prior(k) for k in jax.random.split(key, starts))]
    start = min(draws, key=lambda z: float(target.value_and_gradient(z)[0]))
    options = {"maxiter": max_iterations, "maxfun": 2 * max_iterations, "maxcor": 30}
    found = minimize(
        objective, np.asarray(start, dtype=np.float64), jac=True, method="L-BFGS-B", options=options
    )
    if not found.fun < _FAR:
        raise InferenceError(
            "The search for the posterior mode found no point with a finite density. Check the data's scale against "
            "the prior: model.scaled_to(data).describe()."
        )
    hessian = _hessian(lambda z: objective(z)[1], found.x, dtype)
    return Mode(
        jnp.asarray(found.x, dtype=dtype),
        float(found.fun),
        jnp.asarray(_positive_inverse(hessian), dtype=dtype),
    )


def _hessian(gradient, position: np.ndarray, dtype) -> np.ndarray:  # type: ignore[no-untyped-def]
    step = np.cbrt(np.finfo(dtype).eps) * np.maximum(1.0, np.abs(position))
    columns = [
        (gradient(position + shift) - gradient(position - shift)) / (2 * step[index])
        for index, shift in enumerate(np.diag(step))
    ]
    hessian = np.array(columns)
    return 0.5 * (hessian + hessian.T)


def _positive_inverse(hessian: np.ndarray) -> np.ndarray:
    """Invert the absolute curvature, no direction wider than a standard normal prior stretched threefold."""
    values, vectors = np.linalg.eigh(np.nan_to_num(hessian))
    return (vectors / np.maximum(np.abs(values), 1 / 9)) @ vectors.T
