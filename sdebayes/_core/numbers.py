"""Numbers that users give."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdebayes._core.errors import DataError


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
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise DataError(f"{name}={value!r} must be a whole number, {least} or more.")
    return int(value)
