"""What the chapters are written from: posterior, data, and what is computed of them once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float

from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.once import once
from sdebayes.analysis import fields, forecasts, summarize
from sdebayes.analysis.calibration import coverage
from sdebayes.analysis.contrast import overview
from sdebayes.analysis.contrast.overview import Row, rows
from sdebayes.analysis.moments import mask_like, moments
from sdebayes.analysis.phase_space import fixed_points, matched, portrait, without_effect
from sdebayes.analysis.process import properties
from sdebayes.analysis.process.fit_tests import REPLICATES
from sdebayes.analysis.quality.examined import steps_in_numbers
from sdebayes.inference.findings import Findings
from sdebayes.posterior import compare, forecast, replicate
from sdebayes.reporting.beginnings import beginnings, fewer_draws, said_of
from sdebayes.reporting.handed_in import check_first_row
from sdebayes.reporting.inputs import ReportInputs
from sdebayes.reporting.plane import FIXED_POINT_DRAWS, PORTRAIT_DRAWS, SMOOTHED_DRAWS, Plane
from sdebayes.reporting.times import same_times
from sdebayes.simulation import simulate
from sdebayes.simulation.source import of_groups

FORECAST_DRAWS = 50
FARTHEST, HORIZON_DRAWS = 10, 25
SIDE_BY_SIDE = 4
"""Arrays of forecasts, or of replicates, that are held at once."""


@dataclass(frozen=True)
class ReportContext(ReportInputs):
    """The same with everything that more than one chapter needs, computed once."""

    @property
    @once
    def forecast_of(self) -> xr.Dataset:
        """The judged trajectories; of long ones the beginnings."""
        return beginnings(self.judged, SIDE_BY_SIDE * self.forecast_draws * self._covariance)

    @property
    def forecast_draws(self) -> int:
        """Number of draws by which they are forecast."""
        return fewer_draws(FORECAST_DRAWS, self.data.sizes["state"])

    @property
    def _covariance(self) -> int:
        """Bytes of one."""
        return 8 * self.data.sizes["state"] ** 2

    @property
    @once
    def findings(self) -> Findings:
        """What the fit's own checks found."""
        return self.posterior.diagnosis()

    @property
    @once
    def table(self) -> xr.Dataset | None:
        """Scores of held-out trajectories beside those of the nulls; None without any, or with one only."""
        if self.comparison is not None:
            return self.comparison
        if self.test is None or self.test.sizes["trajectory"] < 2:
            return None
        return compare({"this model": self.posterior}, self.test)

    @property
    @once
    def own_scores(self) -> Float[np.ndarray, " trajectory"]:
        """Log scores of this model; a table that was handed in must have them in its first row."""
        if self.comparison is None and self.table is not None:
            scores: np.ndarray = self.table["log_score"].isel(candidate=0).values
            return scores
        own: np.ndarray = self.posterior.log_score(self.judged).values
        if self.comparison is not None:
            check_first_row(self.comparison, own)
        return own

    @property
    @once
    def differences(self) -> xr.Dataset | None:
        """What differs between groups, draw by draw; None where nothing that has a name can differ."""
        try:
            return overview(self.posterior, seed=self.seed)
        except ModelError:
            return None

    @property
    @once
    def group_rows(self) -> list[Row]:
        """The same in intervals and words."""
        return [] if self.differences is None else rows(self.differences)

    @property
    @once
    def time_constants(self) -> dict[str, xr.DataArray]:
        """Time constants of each group, with their intervals."""
        return {
            name: summarize(fields.jacobian_spectrum(source)[["time_constant"]].isel(point=0))[
                "time_constant"
            ]
            for name, source in of_groups(self.posterior).items()
        }

    @property
    @once
    def spectrum(self) -> xr.Dataset:
        """Eigenvalues of the drift's Jacobian at the reference state."""
        return fields.jacobian_spectrum(self.posterior)

    @property
    @once
    def prior_spectrum(self) -> xr.Dataset:
        """The same of draws of the prior, at the same place."""
        prior = self.posterior.draw_prior(seed=self.seed)
        return fields.jacobian_spectrum(prior, self.spectrum["place"].values)

    @property
    @once
    def fixed_points(self) -> xr.Dataset:
        """Zeros of a nonlinear drift, draw by draw."""
        return fixed_points(self.posterior, samples=FIXED_POINT_DRAWS)

    @property
    @once
    def attractors(self) -> xr.Dataset:
        """Stable fixed points that draws of a nonlinear drift have in common."""
        found = matched(self.fixed_points)
        return found.isel(fixed_point=found["stable"].values)

    @property
    @once
    def portrait(self) -> xr.Dataset:
        """The drift as a field of the first two states."""
        return portrait(self.posterior, samples=PORTRAIT_DRAWS)

    @property
    @once
    def in_plane(self) -> Plane | None:
        """What is drawn of the fit to two states, if there is one."""
        return None if self.plane is None else Plane(self.plane)

    @property
    @once
    def predicted(self) -> xr.Dataset:
        """One-step forecasts of the trajectories that are forecast."""
        return self.posterior.predict(self.forecast_of, samples=self.forecast_draws)

    @property
    @once
    def horizons(self) -> xr.Dataset | None:
        """Scores of forecasts of held-out trajectories beside simple ones, by horizon; None where there are too few."""
        if self.test is None or not self.identity:
            return None
        if int((self.test["n_steps"] >= 3).sum()) < 2:
            return None
        draws = fewer_draws(HORIZON_DRAWS, self.data.sizes["state"])
        test = beginnings(self.test, draws * FARTHEST * self._covariance)
        farthest = min(FARTHEST, int(np.sort(test["n_steps"].values)[-2]) // 2)
        ahead = forecast(self.posterior, test, horizon=farthest, samples=draws)
        simple = forecasts.reference_forecasts(ahead, test, self.data)
        found = forecasts.by_horizon({"model": ahead, **simple}, test, seed=self.seed)
        return found.assign_attrs(part=said_of(test, self.test, self.nouns))

    @property
    @once
    def pit(self) -> xr.DataArray:
        """Their probability integral transforms."""
        return forecasts.pit(self.predicted, self.forecast_of)

    @property
    @once
    def surprise(self) -> xr.Dataset:
        """How surprising each judged step is: between all others where one pass tells, else after those before it."""
        return steps_in_numbers(self.posterior, self.judged, self.two_sided, FORECAST_DRAWS)

    def coverage(self, nominal: float) -> xr.Dataset:
        """How often forecast intervals held what came, for each state."""
        return coverage(self.pit, nominal)

    @property
    @once
    def _judgement(self) -> tuple[xr.Dataset, str]:
        """Properties of the process, and why the data were not asked, if they were not."""
        if self.test is None:
            return properties(self.posterior, seed=self.seed), f"no {self.nouns} were held out."
        test = beginnings(self.test, SIDE_BY_SIDE * REPLICATES * 8 * self.data.sizes["state"])
        try:
            found = properties(self.posterior, test, seed=self.seed)
            return found.assign_attrs(part=said_of(test, self.test, self.nouns)), ""
        except DataError as error:
            return properties(self.posterior, seed=self.seed), str(error)

    @property
    def properties(self) -> xr.Dataset:
        """Properties of the process, with those that held-out trajectories tell of if they can."""
        return self._judgement[0]

    @property
    def untested(self) -> str:
        """Why no trajectories were asked for properties; empty if they were."""
        return self._judgement[1]

    @property
    def tested(self) -> bool:
        """Whether held-out trajectories were asked for properties."""
        return not self.untested

    @property
    @once
    def smoothed_of(self) -> xr.Dataset:
        """The training data whose paths are shown; of long ones the beginnings."""
        return beginnings(self.data, SIDE_BY_SIDE * self._smoothed_draws * 8 * self._width**2)

    @property
    def _smoothed_draws(self) -> int:
        return fewer_draws(SMOOTHED_DRAWS, self._width)

    @property
    def _width(self) -> int:
        """Coordinates of the path and, if there is one, of the offset beside it."""
        return self.data.sizes["state"] * (2 if self.effect else 1)

    @property
    @once
    def latent(self) -> xr.Dataset:
        """Their paths: smoothed where there is noise or a level, else the data themselves."""
        hidden = self.noisy or self.posterior.model.levels
        found = self.smoothed_of
        return self.posterior.smooth(found, samples=self._smoothed_draws) if hidden else found

    @property
    @once
    def centred(self) -> xr.Dataset:
        """They in the coordinates of the drift: level and offsets, if any, taken away."""
        moved = self.effect or self.posterior.model.levels
        return without_effect(self.smoothed_of, self.latent) if moved else self.smoothed_of

    @property
    @once
    def replicates(self) -> xr.Dataset | None:
        """Simulated copies of the training data, draw by draw; None where the states are not what is observed."""
        if not self.identity:
            return None
        if (
            not same_times(self.cut)
            or self.posterior.model.covariates
            or self.groups
            or self.posterior.regimes
        ):
            return replicate(self.posterior, self.cut, self.draws, self.seed)
        t = self.cut["t"].values
        times = t[int(np.isfinite(t).sum(axis=1).argmax())]
        paths = self.cut.sizes["trajectory"]
        simulated = simulate(self.posterior, times, paths=paths, seed=self.seed, samples=self.draws)
        return mask_like(simulated.assign_coords(state=self.data["state"].values), self.cut)

    @property
    @once
    def pooled_moments(self) -> xr.Dataset | None:
        """Moments over all steps, the data's beside those of simulated copies; None without these."""
        if self.replicates is None:
            return None
        return moments(self.cut, pooled=True).merge(moments(None, self.replicates, pooled=True))

    @property
    @once
    def cut(self) -> xr.Dataset:
        """The training data without the padding that all trajectories share; of long ones the beginnings."""
        return beginnings(self.data, self.draws * 8 * self.data.sizes["state"])
