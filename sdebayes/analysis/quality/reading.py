"""Bring data into the state space of a posterior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from sdebayes._core.errors import StateSpaceError
from sdebayes.data.validation import feature_dim
from sdebayes.simulation.source import SourceLike

MOST_DRAWS = 100


def in_space(posterior: SourceLike, data: xr.Dataset) -> xr.Dataset:
    """Return states as they are, and embeddings as states of the posterior's space.

    Raises
    ------
    StateSpaceError
        If embeddings have no place in it: it has no space, or they are of another encoder.
    """
    if feature_dim(data) == "state":
        return data
    space = getattr(posterior, "space", None)
    if space is None:
        raise StateSpaceError(
            "The data are embeddings, and the posterior was fitted to arrays, in which they have no place; give states."
        )
    mine, theirs = (str(attrs.get("encoder", "")) for attrs in (attributes_of(posterior), data.attrs))
    if mine and theirs and mine != theirs:
        raise StateSpaceError(
            f"The posterior's texts were embedded by {mine!r} and these by {theirs!r}; embed them by the same encoder."
        )
    states: xr.Dataset = space.transform(data)
    return states


def attributes_of(posterior: SourceLike) -> Mapping[Any, Any]:
    """Return what a posterior's tree says of itself; nothing of a known SDE."""
    found: Mapping[Any, Any] = getattr(getattr(posterior, "data", None), "attrs", {})
    return found
