"""Divide what tells two groups apart into place, level and order, by texts reflected and texts shuffled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from jaxtyping import Float

from sdebayes.data.shuffling import shuffle_within

Ratio = Callable[[xr.Dataset], Float[np.ndarray, " trajectory"]]
"""The log ratio of two densities of each trajectory."""

SHUFFLES = 8


def divided(
    ratio: Ratio,
    data: xr.Dataset,
    middle: Float[np.ndarray, " state"],
    seed: int = 0,
    shuffles: int = SHUFFLES,
) -> Float[np.ndarray, "trajectory part"]:
    r"""Return place, level and order of each trajectory, and their sum, its log ratio.

    With π permutations of steps, and :math:`\bar y = 2m - y` the reflection at the middle m of both groups,

    .. math::
        \mathrm{place} = \tfrac12 \langle r(πy) - r(π\bar y) \rangle_π, \qquad
        \mathrm{level} = \tfrac12 \langle r(πy) + r(π\bar y) \rangle_π, \qquad
        \mathrm{order} = r(y) - \langle r(πy) \rangle_π.

    Parameters
    ----------
    ratio
        The log ratio r.
    data
        Trajectories.
    middle
        Where to reflect.
    seed
        Seed of the permutations.
    shuffles
        How many of them.

    Returns
    -------
    ndarray
        In nats. Parts are NaN where a trajectory in some order, or reflected, is impossible under a density.

    Notes
    -----
    Let the groups be normal with means :math:`m ± δ` and precisions :math:`Q_1, Q_2`, and :math:`\bar Q` averages over
    permutations. With z = y − m, place is :math:`z^⊤ (\bar Q_1 + \bar Q_2) δ`, linear, and level, but for a constant,
    :math:`-\tfrac12 z^⊤ (\bar Q_1 - \bar Q_2) z`, quadratic: groups of one covariance have no level, and groups of one
    mean no place. From the second group to the first the mean of place rises by
    :math:`2 δ^⊤ (\bar Q_1 + \bar Q_2) δ ≥ 0`, that of level by 0 where means alone differ, and that of order by 0 where
    what differs is means and such covariances as no permutation changes.
    """
    twice = xr.DataArray(2 * middle, dims="state")
    plain, reflected = np.zeros((2, data.sizes["trajectory"]))
    with np.errstate(invalid="ignore"):
        for number in range(shuffles):
            other = shuffle_within(data, seed + number)
            plain += ratio(other) / shuffles
            reflected += ratio(other.assign(y=-(other["y"] - twice))) / shuffles
    total, known = ratio(data), np.isfinite(plain + reflected)
    plain, reflected = (np.where(known, one, np.nan) for one in (plain, reflected))
    return np.stack([(plain - reflected) / 2, (plain + reflected) / 2, total - plain, total], axis=1)
