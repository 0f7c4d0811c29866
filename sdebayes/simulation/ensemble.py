"""Simulated paths, latent and observed, of an SDE or of every posterior draw."""

from __future__ import annotations

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.draws import ADVICE, choose_draws, evenly_spread
from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.kinds import Count, Numbers, PathLike, Seed, Times
from sdebayes._core.memory import COPIES, check_room
from sdebayes._core.stores import new_store
from sdebayes.simulation.blocks import Simulation, into_store
from sdebayes.simulation.kernels import local_rates
from sdebayes.simulation.source import Source, SourceLike, as_source

_CHUNK_BYTES = 2**26
_COPIES_OF_CHUNK = 6
_RATE_TIMES_SUBSTEP = 0.02
_FEWEST_SUBSTEPS, _MOST_SUBSTEPS = 4, 1000
_PILOT_DRAWS, _PILOT_PATHS, _PILOT_STEPS, _PILOT_SUBSTEPS = 16, 8, 200, 10


@checked
def simulate(
    source: SourceLike,
    times: Times,
    x0: Numbers | None = None,
    paths: Count = 64,
    seed: Seed = 0,
    *,
    samples: Count | None = None,
    substeps: Count | None = None,
    store: PathLike | None = None,
) -> xr.Dataset:
    """Simulate paths of an SDE, or of every posterior draw.

    Parameters
    ----------
    source
        A posterior, an ``SDE`` or an ``ObservedSDE`` (single or stacked; see ``sdebayes.simulation.as_source``).
    times
        Times of the result, (time,), strictly increasing, not necessarily regular; in the unit of the data's ``t``.
    x0
        State at ``times[0]``: (state,), (path, state) or (sample, path, state), sample counting all draws of the
        source. None takes the initial distribution of the posterior, or the stationary distribution of a stable linear
        SDE.
    paths
        Number of paths of each draw. Each has its own trajectory effect and observation noise.
    seed
        Seed. With the same sub-steps, path p of draw s is the same whatever else is simulated beside it.
    samples
        At most so many draws, evenly spread. None takes all draws if each array stays within 1 GiB, else as many as do.
    substeps
        Number of Euler–Maruyama steps between two times, for SDEs that are not linear with additive noise. None
        takes, in each interval, the sub-step h with h(‖∂f‖₂ + ‖∂G‖²) ≤ 0.02 at the states of a short pilot
        simulation, at least 4 and at most 1000 of them.
    store
        A zarr directory for paths that memory does not hold, new: some draws at a time are simulated, as tasks of the
        Dask scheduler that is active, and written there. It is there once it is whole, and returned unread. ``samples``
        None takes all draws then.

    Returns
    -------
    xarray.Dataset
        ``x`` (sample, path, time, state), the latent paths, and ``y``, their observations, over the same dimensions
        (over ``observed`` in place of ``state`` if the observation matrix is not the identity). Attributes tell the
        method, the sub-steps, the draws used of those available, the number of paths that became non-finite (NaN from
        there on) and, for a posterior, of paths that were at any time outside the box of the training data widened by
        a quarter.

    Raises
    ------
    DataError
        If times, x0, paths, seed, samples or substeps cannot be used, or the paths would not fit into memory: the
        message says how many bytes they take and how many are free.
    ModelError
        If x0 is None and the source has no initial distribution, or its parts do not fit together.
    StoreError
        If the store is there already or cannot be written.
    ClusterError
        If draws are simulated into a store on a cluster that is lost, or whose workers die of a task or have another
        version of the package.

    See Also
    --------
    sdebayes.forecast : What comes next in given trajectories.
    sdebayes.analysis.moments.moments : Moments of paths, beside those of data.

    Notes
    -----
    Where noise or level of a posterior depend on covariates, paths are those of an average step.

    A linear SDE with additive noise is simulated by its exact transitions, without discretisation error.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`; a known SDE is simulated in the same way:

    >>> paths = sb.simulate(posterior, times=[0, 1, 2], x0=[2.0, 0.0], paths=8, seed=0)
    >>> dict(paths["x"].sizes)
    {'sample': 50, 'path': 8, 'time': 3, 'state': 2}
    >>> dict(sb.simulate(truth, times=[0, 1, 2], paths=8)["x"].sizes)
    {'sample': 1, 'path': 8, 'time': 3, 'state': 2}
    """
    moments = checked_times(times)
    start = None if x0 is None else np.asarray(x0)
    stacked = as_source(source, None if start is None or not start.ndim else start.shape[-1])
    if start is None and not stacked.has_initial_law:
        raise ModelError(
            "x0 was not given and the SDE has no stationary distribution to start from: it is not a stable linear SDE "
            f"with additive noise. Pass x0 of shape ({stacked.n_states},)."
        )
    starts = None if start is None else _checked_start(start, stacked, paths)
    widest = max(stacked.n_states, stacked.observed.matrix.shape[-2])
    bytes_per_draw = paths * moments.size * widest * np.dtype(stacked.precision).itemsize
    if store is None:
        draws = choose_draws(stacked.n_draws, bytes_per_draw, samples)
    else:
        place = new_store(Path(store))
        draws = evenly_spread(stacked.n_draws, samples or stacked.n_draws)
    chunk = min(draws.size, max(1, _CHUNK_BYTES // (2 * bytes_per_draw)))
    held = COPIES * draws.size if store is None else 0
    check_room(bytes_per_draw * (held + _COPIES_OF_CHUNK * chunk), ADVICE)
    counts, method = _substeps(stacked, moments, starts, draws, seed, substeps)
    simulation = Simulation(stacked, moments, counts, starts, paths, seed, chunk)
    attributes = {
        **method,
        "seed": seed,
        "draws_available": stacked.n_draws,
        "draws_used": draws.size,
        "paths_simulated": draws.size * paths,
    }
    if store is not None:
        return into_store(place, simulation, draws, attributes)
    x, y = simulation.of_all(draws)
    return simulation.labelled(draws, x, y).assign_attrs(attributes | simulation.told(x))


def _substeps(
    source: Source,
    times: np.ndarray,
    starts: np.ndarray | None,
    draws: np.ndarray,
    seed: int,
    substeps: int | None,
) -> tuple[np.ndarray, dict[str, str | int | float]]:
    """Choose the sub-steps of each interval, and say which method and how many."""
    steps = np.diff(times)
    if source.sde.linear is not None:
        return np.ones(steps.size, int), {"method": "exact"}
    if substeps is not None or not steps.size:
        counts = np.full(steps.size, substeps or 1)
    else:
        rate = _pilot_rate(source, times, starts, draws, seed)
        with np.errstate(over="ignore"):
            counts = np.ceil(np.minimum(steps * rate / _RATE_TIMES_SUBSTEP, _MOST_SUBSTEPS)).astype(int)
        counts = np.clip(counts, _FEWEST_SUBSTEPS, _MOST_SUBSTEPS)
    return counts, {"method": "euler_maruyama", "substeps": int(counts.max(initial=1))}


def _pilot_rate(
    source: Source, times: np.ndarray, starts: np.ndarray | None, draws: np.ndarray, seed: int
) -> float:
    """Fastest local rate (99 % quantile) along a few short paths of a few draws, in 1/time."""
    few = draws[evenly_spread(draws.size, _PILOT_DRAWS)]
    early = times[: _PILOT_STEPS + 1]
    begin = None if starts is None else starts[:, :_PILOT_PATHS]
    paths = _PILOT_PATHS if begin is None or begin.shape[1] == 1 else begin.shape[1]
    counts = np.full(early.size - 1, _PILOT_SUBSTEPS)
    x, _ = Simulation(source, early, counts, begin, paths, seed, few.size).of(few)
    with precision.scope(source.precision):
        rates = np.asarray(
            local_rates(source.take(few).sde, jnp.asarray(x.reshape(few.size, -1, source.n_states)))
        )
    finite = rates[np.isfinite(rates)]
    return float(np.quantile(finite, 0.99)) if finite.size else np.inf


def checked_times(times: ArrayLike) -> np.ndarray:
    """Return the times as an array, or raise if they do not increase."""
    array = np.asarray(times, dtype=float)
    backward = np.flatnonzero(np.diff(array) <= 0)
    if backward.size:
        k = int(backward[0])
        raise DataError(
            f"times must increase strictly; times[{k + 1}] = {array[k + 1]:g} follows times[{k}] = {array[k]:g}. "
            "Sort them and drop repeated ones."
        )
    return array


def _checked_start(start: np.ndarray, source: Source, paths: int) -> np.ndarray:
    """Return x0 as (sample or 1, path or 1, state), or raise."""
    n = source.n_states
    allowed = {1: (n,), 2: (paths, n), 3: (source.n_draws, paths, n)}
    if start.shape != allowed.get(start.ndim):
        raise DataError(
            f"x0 has shape {start.shape}; expected (state,) = ({n},), (path, state) = ({paths}, {n}) or "
            f"(sample, path, state) = ({source.n_draws}, {paths}, {n})."
        )
    if start.dtype.kind not in "fiu" or not np.isfinite(start).all():
        raise DataError("x0 must hold finite numbers only.")
    return start.astype(source.precision).reshape((1,) * (3 - start.ndim) + start.shape)
