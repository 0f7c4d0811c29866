"""Densities of trajectories under every draw, as a task that any process can do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from sdebayes._core.interning import interned
from sdebayes._core.precision import scope, single_blas_thread
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood import Observations
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior import compiled


@dataclass(frozen=True, eq=False)
class Densities:
    """What of a posterior scores trajectories.

    Parameters
    ----------
    model
        The model, scaled to data.
    observed
        Its draws, stacked.
    precision
        Of the fit.
    """

    model: SDEModel
    observed: ObservedSDE
    precision: str

    def __call__(self, data: xr.Dataset) -> tuple[np.ndarray, Observations]:
        """Return the log density of each trajectory under each draw, (sample, trajectory), and what was read."""
        with scope(self.precision), single_blas_thread():
            model = interned(self.model)
            observations = model.read(data)
            return compiled.log_density(model.likelihood)(self.observed, observations), observations
