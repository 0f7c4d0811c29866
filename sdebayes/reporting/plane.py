"""What is computed, once, of the fit of a nonlinear drift to two states."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from sdebayes._core.once import once
from sdebayes.analysis import phase_space
from sdebayes.inference.findings import Findings
from sdebayes.posterior import Posterior

FIXED_POINT_DRAWS, PORTRAIT_DRAWS, SMOOTHED_DRAWS = 200, 100, 8
DENSITY_DRAWS, DENSITY_POINTS = 40, 51


@dataclass(frozen=True)
class Plane:
    """A fit to two states, and what is drawn of it.

    Parameters
    ----------
    posterior
        The fit.
    """

    posterior: Posterior

    @property
    @once
    def data(self) -> xr.Dataset:
        """What it was fitted to."""
        return self.posterior.training_data()

    @property
    @once
    def paths(self) -> xr.Dataset:
        """Their paths: smoothed where there is noise or a level, else the data themselves."""
        model = self.posterior.model
        seen = model.likelihood.states_observed and not model.levels
        return self.data if seen else self.posterior.smooth(self.data, samples=SMOOTHED_DRAWS)

    @property
    @once
    def findings(self) -> Findings:
        """What the fit's own checks found."""
        return self.posterior.diagnosis()

    @property
    @once
    def portrait(self) -> xr.Dataset:
        """The drift as a field."""
        return phase_space.portrait(self.posterior, samples=PORTRAIT_DRAWS)

    @property
    @once
    def fixed_points(self) -> xr.Dataset:
        """Zeros of the drift, draw by draw."""
        return phase_space.fixed_points(self.posterior, samples=FIXED_POINT_DRAWS)

    @property
    @once
    def law(self) -> xr.Dataset:
        """The stationary densities of the draws."""
        return phase_space.stationary_density(self.posterior, points=DENSITY_POINTS, samples=DENSITY_DRAWS)

    @property
    @once
    def nullclines(self) -> xr.Dataset:
        """Where each component of the drift vanishes."""
        return phase_space.nullclines(self.posterior, samples=PORTRAIT_DRAWS)
