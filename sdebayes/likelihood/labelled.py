"""Scores of trajectories with names, and whether trajectories are of the space that they are scored in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.special import logsumexp

from sdebayes._core.errors import StateSpaceError
from sdebayes._core.tasks import each
from sdebayes.data.blocks import parts
from sdebayes.data.validation import feature_dim, validate
from sdebayes.likelihood.arrays import Observations

MOST_TERMS = 2**24
"""Densities that are held at once, one of each draw for each trajectory, where data are read a block at a time."""

Densities = Callable[[xr.Dataset], tuple[np.ndarray, Observations]]
"""From data to the log density of each trajectory under each draw, (sample, trajectory), and what was read."""


def check_space(data: xr.Dataset, mine: str | None) -> None:
    """Raise a StateSpaceError unless the data are in the state space of this hash; None: they came as arrays."""
    feature_dim(data)
    theirs = data.attrs.get("space_hash")
    if mine != theirs:
        raise StateSpaceError(
            f"The data are in the state space {_named(theirs)}, the fit is in {_named(mine)}; "
            "scores and states compare only within one. Transform the data with the StateSpace of the training data."
        )


def _named(space_hash: str | None) -> str:
    return "none (arrays)" if space_hash is None else f"{space_hash[:16]}…"


class _Scored(NamedTuple):
    """What every block of a data set is scored with."""

    densities: Densities
    data: xr.Dataset


def scores(densities: Densities, data: xr.Dataset, draws: int, attrs: Mapping[str, object]) -> xr.DataArray:
    """Average densities over draws and label them, as `labelled_scores`; lazy data a block of trajectories at a time.

    Parameters
    ----------
    densities
        What is averaged; of lazy data it is sent to other processes.
    data
        The data set.
    draws
        Their number.
    attrs
        Where the scores come from.
    """
    slices = parts(data, max(1, MOST_TERMS // draws))
    if len(slices) == 1:
        terms, observations = densities(data)
        return labelled_scores(terms, data, observations, attrs)
    found: dict[slice, xr.DataArray] = {}
    each(_block_scores, _Scored(densities, validate(data)), slices, found.__setitem__)
    return xr.concat([found[part] for part in slices], "trajectory").assign_attrs(units="nat", **attrs)


def _block_scores(scored: _Scored, part: slice) -> xr.DataArray:
    block = scored.data.isel(trajectory=part).assign_attrs(min_steps=1)  # the whole has been checked
    terms, observations = scored.densities(block)
    return labelled_scores(terms, block, observations, {})


def labelled_scores(
    terms: np.ndarray, data: xr.Dataset, observations: Observations, attrs: Mapping[str, object]
) -> xr.DataArray:
    """Average densities over draws and label them.

    Parameters
    ----------
    terms
        Log density of each trajectory under each draw, (sample, trajectory).
    data
        The data set.
    observations
        What was read of it.
    attrs
        Where the scores come from.

    Returns
    -------
    xr.DataArray
        (trajectory,), in nats, with the observed numbers and steps as coords.
    """
    seen = np.asarray(observations.seen)
    coords = {
        "trajectory": data["trajectory"].values,
        "n_scalars": ("trajectory", seen.sum((1, 2))),
        "n_observed": ("trajectory", seen.any(-1).sum(-1)),
    }
    scores = logsumexp(terms, axis=0) - math.log(len(terms))
    return xr.DataArray(scores, coords, ("trajectory",), "log_score", {"units": "nat", **attrs})
