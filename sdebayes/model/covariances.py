"""Covariances of noise and trajectory effect: what a known one must be, and what structure a learned one has."""

from __future__ import annotations

from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from sdebayes._core.errors import ModelError
from sdebayes._core.types import Matrix, Vector
from sdebayes.priors.base import covariance_cholesky

Shape = Literal["diagonal", "full"]
CONCENTRATION = 2.0


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
            f"{owner}: covariance is {given!r}; expected 'diagonal' or 'full' (learned), a number, an array or a "
            "NumPyro distribution."
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


def covariance_of_shape(shape: Shape, name: str, variance: Vector) -> Matrix:
    """Return a covariance matrix of these variances inside a NumPyro model: full ones have correlations LKJ(2)."""
    if shape == "diagonal":
        return jnp.diag(variance)
    factor = covariance_cholesky(name, variance, CONCENTRATION)
    return factor @ factor.T
