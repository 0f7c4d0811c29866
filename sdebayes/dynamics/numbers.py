"""Functions of a point that are read at plain numbers as well: lists, tuples, labelled arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sdebayes._core.errors import DataError
from sdebayes._core.stored import Stored


class AbstractPointFunction(Stored, eqx.Module):
    """A function of a point x, (state,), and a time.

    A class that derives from it defines ``__call__`` for arrays. At anything else x is made an array first; JAX's
    arrays, and so all that is traced, pass as they are.
    """

    def __init_subclass__(cls, **keywords: object) -> None:
        super().__init_subclass__(**keywords)
        own = vars(cls).get("__call__")
        if own is not None and not getattr(own, "__isabstractmethod__", False):
            cls.__call__ = _at_numbers(own)  # type: ignore[method-assign]


def _at_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def at(self: Any, x: Any, *arguments: Any, **keywords: Any) -> Any:
        if isinstance(x, jax.Array):
            return function(self, x, *arguments, **keywords)
        point = _as_point(x)
        try:
            return function(self, point, *arguments, **keywords)
        except (TypeError, ValueError, IndexError) as error:
            raise DataError(
                f"{type(self).__name__} cannot be read at x of shape {point.shape}; expected one number for each "
                f"state, (state,). It says: {error}"
            ) from error

    return at


def _as_point(x: Any) -> jax.Array:
    try:
        values = np.asarray(x, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"x is {x!r}, which is no array of numbers ({error}); expected (state,).") from error
    if values.ndim != 1:
        raise DataError(
            f"x has shape {values.shape}; expected one point, (state,). Several are read with jax.vmap, or by the "
            "methods drift and covariance of a Posterior."
        )
    if not np.isfinite(values).all():
        raise DataError(f"x is {x!r}; expected a finite number for each state, (state,).")
    return jnp.asarray(values)
