"""What a posterior of several regimes has beside that of one."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Count
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.regime_chain import stationary_law
from sdebayes.posterior import compiled
from sdebayes.posterior.groups import Groups
from sdebayes.posterior.labelling import TrajectoryGrid
from sdebayes.simulation import Source
from sdebayes.simulation.posterior_like import WithRegimes
from sdebayes.simulation.source import of_posterior

_NO_REGIMES = (
    "The posterior has no regimes: give SDEModel(drift=priors.Regimes(2, drift=priors.Linear())) to have two."
)


@checked
class Switches(Groups):
    """The part of a posterior that is about regimes."""

    @property
    def regimes(self) -> tuple[int, ...]:
        """Labels of the regimes, that of most steps first; none where there is one SDE."""
        return () if self.model.regimes is None else tuple(self.model.regimes.labels)

    def regime(self, label: int) -> Source:
        """Return the SDE that there would be if one regime stayed in force: every analysis of one SDE takes it.

        Parameters
        ----------
        label
            One of ``regimes``.

        Returns
        -------
        Source
            Its draws, with the labels of states, the precision and the region of the posterior.

        Raises
        ------
        ModelError
            If there is no such regime.
        """
        if label not in self.regimes:
            known = f"The posterior has no regime {label!r}; it has {', '.join(map(str, self.regimes))}."
            raise ModelError(known if self.regimes else _NO_REGIMES)
        place = self.regimes.index(label)
        with precision.scope(self.data.attrs["precision"]):
            observed = jax.vmap(lambda one: one.of_regime(place))(self.observed_sde_by_regime())
        found = of_posterior(cast("WithRegimes", self), observed)
        return replace(found, provenance=found.provenance | {"regime": label})

    def observed_sde_by_regime(self) -> ObservedSDE:
        """Return the SDEs of all regimes: drift, diffusion and first state have a sample axis and a regime axis."""
        if not self.regimes:
            raise ModelError(_NO_REGIMES)
        return self._observed_sde

    def regime_probability(self, data: xr.Dataset, samples: Count | None = None) -> xr.Dataset:
        """Say of which regime each step is.

        Parameters
        ----------
        data
            Trajectories in the state space of the training data.
        samples
            At most so many draws, evenly spread; default at most 100, fewer where an array would pass 1 GiB.

        Returns
        -------
        xr.Dataset
            ``probability`` (sample, trajectory, time, regime): under each draw, the probability given the whole
            trajectory that the step is of the regime, which is the one that led to it; of the first step the one whose
            distribution it has. NaN after a trajectory's end and at steps that exact observation leaves out. And
            ``share`` (sample, regime), that of time that the chain of regimes spends in each in the long run.

        Raises
        ------
        ModelError
            If the posterior has no regimes, or the data do not fit the model.
        StateSpaceError, DataError
            As ``log_score``.
        """
        self.observed_sde_by_regime()
        self.check_alike(data)
        with precision.scope(self.data.attrs["precision"]), precision.single_blas_thread():
            read = self.model.read(data)
            draws, chosen = self._draws(samples, 8 * read.times.size * len(self.regimes))
            found = compiled.regimes(self.model.likelihood)(draws, read)
            share = np.asarray(jax.vmap(stationary_law)(jnp.asarray(draws.generator)))
        coords = {
            "sample": chosen,
            "trajectory": data["trajectory"].values,
            "t": (("trajectory", "time"), data["t"].values),
            "regime": list(self.regimes),
        }
        grid = TrajectoryGrid(self.model, data, read).spread(found)
        attrs = {
            name: self.data.attrs[name] for name in ("space_hash", "time_unit") if name in self.data.attrs
        }
        return xr.Dataset(
            {
                "probability": (("sample", "trajectory", "time", "regime"), grid, {"units": "1"}),
                "share": (("sample", "regime"), share, {"units": "1"}),
            },
            coords,
            attrs,
        )
