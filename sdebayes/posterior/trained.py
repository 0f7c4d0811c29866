"""The part of a posterior that is about the data that it was fitted to."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes.data.space import StateSpace
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

    def training_data(self) -> xr.Dataset:
        """Return the trajectories the model was fitted to, with covariates of the model, without texts."""
        return training_data(self.data)
