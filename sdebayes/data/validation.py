"""The one gate: what a data set of trajectories must satisfy before anything is computed from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.characters import cleaned_name
from sdebayes._core.errors import DataError
from sdebayes.data.blocks import Block, blocks
from sdebayes.data.faults import Faults, feature_label

FEATURE_DIMS = ("state", "embedding")
MINIMUM_STEPS = 3
_RELATIVE_SPREAD = 1e-12
_SMALLEST_STATE = 1e-8
_COLLINEAR = 1e-10


def feature_dim(dataset: xr.Dataset) -> str:
    """Name the last dimension of ``y``: ``"state"`` or ``"embedding"``.

    Raises
    ------
    DataError
        If ``dataset`` is not a data set of trajectories.
    """
    _check_layout(dataset)
    return str(dataset["y"].dims[-1])


def least_steps(dataset: xr.Dataset) -> int:
    """Return how many observed steps each trajectory needs: three, or as many as the data say.

    Raises
    ------
    DataError
        If the attribute that says so was changed by hand.
    """
    least = dataset.attrs.get("min_steps", MINIMUM_STEPS)
    if isinstance(least, bool) or not isinstance(least, int | np.integer) or least < 1:
        raise DataError(
            f"The attribute 'min_steps' is {str(least)[:80]!r}; expected a whole number, 1 or more. Remove it, and "
            "give trajectories(..., min_steps=...)."
        )
    return int(least)


def refuse_short(dataset: xr.Dataset) -> None:
    """Raise a DataError if a data set is none of trajectories, or these are shorter than a fit needs."""
    _check_layout(dataset)
    steps = dataset["n_steps"].values
    short = [str(name) for name in dataset["trajectory"].values[steps < MINIMUM_STEPS]]
    if short:
        raise DataError(
            f"{len(short)} of {steps.size} trajectories have fewer than {MINIMUM_STEPS} steps: {_listing(short)}. They "
            "can be scored, and not fitted; leave them out."
        )


def unobserved_states(dataset: xr.Dataset) -> list[str]:
    """Labels of the states that were declared unobserved (they may be missing everywhere).

    Raises
    ------
    DataError
        If the attribute that names them was changed by hand.
    """
    text = dataset.attrs.get("unobserved", "[]")
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(state, str) for state in found):
        raise DataError(
            f"The attribute 'unobserved' is {str(text)[:80]!r}; expected a list of names of states as JSON. Remove it, "
            "and name them in trajectories(..., unobserved=[...])."
        )
    return found


@checked
def validate(dataset: Any) -> xr.Dataset:
    """Check a data set of trajectories and return it as it is.

    Missing values (whole steps or single entries, as NaN) and irregular times are ordinary. The checks read only
    ``y``, ``t``, ``n_steps`` and the names; what is lazy is read block by block and stays lazy. Data that are scored
    only, as ``attrs["min_steps"]`` below three says, may have trajectories of one or two steps, and states that stay
    the same.

    Parameters
    ----------
    dataset
        ``y(trajectory, time, state | embedding)``, ``t(trajectory, time)``, ``n_steps(trajectory)``.

    Returns
    -------
    xr.Dataset
        The same object.

    Raises
    ------
    DataError
        With the trajectory, step and state of the first fault found: a wrong layout, no trajectory, blank or duplicate
        names or such with control characters, values that are no real numbers or infinite, times that are missing,
        decrease or repeat, fewer than three observed steps, values after the end, a state that never changes.

    See Also
    --------
    sdebayes.trajectories : Makes a data set, and checks it.

    Examples
    --------
    >>> data = sb.trajectories(np.array([[1.0, 2.0], [0.5, 1.5], [0.0, 1.0], [0.3, 0.8]]))
    >>> sb.data.validate(data) is data
    True
    >>> try:
    ...     sb.data.validate(data.assign(t=-data["t"]))
    ... except sb.errors.DataError as error:
    ...     print(str(error).split(". ")[0])
    Trajectory 'trajectory 1': time decreases between steps 0 and 1 (from -0 to -1)
    """
    for _ in checked_blocks(dataset):
        pass
    return dataset


def checked_blocks(dataset: Any) -> Iterator[Block]:
    """Go through a data set of trajectories and check it on the way, as :func:`validate` does.

    A fault of the values is told behind the last block: what was made of them counts only when all are through.
    """
    _check_layout(dataset)
    names = [str(name) for name in dataset["trajectory"].values]
    for index, name in enumerate(names):
        cleaned_name(name, f"The name of trajectory {index + 1}")
    check_unique(names)
    least = least_steps(dataset)
    for name, steps in zip(names, dataset["n_steps"].values, strict=True):
        _check_length(name, int(steps), dataset.sizes["time"], least)
    faults = Faults(dataset["n_steps"].values, least)
    for block in blocks(dataset):
        faults.look(block)
        yield block
    faults.refuse(dataset, names)
    if least >= MINIMUM_STEPS:
        _check_variation(dataset, np.asarray(faults.low), np.asarray(faults.high))


def check_unique(names: Iterable[str], what: str = "trajectories") -> None:
    """Raise a DataError that lists the names used more than once."""
    values, counts = np.unique(np.asarray(list(names), dtype=object), return_counts=True)
    repeated = [str(value) for value in values[counts > 1]]
    if repeated:
        raise DataError(
            f"Names of {what} must be unique; used more than once: {_listing(repeated)}. Rename them."
        )


def check_numeric(dtype: np.dtype, what: str) -> None:
    """Raise a DataError unless the dtype is a real number."""
    if dtype.kind not in "iuf":
        raise DataError(
            f"{what} must hold real numbers, but has dtype {dtype}. "
            "Convert it with astype(float); write a missing value as NaN."
        )


def _check_layout(dataset: Any) -> None:
    advice = "Build the data set with sdebayes.trajectories or sdebayes.embed."
    if not isinstance(dataset, xr.Dataset):
        raise DataError(
            f"Expected an xarray Dataset of trajectories, found {type(dataset).__name__}. {advice}"
        )
    missing = [name for name in ("y", "t", "n_steps", "trajectory") if name not in dataset.variables]
    if missing:
        raise DataError(f"The data set has no variable {_listing(missing)}. {advice}")
    dims = dataset["y"].dims
    if len(dims) != 3 or dims[:2] != ("trajectory", "time") or dims[2] not in FEATURE_DIMS:
        raise DataError(
            f"y has the dimensions {dims}; expected (trajectory, time, state | embedding). {advice}"
        )
    for name, expected in (("t", ("trajectory", "time")), ("n_steps", ("trajectory",))):
        if dataset[name].dims != expected:
            raise DataError(f"{name} has the dimensions {dataset[name].dims}; expected {expected}. {advice}")
    for name in ("y", "t"):
        check_numeric(dataset[name].dtype, name)
    if dataset["n_steps"].dtype.kind not in "iu":
        raise DataError(
            f"n_steps must hold whole numbers, but has dtype {dataset['n_steps'].dtype}. {advice}"
        )
    if not dataset.sizes["trajectory"]:
        raise DataError("The data set is empty; at least one trajectory is needed.")
    if not dataset.sizes[dims[2]]:
        raise DataError(f"y has no {dims[2]}; at least one is needed.")


def _check_length(name: str, steps: int, longest: int, least: int) -> None:
    if not 0 <= steps <= longest:
        raise DataError(
            f"Trajectory {name!r}: n_steps is {steps}, but there is room for 0 to {longest} steps."
        )
    if steps < least:
        raise DataError(
            f"Trajectory {name!r} has {steps} step{'' if steps == 1 else 's'}; "
            f"at least {least} observed step{'s are' if least > 1 else ' is'} needed. Leave it out."
        )


def _check_variation(dataset: xr.Dataset, low: np.ndarray, high: np.ndarray) -> None:
    constant = ~(high - low > _RELATIVE_SPREAD * np.fmax(np.abs(low), np.abs(high)))
    if feature_dim(dataset) == "embedding":
        if constant.all():
            raise DataError("The embedding is the same at every step of every trajectory; nothing moves.")
        return
    unobserved = unobserved_states(dataset)
    labels = [feature_label(dataset, int(index)) for index in np.flatnonzero(constant)]
    faulty = [label for label in labels if label.removeprefix("state ") not in unobserved]
    if faulty:
        raise DataError(
            f"{_listing(faulty)} never changes over the whole data set (or is never observed). "
            "Leave it out, or name it in trajectories(..., unobserved=[...])."
        )


def check_states(dataset: xr.Dataset) -> None:
    """Raise unless the states of a data set to be fitted are of comparable size, and none is made of the others.

    Raises
    ------
    DataError
        With the names of the states: of a state whose standard deviation is 1e-8 of the largest or less, or of states
        of which one is a linear function of the others, such as two that are the same.
    """
    values = dataset["y"].values.astype(float).reshape(-1, dataset["y"].shape[-1])
    known = np.isfinite(values).any(axis=0)
    labels = np.array([feature_label(dataset, int(index)) for index in np.flatnonzero(known)], dtype=object)
    values = values[:, known]
    sd = np.nanstd(values, axis=0)
    small = sd < _SMALLEST_STATE * sd.max()
    if small.any():
        raise DataError(
            f"{_listing(list(labels[small]))} has the standard deviation {sd[small].min():.2g} beside {sd.max():.2g} "
            f"of {labels[sd.argmax()]!r}: too little to be told from rounding. Leave it out, or give it another unit."
        )
    whole = values[np.isfinite(values).all(axis=1)]
    if len(whole) <= labels.size + 1:
        return
    correlation = np.atleast_2d(np.corrcoef(whole, rowvar=False)) if len(whole) else np.eye(labels.size)
    size, vectors = np.linalg.eigh(correlation)
    if size[0] < _COLLINEAR:
        weight = np.abs(vectors[:, 0])
        involved = list(labels[weight > 0.1 * weight.max()])
        raise DataError(
            f"{_listing(involved)} are not different states: one is a linear function of the other"
            f"{'s' if len(involved) > 2 else ''} in all {len(whole)} steps. Leave one of them out."
        )


def _listing(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + more
