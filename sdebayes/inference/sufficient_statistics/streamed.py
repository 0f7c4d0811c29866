"""Sums over data that memory does not hold: each block is read once, by whatever scheduler is active."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Int

from sdebayes._core.tasks import total
from sdebayes.data.blocks import pieces_of_work
from sdebayes.data.container import pack
from sdebayes.inference.sufficient_statistics.alike import Alike, Documents, Source, documents_of
from sdebayes.inference.sufficient_statistics.documents import Held, Pattern, Rows, pseudo_documents
from sdebayes.inference.sufficient_statistics.linear_weights import linear_weights, obstacle
from sdebayes.inference.sufficient_statistics.moments import Moments
from sdebayes.inference.sufficient_statistics.program import (
    Reading,
    document_program,
    said,
    said_of_transitions,
)
from sdebayes.inference.sufficient_statistics.reduction import statistics_if_telling
from sdebayes.likelihood import Observations
from sdebayes.likelihood.arrays import rows
from sdebayes.model.sdemodel import SDEModel


class _LostDigitsError(ArithmeticError):
    """Entries tell each other so well that their scatter has lost its digits."""


def streamed_program(model: SDEModel, data: xr.Dataset, observations: Observations) -> Reading | None:
    """Return a NumPyro model that reads sums over data, of which no more than a block is in memory at a time.

    These are sums over transitions where all parameters but the weights enter through them, else over documents, which
    are parted by their steps. Pieces of the data are summed up, and their sums added in a fixed order, so that the
    digits do not depend on how many workers there are.

    Parameters
    ----------
    model
        The model, scaled to data.
    data
        Trajectories that are valid.
    observations
        Some of them, as the model reads them.

    Returns
    -------
    Reading or None
        None where the likelihood is not one of such sums, where few documents have the same steps, in single precision,
        and where sums would lose digits: the data must be held then.
    """
    if jnp.result_type(float) != jnp.float64:
        return None
    if not obstacle(model):
        sums = statistics_if_telling(linear_weights(model), data)
        return (
            None if sums is None else Reading(linear_weights(model).program, sums, said_of_transitions(sums))
        )
    if (
        model.covariates
        or model.pooling
        or model.regimes
        or not model.likelihood.has_document_sums(observations)
    ):
        return None
    independent = model.likelihood.independent
    source = Source(data[["y", "t"]].drop_vars("trajectory"), independent)
    found = total(documents_of, source, pieces_of_work(data), Documents.add)
    if found.too_many:
        return None
    steps = _steps(model, data, found)
    try:
        rows_and_rest = pseudo_documents(steps, independent, _held(found, steps))
    except _LostDigitsError:
        return None
    if rows_and_rest is None:
        return None
    return Reading(document_program(model), rows_and_rest, said(*rows_and_rest))


def _steps(model: SDEModel, data: xr.Dataset, found: Documents) -> Observations:
    """Return a trajectory of zeros for each kind of steps, as the model reads it."""
    values, times = [], []
    for marks in found.alike:
        seen = found.seen(marks)
        end = int(np.flatnonzero(seen.any(-1))[-1]) + 1
        values.append(np.where(seen[:end], 0.0, np.nan))
        times.append(np.concatenate([[0.0], np.cumsum(found.steps(marks)[: end - 1])]))
    names = [str(place) for place in range(len(values))]
    kinds = pack(values, times, names, "state").assign_coords(state=data["state"].values)
    return model.read(kinds.assign_attrs(min_steps=1))


def _held(found: Documents, steps: Observations) -> Held:
    """Return what is held of the documents with each kind of steps."""
    kinds = list(found.alike.items())

    def reduced(pattern: Pattern) -> Rows:
        grid = found.parts(kinds[pattern.places[0]][0])
        whole = Alike((), kinds[pattern.places[0]][1].rest[:0])
        for place in pattern.places:
            whole = whole.add(kinds[place][1], grid)
        if not whole.sums:
            return Rows.themselves(_filled(whole.rest[:, : len(pattern.parts[0])]))
        sums = whole.summed(grid).sums
        return Rows.of_moments([(one, _factor(one)) for one in sums], pattern.parts)

    def rest(places: Int[np.ndarray, " place"]) -> Observations:
        own = [kinds[place][1].rest[:, : steps.values.shape[1]] for place in places]
        index = np.repeat(places, [len(values) for values in own])
        return replace(rows(steps, index), values=_filled(np.concatenate(own)))

    number = np.array([one.number for _, one in kinds])
    return Held(number, np.array([bool(one.sums) for _, one in kinds]), reduced, rest)


def _factor(sums: Moments) -> np.ndarray:
    factor = sums.factor()
    if factor is None:
        raise _LostDigitsError
    return factor


def _filled(values: np.ndarray) -> np.ndarray:
    """Write 0 where nothing was seen."""
    return np.where(np.isfinite(values), values, 0.0)
