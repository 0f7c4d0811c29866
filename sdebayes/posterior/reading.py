"""What of its data a fit reads: all of them in memory, or sums over all and some as examples."""

from __future__ import annotations

from typing import NamedTuple

import xarray as xr

from sdebayes._core.memory import COPIES, check_room
from sdebayes.data.blocks import is_lazy, parts, some
from sdebayes.data.validation import check_states, refuse_short, validate
from sdebayes.inference import AbstractStrategy
from sdebayes.inference.sufficient_statistics import Reading, streamed_program
from sdebayes.likelihood import Observations
from sdebayes.model.sdemodel import SDEModel

KEPT = 2**18
"""Numbers of lazy data that a fit to sums over them keeps as examples."""


class ReadData(NamedTuple):
    """A model with the data that it is fitted to.

    Attributes
    ----------
    model
        Scaled to the data.
    data
        All trajectories, or those that are kept.
    observations
        These, as the model reads them.
    sums
        What stands for all trajectories where these are only some.
    attributes
        Kept with the posterior.
    """

    model: SDEModel
    data: xr.Dataset
    observations: Observations
    sums: Reading | None = None
    attributes: dict[str, str] = {}  # noqa: RUF012 - never changed


def read_for(strategy: AbstractStrategy, model: SDEModel, data: xr.Dataset) -> ReadData:
    """Read data as a strategy needs them.

    Parameters
    ----------
    strategy
        How the model is fitted.
    model
        The model.
    data
        Trajectories.

    Raises
    ------
    DataError
        If the data are not valid, or must be held in memory and there is no room for them.
    """
    if _large(data):
        found = _read_sums(model, data) if strategy.reads_sums else None
        if found is not None:
            return found
        check_room(
            COPIES * 8 * data["y"].size,
            "This fit reads the trajectories themselves, all of them. Fit some of them, data.isel(trajectory=...), or "
            "a linear drift behind normal noise by sdebayes.NUTS(), which reads sums where documents share their "
            "times.",
        )
    return _read(model, data)


def _large(data: xr.Dataset) -> bool:
    """Whether data are on the disk, and more than are read at once."""
    y = data.variables.get("y")
    return y is not None and y.ndim == 3 and is_lazy(y) and len(parts(data)) > 1


def _read(model: SDEModel, data: xr.Dataset) -> ReadData:
    scaled = model.scaled_to(data)
    observations = scaled.read(data)
    check_states(data)
    return ReadData(scaled, data, observations)


def _read_sums(model: SDEModel, data: xr.Dataset) -> ReadData | None:
    refuse_short(validate(data))
    read = _read(model, some(data, KEPT))
    sums = streamed_program(read.model, data, read.observations)
    if sums is None:
        return None
    kept = f"{read.data.sizes['trajectory']:,} of {data.sizes['trajectory']:,}"
    return read._replace(sums=sums, attributes={"kept_trajectories": kept})
