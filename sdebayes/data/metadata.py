"""What is known about each text: the names and values of columns, in a form that every file can hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from sdebayes._core.characters import cleaned, storable, variable_name
from sdebayes._core.errors import DataError

RESERVED = ("y", "t", "n_steps", "text", "trajectory", "time", "state", "embedding")
_EXACT = 2**53
_KEPT_KINDS = "iufbMm"


def column_names(found: Sequence[str]) -> list[str]:
    """Name the columns of a file so that every file can hold them.

    White space, slashes and a first dot become ``_``, a name that data sets use themselves gets a ``_`` before it,
    and a column without a name is ``column_1``, by its place.

    Parameters
    ----------
    found
        The names as the file has them, in order.

    Returns
    -------
    list of str
        Names for them.

    Raises
    ------
    DataError
        If two columns have one name.
    """
    names = [storable(name) or f"column_{index + 1}" for index, name in enumerate(found)]
    names = [f"_{name}" if _is_taken(name) and name != "text" else name for name in names]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise DataError(f"Two columns have one name: {', '.join(map(repr, sorted(repeated)))}. Rename one.")
    return names


def own_name(name: object, what: str) -> str:
    """Return the name that a user gave a variable.

    Raises
    ------
    DataError
        If it is no text, data sets use it themselves, or files hold no variable of this name.
    """
    if not isinstance(name, str):
        raise DataError(f"{what} is {name!r}; expected a text.")
    if _is_taken(name):
        raise DataError(f"{what} is {name!r}, which data sets use themselves; choose another.")
    return variable_name(name, what)


def along_texts(variable: xr.Variable, name: str) -> xr.Variable:
    """Bring the values of a variable along ``trajectory`` into a form that every file can hold.

    Raises
    ------
    DataError
        If a value is neither a number, a truth value, a date nor a text, or a text has a character that none may have.
    """
    if isinstance(variable.dtype, np.dtype) and variable.dtype.kind in _KEPT_KINDS:
        return variable
    values = np.asarray(variable.values, dtype=object)
    plain = [_plain(value, f"{name!r} of text {index + 1}") for index, value in enumerate(values)]
    return variable.copy(data=column(plain))


def column(values: Sequence[object]) -> np.ndarray:
    """Make an array of texts, numbers, truth values and None for what is missing.

    Numbers that files hold exactly stay numbers, NaN where missing. All else becomes text, as JSON has it, and ""
    where missing.

    Parameters
    ----------
    values
        One for each text.

    Returns
    -------
    np.ndarray
        Of the same length.
    """
    known: list[Any] = [value for value in values if value is not None]
    kinds = {type(value) for value in known}
    whole = len(known) == len(values)
    if whole and kinds == {bool}:
        return np.array(values)
    if whole and kinds == {int} and all(-(2**63) <= value < 2**63 for value in known):
        return np.array(values, dtype=np.int64)
    if kinds and kinds <= {int, float} and all(isinstance(v, float) or abs(v) <= _EXACT for v in known):
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.array([_as_text(value) for value in values], dtype=str)


def _is_taken(name: str) -> bool:
    return name in RESERVED or name.startswith("space_")


def _plain(value: Any, what: str) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, str):
        return cleaned(str(value), what)
    if type(value) in (bool, int, float):
        return value
    raise DataError(f"{what} is of type {type(value).__name__}; expected a text, a number or a truth value.")


def _as_text(value: Any) -> str:
    if value is None or _is_nan(value):
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value
