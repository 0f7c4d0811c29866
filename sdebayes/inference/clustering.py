"""Whether some of the draws lie together: divergences that do point at a place that the sampler cannot enter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float
from scipy.stats import norm, rankdata

FEWEST = 3
_SUBSETS = 1_000
_ROOM = 2**22


class Cluster(NamedTuple):
    """Where chosen draws lie together.

    Attributes
    ----------
    name
        The parameter along which they lie farthest from the others.
    high
        Whether they lie above the others there, or below.
    p_value
        How often as many draws taken by chance lie so far off in any parameter.
    """

    name: str
    high: bool
    p_value: float


def cluster(posterior: xr.Dataset, chosen: Bool[np.ndarray, "chain draw"], seed: int = 0) -> Cluster | None:
    r"""Test whether chosen draws lie together, by the mean of their normal scores in the parameter where it is largest.

    .. math:: T = \max_j \Bigl| \frac{1}{k} \sum_{s \in \mathcal{S}} z_{sj} \Bigr|, \qquad
              z_{sj} = Φ^{-1}\Bigl(\frac{\mathrm{rank}_{sj} - 1/2}{S}\Bigr),

    beside the same of 1,000 sets or more of k draws taken by chance.

    Parameters
    ----------
    posterior
        Parameters over (chain, draw, …).
    chosen
        Which draws, (chain, draw).
    seed
        Seed of the sets taken by chance.

    Returns
    -------
    Cluster or None
        None of fewer than three draws, which cannot be told from chance.
    """
    own = np.flatnonzero(chosen.reshape(-1))
    if own.size < FEWEST:
        return None
    names, scores = _normal_scores(posterior)
    mean = scores[own].mean(axis=0)
    j = int(np.abs(mean).argmax())
    generator = np.random.default_rng(seed)
    block = max(1, min(_SUBSETS, _ROOM // (own.size * scores.shape[1])))
    largest = [
        np.abs(scores[generator.integers(len(scores), size=(block, own.size))].mean(axis=1)).max(axis=1)
        for _ in range(-(-_SUBSETS // block))
    ]
    by_chance = np.concatenate(largest)
    beyond = int((by_chance >= abs(mean[j])).sum())
    return Cluster(names[j], bool(mean[j] > 0), (beyond + 1) / (len(by_chance) + 1))


def _normal_scores(posterior: xr.Dataset) -> tuple[list[str], Float[np.ndarray, "sample parameter"]]:
    """Return every scalar parameter's name and its draws' normal scores, those that do not move left out."""
    names, columns = [], []
    for name, array in posterior.items():
        values = array.transpose("chain", "draw", ...).values
        for column in values.reshape(values.shape[0] * values.shape[1], -1).T:
            if np.isfinite(column).all() and np.ptp(column) > 0:
                names.append(str(name))
                columns.append(norm.ppf((rankdata(column) - 0.5) / column.size))
    if not columns:
        return [""], np.zeros((posterior.sizes["chain"] * posterior.sizes["draw"], 1))
    return names, np.stack(columns, axis=1)
