"""Arrays computed along trajectories, put back on the grid of their data set with named dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.units import with_units
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood import Observations
from sdebayes.model.sdemodel import SDEModel


class TrajectoryGrid:
    """Where each step that the likelihood reads stands in its data set.

    Parameters
    ----------
    model
        The model.
    data
        The data set.
    observations
        What the model read of it; exact observation leaves out steps without a value.
    """

    def __init__(self, model: SDEModel, data: xr.Dataset, observations: Observations) -> None:
        self.model, self.data, self.observations = model, data, observations
        self.shape = data["t"].shape
        inside = np.arange(self.shape[1]) < data["n_steps"].values[:, None]
        if model.likelihood.states_observed:
            inside &= np.isfinite(data["y"].values).any(-1)
        self.rows, self.columns = np.nonzero(inside)
        self.read_columns = (np.cumsum(inside, axis=1) - 1)[self.rows, self.columns]

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Put (sample, trajectory, read step, ...) on (sample, trajectory, time, ...), NaN elsewhere."""
        grid = np.full((values.shape[0], *self.shape, *values.shape[3:]), np.nan, dtype=values.dtype)
        grid[:, self.rows, self.columns] = values[:, self.rows, self.read_columns]
        return grid

    def _coords(self, chosen: np.ndarray, dim: str, labels: Any) -> dict[str, Any]:
        return {
            "sample": chosen,
            "trajectory": self.data["trajectory"].values,
            "t": (("trajectory", "time"), self.data["t"].values),
            dim: labels,
            f"{dim}_bis": labels,
        }

    def one_step(
        self, mean: np.ndarray, covariance: np.ndarray, chosen: np.ndarray, attrs: Mapping[str, object]
    ) -> xr.Dataset:
        """Label the laws of each observation given those before it."""
        dim = "state" if self.model.observation.observation_matrix is None else "observed"
        lead = ("sample", "trajectory", "time")
        variables = {
            "mean": ((*lead, dim), self.spread(mean)),
            "covariance": ((*lead, dim, f"{dim}_bis"), self.spread(covariance)),
        }
        return with_units(
            xr.Dataset(variables, self._coords(chosen, dim, self.data["state"].values), attrs),
            mean="state",
            covariance="state²",
        )

    def smoothed(
        self,
        drawn: ObservedSDE,
        mean: np.ndarray,
        covariance: np.ndarray,
        chosen: np.ndarray,
        attrs: Mapping[str, object],
    ) -> xr.Dataset:
        """Label the laws of the latent path and of the trajectory effect given whole trajectories, and the level."""
        states = list(self.model.frozen_scale.states)
        n, lead = len(states), ("sample", "trajectory")
        variables: dict[str, Any] = {
            "x": ((*lead, "time", "state"), self.spread(mean[..., :n])),
            "x_covariance": ((*lead, "time", "state", "state_bis"), self.spread(covariance[..., :n, :n])),
        }
        if self.model.observation.trajectory_effect:
            variables["trajectory_effect"] = ((*lead, "state"), mean[:, :, 0, n:])
            variables["trajectory_effect_covariance"] = (
                (*lead, "state", "state_bis"),
                covariance[:, :, 0, n:, n:],
            )
        if drawn.level_slopes is not None:
            terms, group = np.asarray(self.observations.level_terms), self.observations.group
            slopes = np.asarray(drawn.level_slopes)
            slopes = slopes[:, None] if group is None else slopes[:, np.asarray(group)]
            level = terms @ slopes
            variables["level"] = ((*lead, "time", "state"), self.spread(level))
        return with_units(
            xr.Dataset(variables, self._coords(chosen, "state", states), attrs),
            x="state",
            level="state",
            x_covariance="state²",
            trajectory_effect="state",
            trajectory_effect_covariance="state²",
        )
