"""The names of states: the columns of tables, if the trajectories are tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from sdebayes._core.characters import cleaned_name
from sdebayes._core.errors import DataError
from sdebayes.data.validation import check_unique


def state_names(arrays: Sequence[object], names: Sequence[str], count: int) -> list[str]:
    """Return the columns that all tables share, or x1, x2, … for arrays without names.

    Parameters
    ----------
    arrays
        The trajectories as they were given.
    names
        Their names.
    count
        Number of states.

    Raises
    ------
    DataError
        If the columns of two trajectories differ, in order too, or a column has no name, one that repeats, or one with
        a character that no text may have.
    """
    columns = [_columns(array) for array in arrays]
    for name, found in zip(names, columns, strict=True):
        if found != columns[0]:
            raise DataError(
                f"Trajectory {name!r} has the columns {found}, but {names[0]!r} has {columns[0]}; expected the same "
                "columns in the same order. Choose them, table[columns], or give arrays without names."
            )
    if columns[0] is None:
        return [f"x{index + 1}" for index in range(count)]
    labels = [cleaned_name(name, f"The name of column {index + 1}") for index, name in enumerate(columns[0])]
    check_unique(labels, "states")
    return labels


def _columns(array: Any) -> list[str] | None:
    """Return the names of a table's columns; None for what has none, or numbers from 0 on in the place of names."""
    names = ["" if pd.isna(column) is True else str(column) for column in getattr(array, "columns", ())]
    return None if names == [str(number) for number in range(len(names))] else names
