"""How much of long data a chapter computes with, so that memory holds what it makes of them."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.draws import MEMORY_LIMIT, evenly_spread

_FEWEST_STEPS, _FEWEST_TRAJECTORIES = 50, 10
"""Steps of a trajectory that are kept before trajectories are left out, and trajectories that are kept in any case."""


def beginnings(data: xr.Dataset, bytes_per_step: int) -> xr.Dataset:
    """Return the first steps of each trajectory: as many as leave one array below a GiB.

    Parameters
    ----------
    data
        Trajectories.
    bytes_per_step
        Of an array with an entry for each trajectory and step, with padding.

    Returns
    -------
    xarray.Dataset
        The data themselves where they are short enough; else the first steps of all trajectories, at least 50, or of
        at least ten evenly spread ones.
    """
    most = MEMORY_LIMIT // bytes_per_step
    count, steps = data.sizes["trajectory"], int(data["n_steps"].max())
    fewest = min(steps, _FEWEST_STEPS)
    kept = min(count, max(most // fewest, _FEWEST_TRAJECTORIES))
    length = min(steps, max(most // kept, fewest))
    chosen = data.isel(trajectory=evenly_spread(count, kept), time=slice(length))
    return chosen.assign(n_steps=np.minimum(chosen["n_steps"], length))


def fewer_draws(most: int, states: int) -> int:
    """Return how many draws to take: of more than 16 states down to a sixth, as covariances take the memory."""
    return int(np.clip(most * 256 // states**2, min(most, max(2, most // 6)), most))


def said_of(chosen: xr.Dataset, data: xr.Dataset, nouns: str) -> str:
    """Say which part of the data was taken; nothing where it was all."""
    if int(chosen["n_steps"].sum()) == int(data["n_steps"].sum()):
        return ""
    part = f"Of long {nouns} the first {int(chosen['n_steps'].max())} steps were taken"
    left_out = data.sizes["trajectory"] - chosen.sizes["trajectory"]
    return f"{part}, and {left_out} {nouns} were left out. " if left_out else f"{part}. "
