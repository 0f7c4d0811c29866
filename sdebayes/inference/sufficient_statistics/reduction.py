"""One pass over data, in pieces of bounded memory, for all that an Euler–Maruyama likelihood needs of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float64

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.interning import interned
from sdebayes._core.tasks import total
from sdebayes.data.blocks import pieces_of_work
from sdebayes.data.container import feature_dim
from sdebayes.inference.sufficient_statistics.euler_maruyama import Statistics
from sdebayes.inference.sufficient_statistics.linear_weights import LinearWeights, linear_weights
from sdebayes.likelihood import Observations
from sdebayes.model.sdemodel import SDEModel

PIECE = 4096
"""Transitions whose features are held at once."""

BLOCK = 262_144
"""States that are read at once."""

_MOST_ROUNDING = 1e-4  # about the error of the log evidence, in nats

Read = Callable[[slice, slice], tuple[np.ndarray, np.ndarray]]


@checked
def statistics(model: SDEModel, data: xr.Dataset) -> Statistics:
    """Reduce trajectories to what `Marginal` needs of them, in one pass.

    Parameters
    ----------
    model
        A model that `Marginal` can fit, under Euler–Maruyama. It is scaled to these data unless that is done already,
        which reads them whole.
    data
        Trajectories as `sdebayes.trajectories` makes them, in memory or lazy (zarr, netCDF, dask): they are read in
        blocks, pieces of lazy data as tasks of the Dask scheduler that is active, if one is, and added up in an order
        that does not depend on it. A step without values is left out, its Δt joined to the next.

    Returns
    -------
    Statistics
        Their size does not depend on the data's. Those of parts of the data (other trajectories) under one scaled model
        add up: ``statistics(model, a) + statistics(model, b)``.

    Raises
    ------
    DataError
        If a step is observed in part only, times do not increase, there is no transition, or a path runs away so far
        that sums over it lose their digits.
    ModelError
        If the model's weights cannot be integrated out, or the data have other states.

    See Also
    --------
    sdebayes.Marginal : Fits a model to them.
    sdebayes.inference.log_evidence : What they tell of hyperparameters.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well_1d", 200, 0.1, n_trajectories=4)
    >>> drift = sb.priors.Linear(stable=False)
    >>> model = sb.SDEModel(drift, scheme=sb.schemes.EulerMaruyama(), observation=sb.Exact(), initial="free")
    >>> sums = sb.inference.statistics(model.scaled_to(data), data)
    >>> sums.gram.shape, int(sums.count)
    ((2, 2), 796)
    """
    with precision.scope("float64"):
        ready = linear_weights(model.scaled_to(data))
        width = data.sizes[feature_dim(data)]
        if width != ready.shape[1]:
            raise ModelError(
                f"The data have {width} states, the model was scaled to {ready.shape[1]}; transform them with the same "
                "StateSpace."
            )
        return _telling(_in_pieces(ready, data))


def statistics_if_telling(model: LinearWeights, data: xr.Dataset) -> Statistics | None:
    """Return what `statistics` does of valid data, but None where sums do not tell the likelihood.

    Parameters
    ----------
    model
        The model and its known functions.
    data
        Trajectories.
    """
    try:
        return _telling(_in_pieces(model, data))
    except DataError:
        return None


class _Lazy(NamedTuple):
    """What pieces are read from."""

    model: SDEModel
    data: xr.Dataset


def _in_pieces(model: LinearWeights, data: xr.Dataset) -> Statistics:
    source = _Lazy(model.model, data[["y", "t"]].drop_vars("trajectory", errors="ignore"))
    return total(_of_piece, source, pieces_of_work(data), Statistics.__add__)


def _of_piece(source: _Lazy, piece: slice) -> Statistics:
    data = source.data.isel(trajectory=piece)
    y, t = data["y"].transpose("trajectory", "time", ...), data["t"].transpose("trajectory", "time")

    def read(rows: slice, steps: slice) -> tuple[np.ndarray, np.ndarray]:
        part = {"trajectory": rows, "time": steps}
        return y.isel(part).values.astype(np.float64), t.isel(part).values.astype(np.float64)

    with precision.scope("float64"):
        model = linear_weights(interned(source.model))
        return _reduced(model, read, (y.sizes["trajectory"], y.sizes["time"]))


def statistics_of(model: LinearWeights, observations: Observations) -> Statistics:
    """Reduce data that a model has read, in one pass; errors as of `statistics`.

    Parameters
    ----------
    model
        The model and its known functions.
    observations
        The data.
    """
    return _telling(_reduced(model, *_in_memory(observations)))


def statistics_if_exact(model: LinearWeights, observations: Observations) -> Statistics | None:
    """Return what `statistics_of` does, but None where sums do not tell the likelihood.

    Parameters
    ----------
    model
        The model and its known functions.
    observations
        The data.
    """
    if not observations.complete:
        return None
    total = _reduced(model, *_in_memory(observations))
    return total if total.count > 0 and not lost_digits(total) else None


def _telling(total: Statistics) -> Statistics:
    if not total.count > 0:
        raise DataError("There is no transition: no trajectory has two observed steps.")
    if lost_digits(total):
        raise DataError(
            "The states tell the increments to almost all digits, as where a path runs away or there is no noise, and "
            "sums over them would lose what is left; leave such trajectories out, or use sdebayes.NUTS()."
        )
    return total


def pieces_of(observations: Observations) -> Iterator[tuple[np.ndarray, ...]]:
    """Go through the transitions of data that a model has read: states, increments, steps and weights, `PIECE` at once.

    Parameters
    ----------
    observations
        The data.
    """
    for part in _transitions(*_in_memory(observations)):
        yield from _pieces(part)


def _in_memory(observations: Observations) -> tuple[Read, tuple[int, int]]:
    values, seen, times = (
        np.asarray(o) for o in (observations.values, observations.seen, observations.times)
    )

    def read(rows: slice, steps: slice) -> tuple[np.ndarray, np.ndarray]:
        part = (rows, steps)
        return np.where(seen[part], values[part], np.nan), times[part]

    return read, (values.shape[0], values.shape[1])


class _Transitions(NamedTuple):
    """Transitions, and the first states of trajectories that begin among them."""

    x: Float64[np.ndarray, "transition state"]
    increment: Float64[np.ndarray, "transition state"]
    step: Float64[np.ndarray, " transition"]
    first: Float64[np.ndarray, "trajectory state"]


def _reduced(model: LinearWeights, read: Read, sizes: tuple[int, int]) -> Statistics:
    features, states = model.shape
    reference = np.asarray(model.reference, dtype=np.float64)
    total = _of_first(np.zeros((0, states)), features)
    for part in _transitions(read, sizes):
        total = total + _of_first(part.first - reference, features)
        for piece in _pieces(part):
            total = _accumulate(model)(total, *piece)
    return total


def lost_digits(total: Statistics) -> bool:
    """Whether the rounding errors of sums are as large as what the drift leaves of the increments."""
    gram, cross, square = (np.asarray(part) for part in (total.gram, total.cross, total.square))
    if total.count <= 2 * len(gram):  # so few that the functions may run through all of them
        return False
    size = np.sqrt(np.diagonal(gram))
    size = np.where(size > 0, size, 1.0)
    slopes = cross / size[:, None]
    fit = np.linalg.lstsq(gram / size / size[:, None], slopes, rcond=None)[0]
    whole = np.diagonal(square)
    left = whole - np.sum(fit * slopes, 0)
    rounding = np.finfo(np.float64).eps * float(total.count) * whole
    return bool(np.any(rounding > _MOST_ROUNDING * left))


def _of_first(r: np.ndarray, features: int) -> Statistics:
    """Return the statistics of first states alone, r being what they are beyond the reference."""
    n = r.shape[1]
    shapes = (features, features), (features, n), (n, n), (), ()
    first = r.sum(0), r.T @ r, float(len(r))
    return Statistics(*map(jnp.zeros, shapes), *map(jnp.asarray, first))


def _pieces(part: _Transitions) -> Iterator[tuple[np.ndarray, ...]]:
    for start in range(0, len(part.step), PIECE):
        yield _padded(part, slice(start, start + PIECE))


def _padded(part: _Transitions, rows: slice) -> tuple[np.ndarray, ...]:
    """Return states, increments, steps and weights 1, filled up to a whole piece with weights 0."""
    arrays = part.x[rows], part.increment[rows], part.step[rows]
    missing = PIECE - len(arrays[2])
    x, increment, step = (np.pad(a, [(0, missing)] + [(0, 0)] * (a.ndim - 1), mode="edge") for a in arrays)
    return x, increment, step, (np.arange(PIECE) < PIECE - missing).astype(np.float64)


@lru_cache(maxsize=8)
def _accumulate(model: LinearWeights) -> Callable[..., Statistics]:
    """Return the compiled sum over one piece."""

    def add(total: Statistics, x: Array, increment: Array, step: Array, weight: Array) -> Statistics:
        psi = jax.vmap(model.features)(x)
        weighted = weight[:, None] * psi
        return Statistics(
            total.gram + (weighted * step[:, None]).T @ psi,
            total.cross + weighted.T @ increment,
            total.square + (increment * (weight / step)[:, None]).T @ increment,
            total.log_steps + weight @ jnp.log(step),
            total.count + weight.sum(),
            total.first_sum,
            total.first_square,
            total.first_count,
        )

    return jax.jit(add)


def _transitions(read: Read, sizes: tuple[int, int]) -> Iterator[_Transitions]:
    """Go through the data block by block, the last observed step of each trajectory carried over."""
    count, length = sizes
    rows = max(1, min(count, BLOCK // length))
    steps = min(length, BLOCK)
    for low in range(0, count, rows):
        last: Any = None
        for start in range(0, length, steps):
            values, times = read(slice(low, low + rows), slice(start, start + steps))
            if last is None:
                last = np.full((len(values), values.shape[2]), np.nan), np.full(len(values), np.nan)
            values = np.concatenate([last[0][:, None], values], 1)
            times = np.concatenate([last[1][:, None], times], 1)
            yield _pairs(values, times)
            last = _last(values, times)


def _seen(values: np.ndarray) -> np.ndarray:
    """Return which steps were observed."""
    entries = np.isfinite(values)
    seen = entries.any(-1)
    if not np.array_equal(seen, entries.all(-1)):
        raise DataError(
            "Some steps are observed in part only, which cannot be integrated out together with the weights; set "
            "those steps to NaN whole, or use sdebayes.NUTS() with a Linear() drift."
        )
    return seen


def _pairs(values: np.ndarray, times: np.ndarray) -> _Transitions:
    seen = _seen(values)
    rows, steps = np.nonzero(seen)
    x, t = values[rows, steps], times[rows, steps]
    follows = rows[1:] == rows[:-1]
    step = np.diff(t)[follows]
    if not np.all(step > 0):
        raise DataError("Times do not increase within a trajectory; sort each trajectory by time.")
    begins = np.concatenate([[True], ~follows])[: len(rows)] & np.isnan(values[rows, 0]).all(-1)
    return _Transitions(x[:-1][follows], np.diff(x, axis=0)[follows], step, x[begins])


def _last(values: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    seen = np.isfinite(values).any(-1)
    index = seen.shape[1] - 1 - np.argmax(seen[:, ::-1], 1)
    rows = np.arange(len(values))
    return values[rows, index], times[rows, index]
