"""What a report is asked for: posterior and data, and the words for them."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from sdebayes._core.units import plural_unit, time_unit
from sdebayes.data import Layers
from sdebayes.posterior import Posterior


@dataclass(frozen=True)
class ReportInputs:
    """Posterior and data, and how they are called.

    Parameters
    ----------
    posterior
        The fit.
    data
        The training trajectories, with texts if there are any.
    test
        Held-out trajectories, or None.
    draws
        Number of posterior draws that are simulated.
    seed
        Seed of shuffles and simulations.
    comparison
        A table of scores that is there already, with this model in its first row.
    plane
        A fit of another drift to two states.
    explorer
        Whether there is a phase portrait to be touched.
    steered
        The log of a text that was steered by this posterior.
    """

    posterior: Posterior
    data: xr.Dataset
    test: xr.Dataset | None
    draws: int
    seed: int
    comparison: xr.Dataset | None = None
    plane: Posterior | None = None
    explorer: bool = False
    steered: xr.Dataset | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups, each with an SDE of its own; none where there is one SDE."""
        return self.posterior.groups

    @property
    def judged(self) -> xr.Dataset:
        """The trajectories that forecasts are judged on: held-out ones if there are any."""
        return self.data if self.test is None else self.test

    @property
    def held_out(self) -> bool:
        """Whether these were held out."""
        return self.test is not None

    @property
    def noun(self) -> str:
        """What a trajectory is called."""
        return "text" if self.has_text else "trajectory"

    @property
    def nouns(self) -> str:
        """The same of several."""
        return "texts" if self.has_text else "trajectories"

    @property
    def step_noun(self) -> str:
        """What a step is called, here as in the figures."""
        return "step"

    @property
    def step_is(self) -> str:
        """What a step is, if the data tell."""
        return str(self.data.attrs.get("step_meaning", ""))

    @property
    def over_depth(self) -> bool:
        """Whether time is the layer of a language model."""
        return self.step_is == Layers().meaning or time_unit(self.data.attrs) == "layer"

    @property
    def time_units(self) -> str:
        """The unit of time, in the plural."""
        return plural_unit(time_unit(self.data.attrs))

    @property
    def has_text(self) -> bool:
        """Whether the steps can be read."""
        return "text" in self.data

    @property
    def noisy(self) -> bool:
        """Whether the observation has noise."""
        return not self.posterior.model.likelihood.states_observed

    @property
    def linear(self) -> bool:
        """Whether the drift is linear."""
        return self.posterior.model.drift.affine

    @property
    def effect(self) -> bool:
        """Whether each trajectory has an offset of its own."""
        return self.posterior.model.observation.trajectory_effect

    @property
    def identity(self) -> bool:
        """Whether the states themselves are observed, with or without noise."""
        return self.posterior.model.observation.observation_matrix is None

    @property
    def two_sided(self) -> bool:
        """Whether a step is judged by all others of its trajectory."""
        return self.noisy and not self.posterior.model.likelihood.approximate
