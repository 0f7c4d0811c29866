"""Kinds of arguments: what the annotations of public functions say beyond a type (see ``arguments``)."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import xarray as xr

from sdebayes._core.arguments import Said

_MOST = 2**31
_LARGEST = 1e100


def _whole(least: int, most: int = _MOST, words: str = "below 2**31") -> Said:
    return Said(
        f"a whole number, {least} or more, {words}",
        lambda value: not isinstance(value, bool | np.bool_) and least <= value < most,
    )


def _real(meaning: str, holds: Callable[[float], bool] = lambda value: True) -> Said:
    return Said(
        meaning,
        lambda value: (
            not isinstance(value, bool | np.bool_)
            and math.isfinite(value)
            and abs(value) < _LARGEST
            and holds(value)
        ),
    )


type WholeNumber = Annotated[int, _whole(0)]
type Count = Annotated[int, _whole(1)]
type CountFromTwo = Annotated[int, _whole(2)]
type CountFromThree = Annotated[int, _whole(3)]
type Seed = Annotated[int, _whole(0, 2**63, "below 2**63")]

type Finite = Annotated[float, _real("a finite number")]
type Positive = Annotated[float, _real("a positive finite number", lambda value: value > 0)]
type NotNegative = Annotated[float, _real("a finite number, 0 or more", lambda value: value >= 0)]
type Probability = Annotated[float, _real("a probability between 0 and 1", lambda value: 0 < value < 1)]


def _can_be_named(path: str) -> bool:
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


type PathLike = Annotated[
    str | Path,
    Said(
        "the path of a file or folder",
        lambda value: str(value) not in ("", ".") and _can_be_named(str(value)),
    ),
]
type Name = Annotated[str, Said("a name, not blank", lambda value: bool(value.strip()))]


def one_of(*words: str) -> Said:
    """Say that a string is one of few."""
    return Said(" or ".join(map(repr, words)), lambda value: value in words)


def _no_string(value: Any) -> bool:
    return not isinstance(value, str | bytes)


type Labels = Annotated[Sequence[str], Said("a list of labels, such as ['x1', 'x2']", _no_string)]
type OneEach = Annotated[
    Sequence[Any] | np.ndarray, Said("a list with one entry for each trajectory", _no_string)
]
type States = Annotated[
    Sequence[str | int], Said("a list of labels or positions of states, such as ['x1', 'x2']", _no_string)
]


def numbers(value: object) -> np.ndarray | None:
    """Return real numbers as an array, whatever holds them; None if they are none (dates and truth values are none).

    Parameters
    ----------
    value
        A number, nested sequences, or an array of numpy, JAX or xarray.

    Returns
    -------
    numpy.ndarray or None
        The numbers.
    """
    if isinstance(value, str | bytes | Mapping | xr.Dataset):
        return None
    try:
        array = np.asarray(value)
        return array.astype(np.float64) if array.dtype.kind in "iuf" else None
    except (TypeError, ValueError, OverflowError):
        return None


def _all(holds: Callable[[np.ndarray], Any] = lambda array: True) -> Callable[[Any], bool]:
    def of(value: Any) -> bool:
        if isinstance(value, jax.core.Tracer):
            return True
        array = numbers(value)
        return (
            array is not None
            and array.size > 0
            and bool(np.all(np.abs(array) < _LARGEST))
            and bool(np.all(holds(array)))
        )

    return of


type AnyNumbers = Annotated[Any, Said("numbers", lambda value: numbers(value) is not None)]
type Numbers = Annotated[Any, Said("an array of finite numbers", _all())]
type PositiveNumbers = Annotated[Any, Said("positive finite numbers", _all(lambda array: array > 0))]
type Vectors = Annotated[
    Any, Said("finite numbers (state,) or (point, state)", _all(lambda array: array.ndim in (1, 2)))
]
type Times = Annotated[Any, Said("finite numbers (time,)", _all(lambda array: array.ndim == 1))]
type Probabilities = Annotated[
    Any, Said("probabilities between 0 and 1", _all(lambda array: (array > 0) & (array < 1)))
]
type Counts = Annotated[
    Any,
    Said(
        "a whole number, 1 or more, or several",
        _all(lambda array: (array.ndim < 2) & (array == np.floor(array)) & (array >= 1) & (array < _MOST)),
    ),
]


type State = Annotated[Any, Said("finite numbers (state,)", _all(lambda array: array.ndim == 1))]


type StateOrNumber = Annotated[Any, Said("finite numbers (state,)", _all(lambda array: array.ndim < 2))]


def _has(variables: Sequence[str], *dims: str) -> Callable[[xr.Dataset], bool]:
    return lambda value: all(name in value and set(dims) <= set(value[name].dims) for name in variables)


type Trajectories = Annotated[
    xr.Dataset,
    Said(
        "trajectories, y(trajectory, time, …), as sdebayes.trajectories makes them",
        _has(["y"], "trajectory", "time"),
    ),
]
type Simulated = Annotated[
    xr.Dataset,
    Said(
        "simulated paths, y(sample, path, time, …), as sdebayes.simulate makes them",
        _has(["y"], "path", "time"),
    ),
]
type Predicted = Annotated[
    xr.Dataset,
    Said(
        "mean and covariance over trajectory and time, as posterior.predict or sdebayes.forecast makes them",
        _has(["mean", "covariance"], "trajectory", "time"),
    ),
]
type Fields = Annotated[
    xr.Dataset,
    Said(
        "drift and covariance, as sdebayes.analysis.fields.grid makes them",
        _has(["drift", "covariance"], "state"),
    ),
]
type Drawn = Annotated[
    xr.DataArray, Said("draws, over the dimension sample", lambda value: "sample" in value.dims)
]
type Judged = Annotated[
    xr.DataArray,
    Said(
        "values over trajectory and time, as sdebayes.analysis.forecasts.pit makes them",
        lambda value: {"trajectory", "time"} <= set(value.dims),
    ),
]


def _are_axes(value: Any) -> bool:
    given = np.atleast_1d(np.asarray(value, object))
    return given.size > 0 and all(hasattr(one, "get_legend_handles_labels") for one in given.flat)


type Panels = Annotated[Any, Said("axes of matplotlib, one for each panel", _are_axes)]
