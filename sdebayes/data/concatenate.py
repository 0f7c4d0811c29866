"""Several data sets as one, each a group of its trajectories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes.data.container import validate
from sdebayes.data.validation import feature_dim

_ALIKE = {
    "encoder": "embed both with the same encoder",
    "step": "embed both with the same steps",
    "time_unit": "give both the same unit of time",
    "space_hash": "take both into one state space",
    "unobserved": "declare the same states unobserved",
}
_PADDING = {"O": "", "U": "", "T": ""}


@checked
def concatenate(parts: Mapping[str, xr.Dataset], *, centred: bool = False) -> xr.Dataset:
    """Put data sets of trajectories one behind the other, each as a group.

    Corpora that a model is to tell apart (``by_group``), or that it learns from together: where a user's own texts are
    few, those of others tell how texts move, if each corpus is centred on its own mean.

    Parameters
    ----------
    parts
        Data sets by the name of their group: embeddings by one encoder, states of one space, or arrays of the same
        states.
    centred
        Whether each part has the mean of all its steps, (feature,), taken away, so that the parts lie around one place.
        What is scored by a model of such data has to lose the mean of its own corpus as well.

    Returns
    -------
    xr.Dataset
        All trajectories, their ``group`` the part that they are of. Of covariates and texts those that all parts have;
        what the parts say of themselves in attributes is told of each by name.

    Raises
    ------
    DataError
        If there are fewer than two parts, one of them is no valid data set, two have trajectories of the same name, or
        they differ in states, encoder, steps, unit of time or space; or states of a space are to be centred.

    See Also
    --------
    sdebayes.split : The other way.
    sdebayes.analysis.contrast.contrast : How groups differ.

    Examples
    --------
    >>> calm, _ = sb.datasets.benchmark("ornstein_uhlenbeck", 20, 0.1, n_trajectories=3)
    >>> short = calm.isel(trajectory=[0]).assign_coords(trajectory=["another"])
    >>> both = sb.data.concatenate({"known": calm, "new": short}, centred=True)
    >>> both["group"].values.tolist(), both.sizes["time"]
    (['known', 'known', 'known', 'new'], 20)
    """
    if len(parts) < 2:
        raise DataError(f"concatenate got {len(parts)} data set(s); expected two or more, by name.")
    for name, part in parts.items():
        _check_alike(*next(iter(parts.items())), name, validate(part))
    _check_names(parts)
    common = set.intersection(*[_of_trajectories(part) for part in parts.values()])
    chosen = [
        (_centred(part, name) if centred else part)
        .drop_vars(_of_trajectories(part) - common)
        .assign_coords(group=("trajectory", [name] * part.sizes["trajectory"]))
        for name, part in parts.items()
    ]
    padding = {name: _PADDING[kind] for name in common if (kind := chosen[0][name].dtype.kind) in _PADDING}
    joined: xr.Dataset = xr.concat(
        chosen,
        "trajectory",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="outer",
        combine_attrs="drop",
        fill_value=padding,
    )
    return validate(joined.assign_attrs(_attributes(parts)))


def _of_trajectories(part: xr.Dataset) -> set[str]:
    """Return the names of variables and coordinates that belong to trajectories."""
    own = {str(name) for name, one in part.variables.items() if "trajectory" in one.dims}
    return own - {"trajectory", "group"}


def _check_alike(first: str, one: xr.Dataset, name: str, other: xr.Dataset) -> None:
    for attribute, advice in _ALIKE.items():
        values = [part.attrs.get(attribute) for part in (one, other)]
        if values[0] != values[1]:
            raise DataError(
                f"{first!r} and {name!r} differ in {attribute!r}: {values[0]} and {values[1]}; {advice}."
            )
    dims = feature_dim(one), feature_dim(other)
    labels = [part[dim].values.tolist() for part, dim in zip((one, other), dims, strict=True)]
    if dims[0] != dims[1] or labels[0] != labels[1]:
        said = [f"{len(label)} {dim}s" for label, dim in zip(labels, dims, strict=True)]
        raise DataError(
            f"{first!r} has {said[0]} and {name!r} {said[1]}, or others; expected the same in all parts."
        )


def _check_names(parts: Mapping[str, xr.Dataset]) -> None:
    count = Counter(str(name) for part in parts.values() for name in part["trajectory"].values)
    twice = [name for name, times in count.items() if times > 1]
    if twice:
        raise DataError(
            f"{len(twice)} trajectories have the name of one in another part, the first {twice[0]!r}; give them names "
            "of their own with assign_coords(trajectory=[...])."
        )


def _centred(part: xr.Dataset, name: str) -> xr.Dataset:
    if "space_hash" in part.attrs:
        raise DataError(
            f"{name!r} holds states of a space; centre embeddings, and fit a space to what comes of it."
        )
    return part.assign(y=part["y"] - part["y"].mean(["trajectory", "time"]))


def _attributes(parts: Mapping[str, xr.Dataset]) -> dict[str, object]:
    """Return the attributes in which all agree, the least of numbers, and of texts who says what; no others."""
    found: dict[str, object] = {}
    for key in dict.fromkeys(key for part in parts.values() for key in part.attrs):
        said = {name: part.attrs[key] for name, part in parts.items() if key in part.attrs}
        values = list(said.values())
        if len(said) == len(parts) and all(np.array_equal(value, values[0]) for value in values):
            found[key] = values[0]
        elif all(isinstance(value, str) for value in values):
            found[key] = "; ".join(f"{name}: {value}" for name, value in said.items())
        elif all(np.ndim(value) == 0 and np.isreal(value) for value in values):
            found[key] = min(values)
    return found
