"""Standardised innovations of data and of replicates, under draws of any model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np
import xarray as xr

from sdebayes._core import precision
from sdebayes._core.errors import DataError, ModelError, StateSpaceError
from sdebayes.criticism.standardisation import judging, replicating
from sdebayes.data.container import validate
from sdebayes.likelihood import AbstractLikelihood, AroundLevel, Observations
from sdebayes.likelihood.arrays import read
from sdebayes.model.gaussian_noise import GaussianNoise
from sdebayes.model.observation import AbstractObservation, Exact
from sdebayes.model.student_t_noise import StudentTNoise
from sdebayes.schemes import LocalLinearization, Moments
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.posterior_like import PosteriorLike
from sdebayes.simulation.source import SourceLike


@runtime_checkable
class _Modelled(Protocol):
    """A posterior, which knows how its model computes laws of observations."""

    model: Any


@dataclass(frozen=True)
class Judge:
    """A source with the data that it judges.

    Parameters
    ----------
    source
        The stacked SDE with its observation.
    likelihood
        How the laws of observations are computed.
    observations
        The data.
    """

    source: Source
    likelihood: AbstractLikelihood
    observations: Observations

    @classmethod
    def of(cls, source: SourceLike, data: xr.Dataset) -> Judge:
        """Bring source and data together.

        Raises
        ------
        StateSpaceError
            If the data are in another state space than the posterior's.
        DataError
            If they are no trajectories, or have another number of observed coordinates.
        ModelError
            If the source has no initial law.
        """
        validate(data)
        stacked = as_source(source, whole=True)
        mine, theirs = stacked.provenance.get("space_hash"), data.attrs.get("space_hash")
        if isinstance(source, PosteriorLike) and mine != theirs:
            raise StateSpaceError(
                f"The data are in the state space {theirs or 'none (arrays)'}, the posterior in "
                f"{mine or 'none (arrays)'}; transform the data with the StateSpace of the training data."
            )
        if not stacked.has_initial_law:
            raise ModelError(
                "The SDE has no distribution of its first state, so data cannot be judged by it: pass an ObservedSDE."
            )
        width = stacked.observed.matrix.shape[-2]
        if data["y"].sizes["state"] != width:
            raise DataError(
                f"The data have {data['y'].sizes['state']} coordinates, the model observes {width}."
            )
        with precision.scope(stacked.precision):
            if isinstance(source, _Modelled):
                # what is tabulated at the data would stand beside the values of replicates
                observations = replace(source.model.read(data), table=None)
                return cls(stacked, source.model.likelihood, observations)
            likelihood = _likelihood(stacked)
            return cls(stacked, likelihood, _read(likelihood, data))

    def innovations(self, draws: np.ndarray) -> np.ndarray:
        """Standardise the data under chosen draws, (sample, trajectory, time, observed), NaN where nothing was seen."""
        with precision.scope(self.source.precision), precision.single_blas_thread():
            program = judging(self.likelihood)
            return program(self.source.take(draws).observed, self.observations)[0]

    def placed(self, values: np.ndarray, data: xr.Dataset) -> np.ndarray:
        """Put (sample, trajectory, read step, …) at the steps of the data, those that reading left out being NaN."""
        seen = np.isfinite(data["y"].transpose("trajectory", "time", "state").values)
        if np.array_equal(seen, self.observations.seen):
            return values
        found = np.full((len(values), *seen.shape[:2], *values.shape[3:]), np.nan, values.dtype)
        for row, steps in enumerate(seen.any(-1)):
            found[:, row, steps] = values[:, row, : steps.sum()]
        return found

    def replicated(self, replicates: int, seed: int) -> Replicated:
        """Judge the data, and as many replicates of them, each by another draw than the one it came from.

        Replicates that leave all bounds are left out, and the data under the same judge with them.

        Raises
        ------
        ModelError
            If hardly any replicate is left.
        """
        maker = self._makers(replicates)
        judge = np.roll(maker, min(replicates, self.source.n_draws) // 2)
        found = self._judged(maker, judge, self._keys(replicates, seed))
        check_left(len(found.values), replicates)
        return found

    def fitted_blocks(self, replicates: int, seed: int, block: int) -> Iterator[Replicated]:
        """Judge the data that the draws were fitted to, block by block, each replicate by the draw it came from.

        What is not known of the parameters is in the draws' distance from the data already.
        """
        maker, keys = self._makers(replicates), self._keys(replicates, seed)
        for start in range(0, replicates, block):
            part = slice(start, start + block)
            yield self._judged(maker[part], maker[part], keys[part])

    def _makers(self, replicates: int) -> np.ndarray:
        count = self.source.n_draws
        thinned = np.floor(np.arange(min(replicates, count)) * (count / min(replicates, count))).astype(int)
        return np.resize(thinned, replicates)

    def _keys(self, replicates: int, seed: int) -> np.ndarray:
        with precision.scope(self.source.precision):
            return np.asarray(jax.random.key_data(jax.random.split(jax.random.key(seed), replicates)))

    def _judged(self, maker: np.ndarray, judge: np.ndarray, keys: np.ndarray) -> Replicated:
        with precision.scope(self.source.precision), precision.single_blas_thread():
            triples = (self.source.take(maker).observed, self.source.take(judge).observed, keys)
            made, own, theirs = replicating(self.likelihood)(triples, self.observations)
        kept = np.isfinite(made[:, np.asarray(self.observations.seen)]).all(axis=1)
        parts = (_state_by_state(part[kept]) for part in (made, *own, *theirs))
        return Replicated(self.observations, judge[kept], *parts)


@dataclass(frozen=True)
class Replicated:
    """Data beside replicates, with the innovations of both.

    Parameters
    ----------
    observations
        The data.
    judges
        The draw that judged each replicate, (sample,).
    values
        Replicates of the data, (sample, trajectory, time, observed), NaN where the data have nothing.
    innovations, predicted
        Innovations of the data under each judge, and the mean predicted for each step, in the same form.
    innovations_replicated, predicted_replicated
        Those of the replicates.
    """

    observations: Observations
    judges: np.ndarray
    values: np.ndarray
    innovations: np.ndarray
    predicted: np.ndarray
    innovations_replicated: np.ndarray
    predicted_replicated: np.ndarray

    @property
    def data(self) -> np.ndarray:
        """The data, (trajectory, time, observed), NaN where there is nothing."""
        return np.where(self.observations.seen, self.observations.values, np.nan)

    @property
    def own(self) -> Judged:
        """The data under each judge."""
        return _judged(self.observations, self.data[None], self.innovations, self.predicted)

    @property
    def copies(self) -> Judged:
        """The replicates, each under its judge."""
        return _judged(self.observations, self.values, self.innovations_replicated, self.predicted_replicated)


def check_left(left: int, asked: int) -> None:
    """Raise unless half of the replicates stayed within bounds."""
    if 2 * left < asked:
        raise ModelError(
            f"{asked - left} of {asked} replicates of the data leave all bounds: the drift leads outwards in these "
            "draws, so there is nothing to compare the data with. Use a drift that leads back, or shorter steps."
        )


class Judged(NamedTuple):
    """Data sets of one shape under draws, (sample, trajectory, time, observed), NaN where nothing was seen.

    Attributes
    ----------
    values
        What was observed; one sample, where the same data were judged by all draws.
    white
        Standardised innovations.
    predicted
        The mean predicted for each step by those before it.
    times
        (trajectory, time).
    """

    values: np.ndarray
    white: np.ndarray
    predicted: np.ndarray
    times: np.ndarray


def _judged(data: Observations, values: np.ndarray, white: np.ndarray, predicted: np.ndarray) -> Judged:
    parts = (np.asarray(part, dtype=float) for part in (values, white, predicted, data.times))
    return Judged(*parts)


def _state_by_state(values: np.ndarray) -> np.ndarray:
    """Put the numbers of a state beside one another in memory, where sums over trajectories and times are quick."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(values, -1, 1), dtype=float), 1, -1)


def _read(likelihood: AbstractLikelihood, data: xr.Dataset) -> Observations:
    """Read data; where states are observed, steps without values join their Δt to the next."""
    found = read(data, drop_missing_steps=likelihood.states_observed)
    if not likelihood.integrates_entries and not found.complete:
        raise ModelError(
            "Some steps are observed in part; a nonlinear SDE that is observed exactly cannot integrate that out. "
            "Drop such steps, or give the ObservedSDE a noise covariance."
        )
    return found


def _likelihood(source: Source) -> AbstractLikelihood:
    """Return how the law of an SDE's observations is computed where no model says so."""
    observed = source.observed
    effect = bool(np.any(np.asarray(observed.effect_covariance)))
    if observed.noise_scales is not None:
        observation: AbstractObservation = StudentTNoise(trajectory_effect=effect)
    elif effect or np.any(np.asarray(observed.noise_covariance)):
        observation = GaussianNoise(trajectory_effect=effect)
    else:
        observation = Exact()
    scheme = LocalLinearization() if source.sde.diffusion.constant else Moments()
    law = observation.likelihood(source.sde.linear is not None, scheme)
    return law if observed.level_slopes is None else AroundLevel(scheme, law)
