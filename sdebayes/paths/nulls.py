"""Null data sets: what is left of a result when the order of the steps is destroyed."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.numbers import random_generator
from sdebayes.paths.container import validate


def shuffle_within(dataset: xr.Dataset, seed: int = 0) -> xr.Dataset:
    """Permute the steps within each trajectory.

    What belongs to a trajectory as a whole survives; its order does not. Times stay where they are; texts and missing
    values move with their step.

    Parameters
    ----------
    dataset
        Any data set of trajectories.
    seed
        The same seed gives the same permutation.

    Returns
    -------
    xr.Dataset
        With ``attrs["null"]``.
    """
    validate(dataset)
    generator = random_generator(seed)
    source = np.argwhere(_present(dataset))
    trajectory = source[:, 0]
    key = generator.random(len(source))
    return _permuted(
        dataset, np.lexsort((key, trajectory)), f"steps shuffled within trajectories, seed {seed}"
    )


def shuffle_across(dataset: xr.Dataset, seed: int = 0) -> xr.Dataset:
    """Permute the steps over all trajectories.

    Neither order nor membership survives; lengths and times stay where they are. Texts and missing values move with
    their step.

    Parameters
    ----------
    dataset
        Any data set of trajectories.
    seed
        The same seed gives the same permutation.

    Returns
    -------
    xr.Dataset
        With ``attrs["null"]``.

    Raises
    ------
    DataError
        If so many steps are missing that a shuffled trajectory is left with fewer than three observed ones.
    """
    validate(dataset)
    order = random_generator(seed).permutation(int(_present(dataset).sum()))
    return _permuted(dataset, order, f"steps shuffled across trajectories, seed {seed}")


def _present(dataset: xr.Dataset) -> np.ndarray:
    return np.arange(dataset.sizes["time"]) < dataset["n_steps"].values[:, None]


def _permuted(dataset: xr.Dataset, order: np.ndarray, what: str) -> xr.Dataset:
    present = _present(dataset)
    result = dataset.copy()
    for name in ("y", "text"):
        if name in dataset:
            values = dataset[name].values.copy()
            values[present] = values[present][order]
            result[name] = dataset[name].copy(data=values)
    result.attrs["null"] = what
    return validate(result)
