"""Numbers that users give."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from sdebayes._core.errors import DataError
from sdebayes._core.types import Key


def whole_number(name: str, value: Any, least: int = 1) -> int:
    """Return a whole number, of Python or numpy, as Python's.

    Parameters
    ----------
    name
        Name of the argument, for the error.
    value
        Its value.
    least
        The smallest value allowed.

    Returns
    -------
    int
        The value.

    Raises
    ------
    DataError
        If the value is no whole number (a float or a truth value is none), or below ``least``.
    """
    if not is_whole(value, least):
        raise DataError(f"{name}={value!r} must be a whole number, {least} or more.")
    return int(value)


def is_whole(value: Any, least: int = 1) -> bool:
    """Whether a value is a whole number of at least ``least``; a float or a truth value is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= least


def random_generator(seed: Any) -> np.random.Generator:
    """Return numpy's generator of random numbers of a user's seed.

    Raises
    ------
    DataError
        If the seed is no whole number, 0 or more.
    """
    return np.random.default_rng(whole_number("seed", seed, 0))


def random_key(seed: Any) -> Key:
    """Return JAX's random key of a user's seed.

    Raises
    ------
    DataError
        If the seed is no whole number, 0 or more.
    """
    return jax.random.key(whole_number("seed", seed, 0))
