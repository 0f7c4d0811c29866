"""Which trajectory belongs to which group, as a data set says it."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.errors import DataError


def group_names(data: xr.Dataset) -> tuple[str, ...]:
    """Return the names of the groups that a model can be fitted to, in the order of the alphabet.

    Raises
    ------
    DataError
        If there are no groups, only one, or each trajectory is one.
    """
    labels = _labels(data)
    names = tuple(sorted(set(labels)))
    if len(names) == 1:
        raise DataError(
            f"All {len(labels)} trajectories are of the group {names[0]!r}: nothing can differ between groups. Fit "
            "without by_group, or give the groups of the trajectories."
        )
    if len(names) == len(labels):
        raise DataError(
            f"Each of the {len(labels)} trajectories is a group of its own, so that groups cannot be told from "
            "trajectories. For a level of each trajectory use GaussianNoise(trajectory_effect=True); else give fewer "
            "groups."
        )
    return names


def groups_of(data: xr.Dataset, groups: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of `Observations` that say the group of each trajectory.

    Raises
    ------
    DataError
        If a group is none of these.
    """
    place = {name: index for index, name in enumerate(groups)}
    labels = _labels(data)
    for name, label in zip(data["trajectory"].values, labels, strict=True):
        if label not in place:
            raise DataError(
                f"Trajectory {str(name)!r} is of the group {label!r}, which the fit does not know; it knows "
                f"{', '.join(map(repr, groups))}. posterior.group_log_score(data) says which of these it is like."
            )
    group = np.array([place[label] for label in labels])
    own = [np.flatnonzero(group == index) for index in range(len(groups))]
    longest = max(map(len, own))
    rows = np.array([np.resize(one if len(one) else [0], longest) for one in own])
    return {"group": group, "rows_of_groups": rows}


def _labels(data: xr.Dataset) -> list[str]:
    if "group" not in data.variables or data["group"].dims != ("trajectory",):
        raise DataError(
            "The model has parameters by group, but the data do not say the group of each trajectory; give "
            'sdebayes.trajectories(..., groups=[…]), or data.assign_coords(group=("trajectory", […])).'
        )
    values = data["group"].values
    labels = ["" if value is None or value != value else str(value) for value in values]
    for name, label in zip(data["trajectory"].values, labels, strict=True):
        if not label.strip():
            raise DataError(f"Trajectory {str(name)!r} has no group; give it one, or leave it out.")
    return labels
