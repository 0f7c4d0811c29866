"""Numerical precision and BLAS threads, each in a scope that leaves the process as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias, get_args

import jax
from threadpoolctl import threadpool_limits

from sdebayes._core.errors import ModelError

Precision: TypeAlias = Literal["float64", "float32"]


@contextmanager
def scope(precision: str) -> Iterator[None]:
    """Run the body with JAX in this precision.

    Parameters
    ----------
    precision
        ``"float64"`` or ``"float32"``.

    Raises
    ------
    ModelError
        If ``precision`` is neither of the two.
    """
    if precision not in get_args(Precision):
        raise ModelError(f"precision={precision!r} is not known; use 'float64' or 'float32'.")
    with jax.enable_x64(precision == "float64"):
        yield


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Run the body with one BLAS thread: small matrix factorisations are many times faster so."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield
