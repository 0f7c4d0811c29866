"""Numerical precision and BLAS threads, each in a scope that leaves the process as it was."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, TypeAlias, get_args

import jax

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


class _SharedLimit:
    """One BLAS thread as long as anyone wants it: a limit of the process, which the first sets and the last lifts."""

    def __init__(self) -> None:
        self._lock, self._users, self._limits = threading.Lock(), 0, ExitStack()
        self._libraries: Any = None
        self._modules = 0

    def enter(self) -> None:
        with self._lock:
            if not self._users:
                self._limits.enter_context(self._found().limit(limits=1, user_api="blas"))
            self._users += 1

    def _found(self) -> Any:
        """Return the BLAS libraries of the process, which are looked for again where modules have been imported."""
        from threadpoolctl import ThreadpoolController  # sets an environment variable when it is imported

        if self._modules != len(sys.modules):
            self._libraries, self._modules = ThreadpoolController(), len(sys.modules)
        return self._libraries

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._limits.close()


_LIMIT = _SharedLimit()


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Run the body with one BLAS thread: small matrix factorisations are many times faster so.

    Bodies that run in several threads at a time share the limit; the last to end takes it away.
    """
    _LIMIT.enter()
    try:
        yield
    finally:
        _LIMIT.leave()
