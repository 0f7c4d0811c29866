"""Simulated paths, latent and observed, of an SDE or of every posterior draw."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.draws import ADVICE, choose_draws, evenly_spread
from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.kinds import Count, Numbers, Seed, Times
from sdebayes._core.memory import COPIES, check_room
from sdebayes._core.units import with_units
from sdebayes.simulation.kernels import TimeGrid, exact_transitions, local_rates, simulate_draws
from sdebayes.simulation.source import Source, SourceLike, as_source

_CHUNK_BYTES = 2**26
_COPIES_OF_CHUNK = 6
_REGION = 1.25
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
    itemsize = np.dtype(stacked.precision).itemsize
    bytes_per_draw = paths * moments.size * widest * itemsize
    draws = choose_draws(stacked.n_draws, bytes_per_draw, samples)
    chunk = min(draws.size, max(1, _CHUNK_BYTES // (2 * bytes_per_draw)))
    check_room(bytes_per_draw * (COPIES * draws.size + _COPIES_OF_CHUNK * chunk), ADVICE)
    counts, attributes = _substeps(stacked, moments, starts, draws, seed, substeps)
    x, y = _run(stacked, moments, counts, starts, draws, paths, seed, chunk)
    lost = int((~np.isfinite(x).all(axis=(2, 3))).sum())
    attributes |= {
        "seed": seed,
        "draws_available": stacked.n_draws,
        "draws_used": draws.size,
        "paths_simulated": draws.size * paths,
        "paths_nonfinite": lost,
        **_outside(stacked, x),
    }
    return _labelled(stacked, moments, draws, x, y, stacked.provenance | attributes)


def _outside(source: Source, x: np.ndarray) -> dict[str, int]:
    """Count the paths that leave the data's region, where drift and diffusion are the prior's alone."""
    if source.region is None:
        return {}
    middle, half_width = source.region
    far = np.abs(x - middle) > _REGION * half_width
    return {"paths_outside_data": int(far.any(axis=(2, 3)).sum())}


def _run(
    source: Source,
    times: np.ndarray,
    counts: np.ndarray,
    starts: np.ndarray | None,
    draws: np.ndarray,
    paths: int,
    seed: int,
    chunk: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Simulate in chunks of draws, so that memory beyond the result stays bounded."""
    dtype = np.dtype(source.precision)
    n_observed = source.observed.matrix.shape[-2]
    x = np.empty((draws.size, paths, times.size, source.n_states), dtype)
    y = np.empty((draws.size, paths, times.size, n_observed), dtype)
    chunk = min(chunk, draws.size)
    with precision.scope(source.precision):
        grid = TimeGrid.of(times, counts)
        key = jax.random.key(seed)
        for first in range(0, draws.size, chunk):
            block = draws[first : first + chunk]
            padded = np.pad(block, (0, chunk - block.size), mode="edge")
            begin = None if starts is None else _begin(starts, padded, paths)
            observed = source.take(padded).observed
            linear = observed.sde.linear
            steps = None if linear is None else exact_transitions(linear, grid.intervals)
            latent, seen = simulate_draws(observed, steps, begin, jnp.asarray(padded), key, grid, paths)
            x[first : first + chunk] = np.asarray(latent)[: block.size]
            y[first : first + chunk] = np.asarray(seen)[: block.size]
    x[~np.isfinite(x)] = np.nan
    y[~np.isfinite(y)] = np.nan
    return x, y


def _begin(starts: np.ndarray, draws: np.ndarray, paths: int) -> jax.Array:
    """Start of every path of these draws, (sample, path, state), from starts that may be shared."""
    own = starts[draws] if starts.shape[0] > 1 else starts
    return jnp.asarray(np.broadcast_to(own, (draws.size, paths, starts.shape[-1])))


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
    x, _ = _run(source, early, counts, begin, few, paths, seed, few.size)
    with precision.scope(source.precision):
        rates = np.asarray(
            local_rates(source.take(few).sde, jnp.asarray(x.reshape(few.size, -1, source.n_states)))
        )
    finite = rates[np.isfinite(rates)]
    return float(np.quantile(finite, 0.99)) if finite.size else np.inf


def _labelled(
    source: Source,
    times: np.ndarray,
    draws: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    attributes: dict[str, str | int | float],
) -> xr.Dataset:
    """Name the dimensions of simulated paths."""
    matrix = np.asarray(source.observed.matrix)
    identity = matrix.shape[-1] == matrix.shape[-2] and bool((matrix == np.eye(matrix.shape[-1])).all())
    leading = ("sample", "path", "time")
    dataset = xr.Dataset(
        {"x": ((*leading, "state"), x), "y": ((*leading, "state" if identity else "observed"), y)},
        coords={"sample": draws, "path": np.arange(x.shape[1]), "time": times, "state": list(source.states)},
        attrs=attributes,
    )
    if identity:
        return with_units(dataset, x="state", y="state", time="time")
    return with_units(dataset, x="state", time="time").assign_coords(
        observed=[f"y{i + 1}" for i in range(y.shape[-1])]
    )


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
