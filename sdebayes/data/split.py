"""Training and test sets: whole trajectories on either side."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Seed
from sdebayes.data.container import validate


@checked
def split(dataset: xr.Dataset, test: float | int = 0.25, seed: Seed = 0) -> tuple[xr.Dataset, xr.Dataset]:
    """Divide the trajectories at random into a training and a test set.

    Parameters
    ----------
    dataset
        At least two trajectories.
    test
        How many trajectories to test on: a whole number of them, or a fraction below 1 (rounded, at least one
        trajectory on each side).
    seed
        The same seed gives the same division.

    Returns
    -------
    (xr.Dataset, xr.Dataset)
        Training and test set, each in the order of the data set and padded to the length of the whole set.

    Raises
    ------
    DataError
        If either side would be empty, or ``seed`` is no whole number, 0 or more.

    See Also
    --------
    sdebayes.cross_validate : Holds out each trajectory in turn.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well", 50, 0.1, n_trajectories=8)
    >>> train, test = sb.split(data, test=0.25, seed=0)
    >>> train.sizes["trajectory"], test.sizes["trajectory"]
    (6, 2)
    """
    validate(dataset)
    count = dataset.sizes["trajectory"]
    if count < 2:
        raise DataError("The data set has 1 trajectory; a split by trajectory needs at least 2.")
    chosen = np.random.default_rng(seed).permutation(count)[: _test_count(test, count)]
    held_out = np.isin(np.arange(count), chosen)
    return dataset.isel(trajectory=~held_out), dataset.isel(trajectory=held_out)


def _test_count(test: float | int, count: int) -> int:
    if isinstance(test, int | np.integer) and not isinstance(test, bool) and 1 <= test < count:
        return int(test)
    if isinstance(test, float | np.floating) and 0 < test < 1:
        return min(max(round(float(test) * count), 1), count - 1)
    raise DataError(
        f"test={test!r} of {count} trajectories; expected a whole number from 1 to {count - 1} "
        "or a fraction between 0 and 1."
    )
