"""The result of a fit: draws, and everything that is computed from them draw by draw."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Count, Numbers, PathLike
from sdebayes._core.places import Places
from sdebayes._core.units import time_unit
from sdebayes.dynamics import SDE, ObservedSDE
from sdebayes.inference.findings import Findings
from sdebayes.likelihood import Observations
from sdebayes.likelihood.labelled import scores
from sdebayes.model.sdemodel import SDEModel
from sdebayes.model.several import several
from sdebayes.posterior import compiled, store
from sdebayes.posterior.criticism import model_findings
from sdebayes.posterior.diagnosis import diagnose
from sdebayes.posterior.groups import group_tree
from sdebayes.posterior.labelling import TrajectoryGrid
from sdebayes.posterior.regime_findings import regime_findings
from sdebayes.posterior.regimes import Switches
from sdebayes.posterior.replicated import with_replicates
from sdebayes.posterior.scoring import Densities


@checked
class Posterior(Switches):
    """Posterior draws of an `SDEModel`.

    Nothing changes it: every method computes from the draws and returns something new.

    Parameters
    ----------
    model
        The model, its prior constants frozen as numbers.
    data
        DataTree with the groups ArviZ reads: ``posterior``, ``unconstrained``, ``sample_stats``, ``log_prior``,
        ``log_likelihood`` (of trajectories, or transitions that are observed exactly), ``log_predictive``,
        ``observed_data``, ``posterior_predictive``, ``prior``, ``prior_predictive``, ``constant_data``.

    See Also
    --------
    sdebayes.fit : Makes it.
    sdebayes.load : Reads it from a file.
    sdebayes.summarize : Makes intervals of what its methods return.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> posterior
    <Posterior: 1 chains × 50 draws of 2 states>
    >>> dict(posterior.drift([[0.0, 0.0], [1.0, 0.0]]).sizes)
    {'sample': 50, 'point': 2, 'state': 2}
    >>> posterior.log_score(test).dims
    ('trajectory',)
    >>> sorted(posterior.smooth(test))
    ['trajectory_effect', 'trajectory_effect_covariance', 'x', 'x_covariance']
    >>> posterior.data["posterior"]["drift_matrix"].dims
    ('chain', 'draw', 'state', 'state_bis')
    """

    def __init__(self, model: SDEModel, data: xr.DataTree) -> None:
        self.model, self.data = model, with_replicates(model, data)
        self._redrawn = [name for name in self.data.children if name not in data.children]

    def __repr__(self) -> str:
        sizes, found = self.data["unconstrained"].sizes, several(self.model)
        of = "" if found is None else f" in {len(found.labels)} {found.dim}s"
        return (
            f"<Posterior: {sizes['chain']} chains × {sizes['draw']} draws of {len(self.states)} states{of}>"
        )

    @property
    def precision(self) -> str:
        """``"float64"`` or ``"float32"``: the precision of the fit and of everything computed from it."""
        return str(self.data.attrs["precision"])

    @property
    def states(self) -> list[str]:
        """Labels of the states."""
        return list(self.model.frozen_scale.states)

    def group(self, name: str) -> Posterior:
        """Return the posterior of one group, of the model without groups; a ModelError if there is no such group.

        Parameters
        ----------
        name
            One of ``groups``.

        Returns
        -------
        Posterior
            Of the group's trajectories: every analysis, figure and report takes it.
        """
        place = self._place(name)
        if name not in self._made:
            self._made[name] = Posterior(self.model.of_one_group, group_tree(self, name, place))
        return self._made[name]

    @cached_property
    def _made(self) -> dict[str, Posterior]:
        return {}

    def observed_sde(self) -> ObservedSDE:
        """Return SDE, initial distribution and observation, stacked: every array has a leading sample axis."""
        self._check_one()
        return self._observed_sde

    def sde(self) -> SDE:
        """Return the stacked SDE; read it with ``jax.vmap(lambda s: s.drift(x))(posterior.sde())``.

        Returns
        -------
        SDE
            With a leading sample axis on every array, in the precision that JAX has where this is called.
        """
        return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), self.observed_sde().sde)

    def drift(self, x: Numbers) -> xr.DataArray:
        """Return f(x) of every draw.

        Parameters
        ----------
        x
            Places, (state,), (point, state), or a DataArray with the dimension ``state``.

        Returns
        -------
        xr.DataArray
            (sample, point, state), in state per unit of time.

        Raises
        ------
        DataError
            If ``x`` has another number of states, or is not finite.
        """
        at = Places.read(x, self.states).flat()
        with precision.scope(self.precision):
            values = compiled.drift_at(self.observed_sde().sde, at.points)
        return at.named(values, {"state": self.states}, "drift", units=f"state per {self._time_unit}")

    def covariance(self, x: Numbers) -> xr.DataArray:
        """Return Σ(x) = G Gᵀ of every draw.

        Parameters
        ----------
        x
            Places, (state,), (point, state), or a DataArray with the dimension ``state``.

        Returns
        -------
        xr.DataArray
            (sample, point, state, state_bis), in state² per unit of time.

        Raises
        ------
        DataError
            If ``x`` has another number of states, or is not finite.
        """
        at, labels = Places.read(x, self.states).flat(), dict.fromkeys(("state", "state_bis"), self.states)
        with precision.scope(self.precision):
            values = compiled.covariance_at(self.observed_sde().sde, at.points)
        return at.named(values, labels, "covariance", units=f"state² per {self._time_unit}")

    @property
    def _time_unit(self) -> str:
        return time_unit(self.data.attrs)

    def _read(self, data: xr.Dataset) -> Observations:
        self.check_alike(data)
        with precision.scope(self.precision):
            return self.model.read(data)

    def log_score(self, data: xr.Dataset) -> xr.DataArray:
        r"""Score trajectories: the log posterior-predictive density of each as a whole.

        .. math::
            \log \frac{1}{S} \sum_s p(y_{i,1:n} \mid θ_s),

        the latent path, the trajectory effect and missing values integrated out; θ is not updated on the trajectory.

        Parameters
        ----------
        data
            Trajectories in the state space of the training data. Lazy ones are read and scored a block at a time, each
            block a task of the Dask scheduler that is active, if one is.

        Returns
        -------
        xr.DataArray
            (trajectory,), in nats, with the coords ``n_scalars`` (observed numbers) and ``n_observed`` (steps).

        Raises
        ------
        StateSpaceError
            If the data are in another state space.
        DataError, ModelError
            If the data are not valid, or do not fit the model.
        """
        self.check_alike(data)
        densities = Densities(self.model, self._observed_sde, self.precision)
        draws = self.data["unconstrained"].sizes
        return scores(densities, data, draws["chain"] * draws["draw"], self._provenance())

    def predict(self, data: xr.Dataset, samples: Count | None = None) -> xr.Dataset:
        """Predict each observation from those before it in its trajectory.

        Parameters
        ----------
        data
            Trajectories in the state space of the training data.
        samples
            At most so many draws, evenly spread; default at most 100, fewer where an array would pass 1 GiB.

        Returns
        -------
        xr.Dataset
            ``mean`` (sample, trajectory, time, state) and ``covariance`` (…, state, state_bis) of
            the distribution of y_k given y_1, …, y_{k−1} under each draw; NaN after a trajectory's end and at steps
            that exact observation leaves out.

        Raises
        ------
        StateSpaceError, DataError, ModelError
            As `log_score`.
        """
        observations = self._read(data)
        *lead, n = observations.values.shape
        model, chosen = self._draws(samples, 8 * n * n * int(np.prod(lead)))
        with precision.scope(self.precision), precision.single_blas_thread():
            mean, covariance = compiled.one_step_laws(self.model.likelihood)(model, observations)
        grid = TrajectoryGrid(self.model, data, observations)
        return grid.one_step(mean, covariance, chosen, self._provenance())

    def smooth(self, data: xr.Dataset, samples: Count | None = None) -> xr.Dataset:
        """Infer the latent path and the trajectory effect behind each trajectory.

        Parameters
        ----------
        data, samples
            As in `predict`.

        Returns
        -------
        xr.Dataset
            ``x`` (sample, trajectory, time, state), the mean of X(t_k) given the whole trajectory under each draw,
            ``x_covariance`` (sample, trajectory, time, state, state_bis), and, with a trajectory effect,
            ``trajectory_effect`` (sample, trajectory, state) and ``trajectory_effect_covariance``; where covariates say
            a level, ``level`` (sample, trajectory, time, state), B w_k, which x does not hold.

        Raises
        ------
        StateSpaceError, DataError, ModelError
            As `log_score`.
        """
        observations = self._read(data)
        n = len(self.states)
        width = 2 * n if self.model.observation.trajectory_effect else n
        model, chosen = self._draws(samples, 8 * width**2 * int(np.prod(observations.times.shape)))
        with precision.scope(self.precision), precision.single_blas_thread():
            mean, covariance = compiled.smoothed(self.model.likelihood)(model, observations)
        grid = TrajectoryGrid(self.model, data, observations)
        return grid.smoothed(model, mean, covariance, chosen, self._provenance())

    def _provenance(self) -> dict[str, Any]:
        names = ("space_hash", "time_unit", "seed", "precision", "sdebayes_version")
        return {name: self.data.attrs[name] for name in names if name in self.data.attrs}

    def diagnosis(self) -> Findings:
        """Check the computation, what the data tell of the parameters, and the model by its training data."""
        return self._diagnosis

    @cached_property
    def _diagnosis(self) -> Findings:
        fitted = self.model, self.data, self._observed_sde, self.training_scale, self.precision
        return diagnose(*fitted, [*model_findings(self), *regime_findings(self)])

    def to_netcdf(self, path: PathLike) -> Path:
        """Write the posterior to a netCDF file that `sdebayes.load` and `arviz.from_netcdf` read.

        The file before it stays whole until the new one is complete. No code is stored: a model made of the user's own
        functions is left out, as a `NotStoredWarning` says, and given again to `sdebayes.load`.

        Parameters
        ----------
        path
            The file.

        Returns
        -------
        Path
            ``path``.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        return store.write(self.data.drop_nodes(self._redrawn, errors="ignore"), path)
