"""Means and second moments of steps, in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sdebayes.data.blocks import Block

Steps = Float[np.ndarray, "_ embedding"]


@dataclass(frozen=True)
class Moments:
    """What principal components need of steps.

    Attributes
    ----------
    count
        How many steps there are.
    mean
        (embedding,).
    scatter
        (embedding, embedding), the sum over steps of (x − mean)(x − mean)ᵀ.
    """

    count: int
    mean: Float[np.ndarray, " embedding"]
    scatter: Float[np.ndarray, "embedding embedding"]


def complete(blocks: Iterable[Block]) -> Iterator[Steps]:
    """Go through the steps without a missing value."""
    return (block.complete() for block in blocks)


def moments(parts: Iterable[Steps], width: int) -> Moments:
    r"""Sum up steps of so many dimensions, part by part, each about its own mean.

    Parts of n and m steps with means a and b have together the scatter
    :math:`S_n + S_m + \frac{nm}{n+m} (a-b)(a-b)^\top` (Chan, Golub & LeVeque 1983, doi:10.1080/00031305.1983.10483115),
    in which no digits are lost where the mean is far from 0.
    """
    count, mean, scatter = 0, np.zeros(width), np.zeros((width, width))
    for steps in parts:
        if not len(steps):
            continue
        rows = np.empty((len(steps) + 1, width))
        centred, between = rows[:-1], rows[-1]
        np.subtract(steps, steps[0], out=centred)  # exactly 0 in a dimension that never changes
        own = centred.mean(axis=0)
        centred -= own
        shift, share = steps[0] + own - mean, len(steps) / (count + len(steps))
        between[:] = np.sqrt(count * share) * shift
        scatter += rows.T @ rows
        mean += share * shift
        count += len(steps)
    return Moments(count, mean, scatter)


def root(parts: Iterable[Steps], width: int) -> Float[np.ndarray, "row embedding"]:
    """Return rows whose second moments about 0 are those of all steps, from which small ones are read exactly.

    Parameters
    ----------
    parts
        Steps, part by part.
    width
        Of so many dimensions.

    Returns
    -------
    np.ndarray
        The steps themselves if they are few, else the triangular factor of a QR decomposition of them.
    """
    rows = np.zeros((0, width))
    for steps in parts:
        rows = np.concatenate([rows, steps])
        if len(rows) > 2 * width:
            rows = np.linalg.qr(rows, mode="r")
    return rows
