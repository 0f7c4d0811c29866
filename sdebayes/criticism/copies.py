"""Data that occur more than once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

MOST_ALIKE = 0.5
MOST_TIES = 0.01


def copied(values: Float[np.ndarray, "trajectory time state"]) -> list[tuple[int, int]]:
    """Find trajectories of which most steps are in others as well.

    Parameters
    ----------
    values
        Data, NaN where there is nothing.

    Returns
    -------
    list
        Pairs of trajectories, the earlier first. Where equal steps follow one another within single
        trajectories, as in data of whole numbers, values say nothing of copies and the list is empty.
    """
    pairs = np.concatenate([values[:, :-1], values[:, 1:]], axis=2)
    rows, columns = np.nonzero(np.isfinite(pairs).all(axis=2))
    if not rows.size:
        return []
    _, group = np.unique(pairs[rows, columns], axis=0, return_inverse=True)
    own = np.unique(np.stack([group.ravel(), rows], axis=1), axis=0)
    if 1 - len(own) / rows.size > MOST_TIES:
        return []
    group, trajectory = own.T
    shared = np.bincount(group)[group] > 1
    found: set[tuple[int, int]] = set()
    for one in np.unique(trajectory):
        mine = trajectory == one
        if shared[mine].mean() > MOST_ALIKE:
            others = trajectory[np.isin(group, group[mine]) & ~mine]
            other = int(np.bincount(others).argmax())
            found.add((min(int(one), other), max(int(one), other)))
    return sorted(found)


def repeated(values: Float[np.ndarray, "trajectory time state"]) -> tuple[int, int]:
    """Count steps that are, to the last digit, an earlier step of their trajectory.

    Parameters
    ----------
    values
        Data, NaN where there is nothing.

    Returns
    -------
    repeats, steps
        Of so many whole steps. Where most values of a state occur more than once, as whole numbers do, equal ones say
        nothing, and there are no repeats.
    """
    rows, columns = np.nonzero(np.isfinite(values).all(axis=2))
    whole = values[rows, columns]
    if any(2 * len(np.unique(state)) < len(whole) for state in whole.T):
        return 0, len(whole)
    return len(whole) - len(np.unique(np.column_stack([rows, whole]), axis=0)), len(whole)
