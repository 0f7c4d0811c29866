"""One study of calibration: draw a truth and its data, fit, and rank the truth among the draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from arviz_stats.base import array_stats
from jaxtyping import Array, Float
from numpyro.handlers import seed, trace

from sdebayes._core.errors import InferenceError, ModelError
from sdebayes._core.types import Key
from sdebayes.dynamics import ObservedSDE
from sdebayes.inference import AbstractStrategy, Problem
from sdebayes.inference.target import Density
from sdebayes.model import likelihood
from sdebayes.model.generate import generate, observe, scale_normals
from sdebayes.model.observations import Observations
from sdebayes.model.rebuild import constrained_sites, per_draw, rebuild
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior.quantities import Quantities, Read
from sdebayes.simulation.kernels import TimeGrid, euler_maruyama_path


@dataclass(frozen=True)
class Record:
    """What is kept of one replicate; NaN, with a message, where its fit failed.

    Parameters
    ----------
    truth
        The quantities of the truth, (quantity,).
    below, equal
        Number of ranked draws below the truth, and of those equal to it, (quantity,).
    ranked
        Number of draws that were ranked.
    mean, standard_deviation
        Of all draws, (quantity,).
    effective_draws
        Bulk effective sample size, (quantity,).
    message
        Why there is no rank; empty where there is one.
    """

    truth: Float[np.ndarray, " quantity"]
    below: Float[np.ndarray, " quantity"]
    equal: Float[np.ndarray, " quantity"]
    ranked: int
    mean: Float[np.ndarray, " quantity"]
    standard_deviation: Float[np.ndarray, " quantity"]
    effective_draws: Float[np.ndarray, " quantity"]
    message: str = ""

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all fields as arrays, to be written to a file."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @staticmethod
    def of(arrays: dict[str, np.ndarray]) -> Record:
        """Read what `arrays` returned."""
        values: dict[str, Any] = {field.name: arrays[field.name] for field in fields(Record)}
        return Record(**values | {"ranked": int(values["ranked"]), "message": str(values["message"])})


class Study:
    """A model, a strategy and the shape of the data: every replicate shares what is compiled.

    Parameters
    ----------
    model
        The model, scaled to data.
    observations
        Data whose times and missing entries every replicate has.
    strategy
        How each data set is fitted.
    quantities
        What is ranked.
    ranked
        Number of draws that the truth is ranked among.
    substeps
        None for data of the likelihood's own law; else the Euler–Maruyama steps from one observation to the next.
    precision
        The precision in force.
    """

    def __init__(
        self,
        model: SDEModel,
        observations: Observations,
        strategy: AbstractStrategy,
        quantities: Quantities,
        ranked: int,
        substeps: int | None,
        precision: str,
    ) -> None:
        self.model, self.observations, self.strategy = model, observations, strategy
        self.ranked, self.precision, self._quantities = ranked, precision, quantities
        self._draw = _truth_and_data(model, quantities.read, substeps, strategy.corrects_filter)

    def replicate(self, key: Key) -> Record:
        """Draw a truth and its data, fit them, and count the draws below the truth.

        Whatever goes wrong in a fit is kept as the message of its record: one data set that cannot be fitted must not
        cost the others.

        Raises
        ------
        ModelError
            If the strategy is not made for the model, whatever the data.
        """
        draw_key, target_key, run_key = jax.random.split(key, 3)
        values, true = (np.asarray(part, np.float64) for part in self._draw(self.observations, draw_key))
        try:
            if not np.isfinite(values).all():
                raise InferenceError("The data drawn from the prior are not finite.")
            data = self.model.with_values(self.observations, values)
            return self._ranks(true, self._fit(data, target_key, run_key))
        except ModelError:
            raise
        except Exception as error:
            nothing = np.full(true.shape, np.nan)
            message = f"{type(error).__name__}: {error}"
            return Record(true, nothing, nothing, self.ranked, nothing, nothing, nothing, message)

    def _fit(
        self, data: Observations, target_key: Key, run_key: Key
    ) -> Float[np.ndarray, "chain draw quantity"]:
        """Return the quantities of every posterior draw."""
        problem = Problem(self.model, data, target_key)
        position = self.strategy.run(problem, run_key, precision=self.precision, progress=False).position
        read = _of_positions(self.model, problem.density, self._quantities.read)
        return read(position.reshape(-1, position.shape[-1]), data).reshape(*position.shape[:2], -1)

    def _ranks(self, true: np.ndarray, draws: Float[np.ndarray, "chain draw quantity"]) -> Record:
        draws = draws.astype(np.float64)
        flat = draws.reshape(-1, draws.shape[-1])
        if not (np.isfinite(flat).all() and np.isfinite(true).all()):
            raise InferenceError("A draw of drift, covariance or log-likelihood is not finite.")
        kept = flat[np.linspace(0, len(flat) - 1, min(self.ranked, len(flat))).astype(int)]
        with np.errstate(divide="ignore", invalid="ignore"):
            effective = array_stats.ess(draws, chain_axis=0, draw_axis=1)
        return Record(
            true,
            np.sum(kept < true, axis=0, dtype=float),
            np.sum(kept == true, axis=0, dtype=float),
            len(kept),
            flat.mean(axis=0),
            flat.std(axis=0),
            np.asarray(effective, dtype=float),
        )


Law = Callable[[ObservedSDE, Observations, Key], Array]


@lru_cache(maxsize=8)
def _truth_and_data(
    model: SDEModel, read: Read, substeps: int | None, corrects_filter: bool
) -> Callable[[Observations, Key], tuple[Array, Array]]:
    """From data and a key to values of data drawn like them, and the quantities of the truth behind them."""
    law = _own_law(model, corrects_filter) if substeps is None else _fine_law(substeps)

    def draw(observations: Observations, key: Key) -> tuple[Array, Array]:
        prior_key, data_key = jax.random.split(key)
        with trace(), seed(rng_seed=prior_key):
            truth = model.build()
        values = law(truth, observations, data_key)
        return values, read(truth, replace(observations, values=values, table=None))

    return eqx.filter_jit(draw)


@lru_cache(maxsize=8)
def _of_positions(model: SDEModel, density: Density, read: Read) -> Callable[..., np.ndarray]:
    """From positions (sample, dimension) and data to the quantities, (sample, quantity)."""

    def one(z: Array, data: Observations) -> Array:
        return read(rebuild(model, constrained_sites(model, density.unravel(z))), data)

    return per_draw(one)


def _own_law(model: SDEModel, corrects_filter: bool) -> Law:
    scheme, observation = model.discretization, model.observation
    if corrects_filter:
        return lambda truth, data, key: generate(truth, scheme, data, key)
    return lambda truth, data, key: likelihood.draw(truth, scheme, observation, data, key)


def _fine_law(substeps: int) -> Law:
    """Return draws of the SDE itself, by Euler–Maruyama steps that are many times shorter than the data's."""

    def path(truth: ObservedSDE, times: Array, start: Array, key: Key) -> Array:
        count = times.shape[0] - 1
        grid = TimeGrid(times, jnp.diff(times), jnp.arange(count), jnp.full(count, substeps))
        return euler_maruyama_path(truth.sde, start, key, grid)

    def law(truth: ObservedSDE, data: Observations, key: Key) -> Array:
        start_key, path_key, effect_key, noise_key = jax.random.split(key, 4)
        times = jnp.asarray(data.times)
        white = jax.random.normal(start_key, (times.shape[0], truth.initial_mean.shape[0]))
        starts = truth.initial_mean + scale_normals(truth.initial_covariance, white)
        keys = jax.random.split(path_key, times.shape[0])
        paths = jax.vmap(path, in_axes=(None, 0, 0, 0))(truth, times, starts, keys)
        return observe(truth, paths, jnp.asarray(data.seen), effect_key, noise_key)

    return law


def study_key(number: int, seed_number: int) -> Any:
    """Return the key of a replicate, the same however many there are."""
    return jax.random.fold_in(jax.random.key(seed_number), number)
