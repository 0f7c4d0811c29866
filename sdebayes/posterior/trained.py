"""The part of a posterior that is about the data that it was fitted to."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import StateSpaceError
from sdebayes._core.units import UNNAMED, time_unit
from sdebayes.data.space import StateSpace
from sdebayes.likelihood.labelled import check_space
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior.packing import training_data, training_points, training_scale
from sdebayes.priors.base import DataScale


@checked
class Trained:
    """The part of a posterior that is about the data that it was fitted to.

    Attributes
    ----------
    model
        The model, its prior constants frozen as numbers.
    data
        The tree of the posterior.
    """

    model: SDEModel
    data: xr.DataTree

    @property
    def region(self) -> np.ndarray:
        """Middle and half-width of the box that the training data fill, (2, state)."""
        return np.stack([self.training_scale.location, self.training_scale.extent])

    @cached_property
    def training_points(self) -> np.ndarray | None:
        """States of the training data, noise included, at most 20,000 of them evenly over all steps, (point, state).

        None where no step has all its states.
        """
        points = training_points(self.data, self.model)
        return points if len(points) else None

    @cached_property
    def training_scale(self) -> DataScale:
        """Mean, spread, extent and step of the training data, which the prior need not have been scaled to."""
        return training_scale(self.data, self.model)

    @property
    def space_hash(self) -> str | None:
        """Hash of the state space of the data, None for data that came as arrays."""
        return self.data.attrs.get("space_hash")

    @cached_property
    def space(self) -> StateSpace | None:
        """The state space that the fit is in, to transform embeddings with; None for data that came as arrays."""
        if self.space_hash is None:
            return None
        return StateSpace.from_dataset(self.data["constant_data"].to_dataset())

    def check_alike(self, data: xr.Dataset) -> None:
        """Check that trajectories are in the state space, of the states and in the unit of time of the training data.

        Raises
        ------
        StateSpaceError
            If they are not.
        DataError
            If the data are no trajectories.
        """
        check_space(data, self.space_hash)
        y = self.data["observed_data"].to_dataset()["y"]
        mine, theirs = (list(map(str, one)) for one in (y[y.dims[-1]].values, data["state"].values))
        if mine != theirs and len(mine) == len(theirs):
            raise StateSpaceError(
                f"The data have the states {', '.join(theirs[:8])}; the fit is to {', '.join(mine[:8])}. Give the same "
                "columns in the same order; where only their names differ, data.assign_coords(state=[...])."
            )
        units = [time_unit(attrs) for attrs in (data.attrs, self.data.attrs)]
        if len({*units} - {UNNAMED}) > 1:
            raise StateSpaceError(
                f"The times of the data are in units of {units[0]}, those of the fit in {units[1]}; convert t, and say "
                f"so: sdebayes.trajectories(..., t=, time_unit={units[1]!r})."
            )

    def training_data(self) -> xr.Dataset:
        """Return the trajectories the model was fitted to, with covariates of the model, without texts."""
        return training_data(self.data)
