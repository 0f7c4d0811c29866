"""The container of every analysis: trajectories of different length in one xarray Dataset."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from sdebayes._core.arguments import checked
from sdebayes._core.characters import cleaned, cleaned_name
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Labels, OneEach
from sdebayes._core.units import UNNAMED
from sdebayes.data.attached import Steps, read_covariates, read_texts_of_steps
from sdebayes.data.columns import state_names
from sdebayes.data.validation import (
    check_numeric,
    check_unique,
    checked_blocks,
    feature_dim,
    unobserved_states,
    validate,
)

__all__ = ["SCHEMA_VERSION", "PaddedArrays", "feature_dim", "pack", "to_arrays", "trajectories"]
__all__ += ["unobserved_states", "validate"]

SCHEMA_VERSION = 2


class PaddedArrays(NamedTuple):
    """A data set as plain arrays of equal length, padded at the end.

    Attributes
    ----------
    values
        (trajectory, time, feature), NaN where missing and after the end.
    times
        (trajectory, time), NaN after the end.
    observed
        (trajectory, time, feature), true where there is a value.
    n_steps
        (trajectory,), steps up to the end, missing ones included.
    """

    values: Float[np.ndarray, "trajectory time feature"]
    times: Float[np.ndarray, "trajectory time"]
    observed: Bool[np.ndarray, "trajectory time feature"]
    n_steps: Int[np.ndarray, " trajectory"]


@checked
def trajectories(
    x: object,
    t: object = None,
    names: OneEach | None = None,
    groups: OneEach | None = None,
    time_unit: str | None = None,
    unobserved: Labels = (),
    texts: Sequence[object] | None = None,
    covariates: Mapping[str, object] | None = None,
    min_steps: Count | None = None,
) -> xr.Dataset:
    """Make a data set of trajectories from arrays.

    Parameters
    ----------
    x
        One trajectory as an array (time, state); or several as a list of such arrays of any length, a mapping
        {name: array}, or one array (trajectory, time, state) padded with NaN. NaN is a missing value; a trajectory
        ends at its last step with any value. Tables, such as pandas' DataFrames, may stand for arrays (time, state):
        their columns name the states, which are x1, x2, … otherwise.
    t
        Times, strictly increasing within a trajectory: None for 0, 1, 2, …; a number for a regular step; one array
        (time,) shared by all; or one array for each trajectory (a list, or an array (trajectory, time)).
    names
        Unique names; by default "trajectory 1", "trajectory 2", ….
    groups
        The group of each trajectory.
    time_unit
        The unit of ``t``, in the singular, kept in ``attrs``; by default "step", with ``t`` "unit of time".
    unobserved
        Names of states that may be missing or constant everywhere, because the model does not observe them.
    texts
        For each trajectory a list with the text of each step.
    covariates
        For each name one value for each trajectory, or for each trajectory a list with one value for each step: real
        numbers, NaN where missing, or texts.
    min_steps
        The least number of observed steps of a trajectory; by default 3. With 1 or 2, data are scored and not fitted.

    Returns
    -------
    xr.Dataset
        ``y(trajectory, time, state)``, ``t(trajectory, time)``, ``n_steps(trajectory)``; ``text(trajectory, time)``
        where there are texts; covariates of trajectories as coords, those of steps as variables (trajectory, time).

    Raises
    ------
    DataError
        If the input does not describe trajectories, or :func:`validate` finds a fault.

    See Also
    --------
    sdebayes.embed : Trajectories of texts.
    sdebayes.data.validate : What is checked.
    sdebayes.datasets.benchmark : Trajectories of a known SDE.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = [rng.standard_normal((30, 2)), rng.standard_normal((20, 2))]
    >>> data = sb.trajectories(x, t=0.5, groups=["calm", "excited"])
    >>> dict(data.sizes), data["n_steps"].values.tolist()
    ({'trajectory': 2, 'time': 30, 'state': 2}, [30, 20])
    >>> data["group"].values.tolist(), float(data["t"][0, 1])
    (['calm', 'excited'], 0.5)
    """
    if isinstance(x, xr.Dataset):
        raise DataError("x is a Dataset; where it holds trajectories already, use it as it is.")
    if isinstance(x, Mapping):
        names = list(x) if names is None else names
        x = list(x.values())
    arrays = _split_arrays(x)
    labels = _labels(names, len(arrays))
    values = [_as_trajectory(array, label) for array, label in zip(arrays, labels, strict=True)]
    _check_widths(values, labels)
    lengths = [_end(array) for array in values]
    times = _split_times(t, [len(array) for array in values], labels)
    coords = {} if groups is None else {"group": ("trajectory", _per_trajectory(groups, labels, "groups"))}
    states = state_names(arrays, labels, values[0].shape[1])
    unknown = sorted(set(unobserved) - set(states))
    if unknown:
        raise DataError(f"unobserved names {unknown}, but the states are {states}.")
    steps = Steps(labels, [len(array) for array in values], lengths)
    own, along = read_covariates(covariates or {}, steps)
    dataset = pack(
        [array[:end] for array, end in zip(values, lengths, strict=True)],
        [array[:end] for array, end in zip(times, lengths, strict=True)],
        labels,
        "state",
        None if texts is None else read_texts_of_steps(texts, steps),
    ).assign_coords({"state": states, **coords, **own})
    dataset = dataset.assign(along)
    unit = ("step" if t is None else UNNAMED) if time_unit is None else time_unit
    dataset.attrs["time_unit"] = cleaned_name(str(unit), "time_unit")
    if unobserved:
        dataset.attrs["unobserved"] = json.dumps(list(unobserved))
    if min_steps is not None:
        dataset.attrs["min_steps"] = int(min_steps)
    return validate(dataset)


def pack(
    values: Sequence[np.ndarray],
    times: Sequence[np.ndarray],
    names: Sequence[str],
    dim: str,
    texts: Sequence[Sequence[str]] | None = None,
) -> xr.Dataset:
    """Pad ragged arrays into one data set, unchecked.

    Parameters
    ----------
    values
        For each trajectory an array (step, feature).
    times
        For each trajectory an array (step,).
    names
        For each trajectory its name.
    dim
        ``"state"`` or ``"embedding"``.
    texts
        For each trajectory the text of each step.

    Returns
    -------
    xr.Dataset
        ``y``, ``t``, ``n_steps`` and ``text`` if given.
    """
    lengths = np.array([len(array) for array in values], dtype=np.int64)
    count, longest = len(values), int(lengths.max(initial=0))
    y = np.full((count, longest, values[0].shape[1]), np.nan)
    t = np.full((count, longest), np.nan)
    text = np.full((count, longest), "", dtype=object)
    for index, end in enumerate(lengths):
        y[index, :end] = values[index]
        t[index, :end] = times[index]
        if texts is not None:
            text[index, :end] = list(texts[index])
    variables: dict[str, Any] = {
        "y": (("trajectory", "time", dim), y),
        "t": (("trajectory", "time"), t),
        "n_steps": (("trajectory",), lengths),
    }
    if texts is not None:
        variables["text"] = (("trajectory", "time"), text)
    coords = {"trajectory": np.array(list(names), dtype=str), "time": np.arange(longest)}
    return xr.Dataset(variables, coords, {"schema_version": SCHEMA_VERSION})


def to_arrays(dataset: xr.Dataset) -> PaddedArrays:
    """Read a data set as padded arrays, in float64; what is lazy is read in one pass and stays lazy.

    Raises
    ------
    DataError
        If :func:`validate` finds a fault.
    """
    feature_dim(dataset)
    values, times = np.empty(dataset["y"].shape), np.empty(dataset["t"].shape)
    for block in checked_blocks(dataset):
        values[block.rows], times[block.rows] = block.values, block.times
    return PaddedArrays(values, times, np.isfinite(values), dataset["n_steps"].values.astype(np.int64))


def _split_arrays(x: Any) -> list[Any]:
    if isinstance(x, str | bytes):
        raise DataError("x is a text; trajectories takes numbers. Use sdebayes.embed for texts.")
    if hasattr(x, "columns"):
        return [x]
    if isinstance(x, list | tuple):
        if not x:
            raise DataError("The list of trajectories is empty; at least one trajectory is needed.")
        return list(x)
    array = _as_numbers(x, "x")
    if array.ndim == 2:
        return [array]
    if array.ndim == 3:
        if not len(array):
            raise DataError("x has no trajectory; at least one is needed.")
        return list(array)
    raise DataError(
        f"x has {array.ndim} dimensions, shape {array.shape}; expected (time, state) for one trajectory or "
        "(trajectory, time, state) for several. A series of one state is x[:, None]."
    )


def _as_numbers(x: Any, what: str) -> np.ndarray:
    if isinstance(x, np.ma.MaskedArray):
        x = np.ma.filled(x.astype(np.float64), np.nan)
    try:
        array = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} is not a regular array of numbers: {error}.") from error
    check_numeric(array.dtype, what)
    return array.astype(np.float64)


def _as_trajectory(x: Any, name: str) -> np.ndarray:
    array = _as_numbers(x, f"Trajectory {name!r}")
    if array.ndim != 2:
        raise DataError(
            f"Trajectory {name!r} has {array.ndim} dimension(s), shape {array.shape}; expected (time, state). "
            "A series of one state is x[:, None]; one trajectory given as lists is np.array(x)."
        )
    return array


def _check_widths(values: Sequence[np.ndarray], names: Sequence[str]) -> None:
    width = values[0].shape[1]
    for array, name in zip(values, names, strict=True):
        if array.shape[1] != width:
            raise DataError(
                f"Trajectory {name!r} has {array.shape[1]} states, but {names[0]!r} has {width}; "
                "all trajectories need the same states (write NaN for a state that was not recorded)."
            )
    if not width:
        raise DataError("The trajectories have no state; at least one is needed.")


def _end(array: np.ndarray) -> int:
    observed = np.flatnonzero(~np.isnan(array).all(axis=1))
    return int(observed[-1]) + 1 if observed.size else len(array)


def _labels(names: Sequence[Any] | np.ndarray | None, count: int) -> list[str]:
    if names is None:
        return [f"trajectory {index + 1}" for index in range(count)]
    if len(names) != count:
        raise DataError(f"{len(names)} names were given for {count} trajectories.")
    labels = [
        cleaned_name(str(name), f"The name of trajectory {index + 1}") for index, name in enumerate(names)
    ]
    check_unique(labels)
    return labels


def _per_trajectory(values: Sequence[Any] | np.ndarray, names: Sequence[str], what: str) -> np.ndarray:
    if isinstance(values, str) or len(values) != len(names):
        raise DataError(f"{what} has {len(values)} entries for {len(names)} trajectories; give one for each.")
    return np.array([cleaned(str(value), what) for value in values], dtype=str)


def _split_times(t: Any, lengths: Sequence[int], names: Sequence[str]) -> list[np.ndarray]:
    if t is None:
        t = 1.0
    if not _is_ragged(t):
        array = _as_numbers(t, "t")
        if array.ndim == 0:
            if not (np.isfinite(array) and array > 0):
                raise DataError(f"t={array} as a time step must be a positive number.")
            return [array * np.arange(length) for length in lengths]
        if array.ndim == 1:
            t = [array[:length] if len(array) == max(lengths) else array for length in lengths]
        else:
            t = list(array)
    if len(t) != len(lengths):
        raise DataError(f"t has times for {len(t)} trajectories, but there are {len(lengths)}.")
    times = [_as_numbers(array, f"t of trajectory {name!r}") for array, name in zip(t, names, strict=True)]
    for index, (array, length, name) in enumerate(zip(times, lengths, names, strict=True)):
        if (
            array.ndim != 1
            or len(array) < length
            or (len(array) > length and not np.isnan(array[length:]).all())
        ):
            raise DataError(
                f"Trajectory {name!r} has {length} steps, but its times have shape {array.shape}; "
                "give one time for each step."
            )
        times[index] = array[:length]
    return times


def _is_ragged(t: Any) -> bool:
    return isinstance(t, list | tuple) and any(
        getattr(array, "ndim", int(isinstance(array, list | tuple))) > 0 for array in t
    )
