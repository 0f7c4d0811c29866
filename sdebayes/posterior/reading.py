"""What of its data a fit reads: all of them in memory, or sums or parts of all and some as examples."""

from __future__ import annotations

from typing import NamedTuple

import xarray as xr

from sdebayes._core.memory import COPIES, check_room
from sdebayes.data.blocks import is_lazy, parts, shuffled_pieces, some
from sdebayes.data.validation import check_states, refuse_short, validate
from sdebayes.inference import AbstractStrategy
from sdebayes.inference.minibatches.parts import Pieces, StreamedParts
from sdebayes.inference.sufficient_statistics import Reading, streamed_program
from sdebayes.likelihood import Observations
from sdebayes.model.sdemodel import SDEModel


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
    sums, parts
        What stands for all trajectories where these are only some: sums, or all of them, to be read in parts.
    pieces
        Trajectories that are read at once where an order is drawn.
    attributes
        Kept with the posterior.
    """

    model: SDEModel
    data: xr.Dataset
    observations: Observations
    sums: Reading | None = None
    parts: StreamedParts | None = None
    pieces: Pieces | None = None
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
        if (
            found is None
            and strategy.reads_parts
            and not (model.covariates or model.parts_by_group or model.regimes)
        ):
            found = _read_parts(model, data)
        if found is not None:
            return found
        check_room(
            COPIES * 8 * data["y"].size,
            "This fit reads the trajectories themselves, all of them. Fit some of them, data.isel(trajectory=...), or "
            "a linear drift behind normal noise by sdebayes.NUTS(), which reads sums where documents share their "
            "times, or any model without groups, covariates and regimes by sdebayes.SVI(batch=...) or "
            "sdebayes.Laplace(), which read parts.",
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
    return ReadData(scaled, data, observations, pieces=shuffled_pieces(data))


def _read_sums(model: SDEModel, data: xr.Dataset) -> ReadData | None:
    refuse_short(validate(data))
    read = _read(model, some(data))
    sums = streamed_program(read.model, data, read.observations)
    if sums is None:
        return None
    return read._replace(sums=sums, attributes=_kept(read, data))


def _read_parts(model: SDEModel, data: xr.Dataset) -> ReadData:
    refuse_short(validate(data))
    read, pieces = _read(model, some(data)), shuffled_pieces(data)
    parts = StreamedParts.of(read.model, data, pieces)
    return read._replace(parts=parts, pieces=pieces, attributes=_kept(read, data))


def _kept(read: ReadData, data: xr.Dataset) -> dict[str, str]:
    return {"kept_trajectories": f"{read.data.sizes['trajectory']:,} of {data.sizes['trajectory']:,}"}
