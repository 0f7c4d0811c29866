"""Scores of trajectories with names, and whether trajectories are of the space that they are scored in."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import xarray as xr
from scipy.special import logsumexp

from sdebayes._core.errors import StateSpaceError
from sdebayes.data.validation import feature_dim
from sdebayes.likelihood.arrays import Observations


def check_space(data: xr.Dataset, mine: str | None) -> None:
    """Raise a StateSpaceError unless the data are in the state space of this hash; None: they came as arrays."""
    feature_dim(data)
    theirs = data.attrs.get("space_hash")
    if mine != theirs:
        raise StateSpaceError(
            f"The data are in the state space {theirs or 'none (arrays)'}, the fit is in {mine or 'none (arrays)'}; "
            "scores and states compare only within one. Transform the data with the StateSpace of the training data."
        )


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
