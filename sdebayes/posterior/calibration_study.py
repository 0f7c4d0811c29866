"""One study of calibration: draw a truth and its data, fit, and rank the truth among the draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import jax
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from jaxtyping import Array, Float

from sdebayes._core.draws import evenly_spread
from sdebayes._core.errors import InferenceError, ModelError
from sdebayes._core.precision import Precision
from sdebayes._core.types import Key
from sdebayes.data.container import feature_dim
from sdebayes.inference import AbstractStrategy, Problem, RunOptions
from sdebayes.inference.target import Density
from sdebayes.likelihood import Observations
from sdebayes.model.rebuild import per_draw, read_draw
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior.calibration_truths import Draw
from sdebayes.posterior.quantities import Quantities, Read


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


Prepared = tuple[SDEModel, Observations]
Prepare = Callable[[Float[np.ndarray, "trajectory time observed"]], Prepared]
"""From simulated values to the model as it is fitted to them, and the data as it reads them."""


def frozen(model: SDEModel, observations: Observations) -> Prepare:
    """Fit one model, scaled already, to all data sets: they share what is compiled."""
    return lambda values: (model, model.with_values(observations, values))


def scaled_anew(model: SDEModel, design: xr.Dataset, observations: Observations) -> Prepare:
    """Scale a model to each data set, as `sdebayes.fit` does; each compiles its own.

    Parameters
    ----------
    model
        The model, not scaled.
    design
        The data set whose times and missing entries the values have.
    observations
        The design, as the model reads it.
    """
    y = design["y"].transpose("trajectory", "time", feature_dim(design))
    present, seen = np.isfinite(y.values), np.asarray(observations.seen)

    def prepare(values: Float[np.ndarray, "trajectory time observed"]) -> Prepared:
        filled = np.full(y.shape, np.nan)
        filled[present] = values[seen]
        data = design.assign(y=y.copy(data=filled))
        scaled = model.scaled_to(data)
        return scaled, scaled.read(data)

    return prepare


class Study:
    """A strategy, the shape of the data, and how truths are drawn and data prepared.

    Parameters
    ----------
    draw
        Draws a truth and its data.
    prepare
        Makes of simulated values the model and data that are fitted.
    observations
        Data whose times and missing entries every replicate has.
    strategy
        How each data set is fitted.
    quantities
        What is ranked.
    ranked
        Number of draws that the truth is ranked among.
    precision
        The precision in force.
    """

    def __init__(
        self,
        draw: Draw,
        prepare: Prepare,
        observations: Observations,
        strategy: AbstractStrategy,
        quantities: Quantities,
        ranked: int,
        precision: Precision,
    ) -> None:
        self._draw, self._prepare, self.observations = draw, prepare, observations
        self.strategy, self.ranked, self.precision = strategy, ranked, precision
        self._quantities = quantities

    def simulate(self, key: Key) -> tuple[np.ndarray, np.ndarray]:
        """Return values of one data set, (trajectory, time, observed), and the quantities of its truth."""
        values, true = self._draw(self.observations, key)
        return np.asarray(values, np.float64), np.asarray(true, np.float64)

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
        values, true = self.simulate(draw_key)
        try:
            if not np.isfinite(values).all():
                raise InferenceError("The simulated data are not finite.")
            model, data = self._prepare(values)
            return self._ranks(true, self._fit(model, data, target_key, run_key))
        except ModelError:
            raise
        except Exception as error:
            nothing = np.full(true.shape, np.nan)
            message = f"{type(error).__name__}: {error}"
            return Record(true, nothing, nothing, self.ranked, nothing, nothing, nothing, message)

    def _fit(
        self, model: SDEModel, data: Observations, target_key: Key, run_key: Key
    ) -> Float[np.ndarray, "chain draw quantity"]:
        """Return the quantities of every posterior draw."""
        problem = Problem(model, data, target_key)
        position = self.strategy.run(problem, RunOptions(run_key, self.precision)).position
        read = _of_positions(model, problem.density, self._quantities.read)
        return read(position.reshape(-1, position.shape[-1]), data).reshape(*position.shape[:2], -1)

    def _ranks(self, true: np.ndarray, draws: Float[np.ndarray, "chain draw quantity"]) -> Record:
        draws = draws.astype(np.float64)
        flat = draws.reshape(-1, draws.shape[-1])
        if not (np.isfinite(flat).all() and np.isfinite(true).all()):
            raise InferenceError("A draw of drift, covariance or log-likelihood is not finite.")
        kept = flat[evenly_spread(len(flat), self.ranked)]
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


@lru_cache(maxsize=8)
def _of_positions(model: SDEModel, density: Density, read: Read) -> Callable[..., np.ndarray]:
    """From positions (sample, dimension) and data to the quantities, (sample, quantity)."""

    def one(z: Array, data: Observations) -> Array:
        return read(read_draw(model, density.unravel(z)).observed, data)

    return per_draw(one)


def study_key(number: int, seed_number: int) -> Key:
    """Return the key of a replicate, the same however many there are."""
    return jax.random.fold_in(jax.random.key(seed_number), number)
