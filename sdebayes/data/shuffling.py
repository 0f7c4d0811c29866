"""Null data sets: what is left of a result when the order of the steps is destroyed."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Shaped

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Seed
from sdebayes.data.blocks import read
from sdebayes.data.container import validate
from sdebayes.data.reordered import reordered

Rank = Shaped[np.ndarray, " block"]
"""Numbers, one for each block, whose order is the new order of the blocks."""


@checked
def shuffle(
    dataset: xr.Dataset, seed: Seed = 0, *, block: Count = 1, neighbours: bool = False, reverse: bool = False
) -> xr.Dataset:
    """Put the steps of each trajectory into another order.

    What belongs to a trajectory as a whole survives; its order does not. Times stay where they are; texts, missing
    values and whatever else goes along the steps move with their step. What is lazy stays so: it is read, and put into
    its new order, when it is asked for.

    Parameters
    ----------
    dataset
        Any data set of trajectories.
    seed
        The same seed gives the same order.
    block
        So many steps stay together, in their order; the last block of a trajectory has what is left.
    neighbours
        Whether only neighbouring steps (or blocks) change places: the first with the second, the third with the
        fourth, and so on, or the second with the third and so on, whichever chance says for each trajectory.
    reverse
        Whether the order of the steps (or blocks) is turned round; then nothing is left to chance.

    Returns
    -------
    xr.Dataset
        With ``attrs["null"]``.

    Raises
    ------
    DataError
        If ``block`` is no whole number, 1 or more, or both ``neighbours`` and ``reverse`` are asked for.

    See Also
    --------
    sdebayes.data.shuffle_across : Steps change trajectories too.
    sdebayes.nulls : Models without order.

    Examples
    --------
    >>> data = sb.trajectories([np.arange(6.0)[:, None]])
    >>> sb.shuffle(data, reverse=True)["y"].values.ravel()
    array([5., 4., 3., 2., 1., 0.])
    >>> sb.shuffle(data, block=3, reverse=True)["y"].values.ravel()
    array([3., 4., 5., 0., 1., 2.])
    >>> sb.shuffle(data).attrs["null"]
    'steps shuffled within trajectories, seed 0'
    """
    validate(dataset)
    generator = np.random.default_rng(seed)
    if neighbours and reverse:
        raise DataError("shuffle: neighbours and reverse are two different orders; ask for one of them.")
    how, words = _permute, "shuffled"
    if neighbours:
        how, words = _swap, "swapped with neighbours"
    if reverse:
        how, words = _reverse, "reversed"
    order = np.tile(np.arange(dataset.sizes["time"]), (dataset.sizes["trajectory"], 1))
    for row, steps in zip(order, dataset["n_steps"].values, strict=True):
        blocks = np.arange(steps) // block
        rank = how(generator, int(blocks[-1]) + 1)
        row[:steps] = np.lexsort((np.arange(steps), rank[blocks]))
    result = dataset.assign({name: reordered(dataset.variables[name], order) for name in _along(dataset)})
    units = "steps" if block == 1 else f"blocks of {block} steps"
    chance = "" if reverse else f", seed {seed}"
    return result.assign_attrs(null=f"{units} {words} within trajectories{chance}")


@checked
def shuffle_within(dataset: xr.Dataset, seed: Seed = 0) -> xr.Dataset:
    """Permute the steps within each trajectory, as :func:`shuffle` does where nothing more is asked.

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

    See Also
    --------
    sdebayes.shuffle : Other changes of order.

    Examples
    --------
    >>> data = sb.trajectories([np.arange(6.0)[:, None]])
    >>> sb.data.shuffle_within(data, seed=1).identical(sb.shuffle(data, seed=1))
    True
    """
    return shuffle(dataset, seed)


@checked
def shuffle_across(dataset: xr.Dataset, seed: Seed = 0) -> xr.Dataset:
    """Permute the steps over all trajectories.

    Neither order nor membership survives; lengths and times stay where they are. Texts and missing values move with
    their step.

    All steps are read into memory. Shuffle the few states of embeddings on disk rather than the embeddings: a
    projection maps each step by itself, so that the states are the same.

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

    See Also
    --------
    sdebayes.shuffle : Steps stay in their trajectory.

    Examples
    --------
    >>> data = sb.trajectories([np.arange(3.0)[:, None], np.arange(10.0, 14.0)[:, None]])
    >>> mixed = sb.data.shuffle_across(data)
    >>> mixed["n_steps"].values.tolist()
    [3, 4]
    >>> sorted(mixed["y"].values[np.isfinite(mixed["y"])].tolist())
    [0.0, 1.0, 2.0, 10.0, 11.0, 12.0, 13.0]
    """
    validate(dataset)
    present = np.arange(dataset.sizes["time"]) < dataset["n_steps"].values[:, None]
    order = np.random.default_rng(seed).permutation(int(present.sum()))
    result = dataset.copy()
    for name in _along(dataset):
        values = read(dataset.variables[name]).copy()
        values[present] = values[present][order]
        result[name] = dataset[name].variable.copy(data=values)
    return validate(result.assign_attrs(null=f"steps shuffled across trajectories, seed {seed}"))


def _permute(generator: np.random.Generator, count: int) -> Rank:
    return generator.random(count)


def _swap(generator: np.random.Generator, count: int) -> Rank:
    """Exchange neighbours, from the first on or from the second; of two there is one pair only."""
    order = np.arange(count)
    first = int(generator.integers(2)) if count > 2 else 0
    pairs = np.arange(first, count - 1, 2)
    order[pairs], order[pairs + 1] = pairs + 1, pairs
    return order


def _reverse(generator: np.random.Generator, count: int) -> Rank:
    return np.arange(count)[::-1]


def _along(dataset: xr.Dataset) -> list[str]:
    """Name the variables that go along the steps, but for the times."""
    return [
        str(name)
        for name, variable in dataset.data_vars.items()
        if name != "t" and variable.dims[:2] == ("trajectory", "time")
    ]
