"""Mean exit times by simulation, for any number of states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Numbers, Positive, Seed
from sdebayes._core.places import Places
from sdebayes.analysis.evaluate import drift_and_covariance, jacobians
from sdebayes.analysis.phase_space.markov_grid import check_sizes
from sdebayes.analysis.phase_space.regions import Region
from sdebayes.simulation import Source, as_source, simulate
from sdebayes.simulation.source import SourceLike

_MOST_DRAWS = 20
_EVERY = 4
_STEPS_ACROSS = 10.0
_RATE_TIMES_STEP = 0.05
_LONGEST_STEPS = 5000
_BYTES = 2**27
_MOST_LOOKS = 100
_SEED_STEP = 7919


@checked
def simulated_exit_time(
    source: SourceLike,
    region: Region,
    x0: Numbers,
    paths: Count = 100,
    seed: Seed = 0,
    *,
    dt: Positive | None = None,
    longest: Positive | None = None,
    samples: Count | None = None,
) -> xr.Dataset:
    """Return the mean time after which simulated paths leave a region for the first time, draw by draw.

    Parameters
    ----------
    source
        A posterior or an SDE in any number of states.
    region
        The region, in all states of the source.
    x0
        Where the paths start, inside: (state,), (point, state) or a DataArray (…, state).
    paths
        Number of paths of each draw and start.
    seed
        Seed.
    dt
        Step of the simulation, in time; by default such that the noise of one step, (tr Σ Δt)^½, is a tenth of the
        region's least half-width (or of the way from the start to its only border), and at most 0.05 of the fastest
        time constant at the first start.
    longest
        Longest time simulated; by default 5000 steps.
    samples
        At most so many draws, evenly spread; by default at most 20.

    Returns
    -------
    xarray.Dataset
        ``exit_time`` (sample, …) in time; ``standard_error``, its Monte-Carlo error; ``share_left``, the share of the
        paths that left. Below 1, the paths that are still inside count with the time they were followed, as if they
        left at a constant rate; the time is infinite if no path left.

    Raises
    ------
    DataError
        If the region has other states than the source, a start is not inside, or paths, dt or longest are not
        positive.

    See Also
    --------
    sdebayes.analysis.phase_space.exit_time : Without simulation, in one or two states.
    sdebayes.plots.phase_space.exit_time : Draws it.

    Notes
    -----
    A path seen at steps of Δt leaves late, on average by c √Δt. The same paths seen at every fourth step leave late by
    2 c √Δt, so that 2 T(Δt) − T(4 Δt) has an error of order Δt: for Brownian motion in balls of one to eight
    dimensions and the default step it is 1 % too early.

    References
    ----------
    Gobet & Menozzi (2010), Stochastic Processes and their Applications 120, 130–162, doi:10.1016/j.spa.2009.09.014.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("rotating_ornstein_uhlenbeck_3d", 10, 0.1)
    >>> ball = sb.analysis.phase_space.Ball([0.0, 0.0, 0.0], 0.5)
    >>> found = sb.analysis.phase_space.simulated_exit_time(truth, ball, [0.0, 0.0, 0.0], paths=50)
    >>> float(found["share_left"].squeeze())
    1.0
    """
    stacked = as_source(source, region.n_states)
    check_sizes(stacked, [region])
    places = Places.read(x0, stacked.states)
    if not region.contains(places.points).all():
        raise DataError("A start is not inside the region; its exit time is 0. Give starts inside.")
    draws = choose_draws(stacked.n_draws, 1, samples, _MOST_DRAWS)
    chosen = stacked.take(draws)
    step = _step(chosen, region, places.points) if dt is None else dt
    end = _LONGEST_STEPS * step if longest is None else longest
    if not step > 0 or not end > 0:
        raise DataError(f"dt={dt!r} and longest={longest!r} must be positive.")
    starts = np.repeat(places.points, paths, axis=0)
    fine, coarse = _watch(chosen, region, starts, step, end, seed)
    shape = (draws.size, len(places.points), paths)
    mean, error, share = _extrapolated(fine.of_shape(shape), coarse.of_shape(shape))
    unit = stacked.time_unit
    labels = {"sample": draws}
    variables = [
        places.named(mean, labels, "exit_time", long_name="mean exit time", units=unit),
        places.named(
            error, labels, "standard_error", long_name="Monte-Carlo error of the exit time", units=unit
        ),
        places.named(share, labels, "share_left", long_name="share of the paths that left", units="1"),
    ]
    attributes = {"method": "simulated paths", "dt": step, "longest": end, "paths": paths, "seed": seed}
    return xr.Dataset(
        {variable.name: variable for variable in variables}, attrs=stacked.provenance | attributes
    )


@dataclass(frozen=True)
class _Exits:
    """How long each path was followed inside, and whether it left."""

    time: np.ndarray
    left: np.ndarray

    def of_shape(self, shape: tuple[int, ...]) -> _Exits:
        """Return the same in another shape."""
        return _Exits(self.time.reshape(shape), self.left.reshape(shape))

    def mean(self) -> Float[np.ndarray, "sample point"]:
        """Return the mean exit time, if paths leave at a constant rate after they were followed."""
        count = self.left.sum(axis=-1)
        return np.where(count > 0, self.time.sum(axis=-1) / np.maximum(count, 1), np.inf)

    def influence(self) -> Float[np.ndarray, "sample point path"]:
        """Return by how much each path moves the mean, times the number of paths."""
        mean = self.mean()[..., None]
        share = self.left.mean(axis=-1, keepdims=True)
        known = share > 0
        away = self.time - np.where(known, mean, 0.0) * self.left
        return np.where(known, away / np.where(known, share, 1.0), np.nan)


def _extrapolated(fine: _Exits, coarse: _Exits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean, Monte-Carlo error and share that left, (sample, point) each."""
    late, later = fine.mean(), coarse.mean()
    known = np.isfinite(later)
    mean = np.where(known, 2 * late - np.where(known, later, 0.0), np.inf)
    spread = (2 * fine.influence() - coarse.influence()).std(axis=-1)
    return np.maximum(mean, 0.0), spread / np.sqrt(fine.time.shape[-1]), fine.left.mean(axis=-1)


def _watch(
    source: Source, region: Region, starts: np.ndarray, step: float, end: float, seed: int
) -> tuple[_Exits, _Exits]:
    """Follow paths block by block, and note when they are first seen outside at every step and every fourth one."""
    n_paths, n = starts.shape
    total = int(np.ceil(end / (_EVERY * step)))
    most = int(np.clip(_BYTES // (16 * source.n_draws * n_paths * n * _EVERY), 1, _MOST_LOOKS))
    blocks = -(-total // most)
    steps = _EVERY * -(-total // blocks)
    times = step * np.arange(steps + 1)
    shape = (source.n_draws, n_paths)
    place = np.broadcast_to(starts, (*shape, n)).copy()
    seen = {every: np.full(shape, -1) for every in (1, _EVERY)}
    done = 0
    for _ in range(blocks):
        if (seen[_EVERY] >= 0).all():
            break
        run = simulate(
            source, times, place, n_paths, seed + _SEED_STEP * done, samples=source.n_draws, substeps=1
        )
        x = run["x"].values
        outside = ~region.contains(x)
        for every, first in seen.items():
            _note(first, outside, every, done)
        place = np.where(np.isfinite(x[:, :, -1]), x[:, :, -1], starts).astype(float)
        done += steps
    fine, coarse = (
        _Exits(np.where(first < 0, done, first) * step, first >= 0) for first in (seen[1], seen[_EVERY])
    )
    return fine, coarse


def _note(
    first: Int[np.ndarray, "sample path"],
    outside: Bool[np.ndarray, "sample path time"],
    every: int,
    done: int,
) -> None:
    """Write the number of the first step outside of those paths that had not left before."""
    looked = outside[:, :, every::every]
    now = (first < 0) & looked.any(axis=-1)
    first[now] = done + every * (1 + looked.argmax(axis=-1)[now])


def _step(source: Source, region: Region, points: np.ndarray) -> float:
    """Return a step in which the noise is short beside the region and the drift hardly changes."""
    draws = np.arange(source.n_draws)
    drift, covariance = drift_and_covariance(source, draws, points)
    slopes = jacobians(source, draws, points[:1])[:, 0]
    limits = region.limits
    low, high = limits[:, 0], limits[:, 1]
    bounded = np.isfinite(low) & np.isfinite(high)
    with np.errstate(invalid="ignore"):
        half = np.where(bounded, 0.5 * (high - low), np.inf)
        one_sided = np.minimum(np.abs(points - low), np.abs(high - points)).min(axis=0)
    sizes = np.where(bounded, half, one_sided)
    variance = float(np.trace(covariance, axis1=-2, axis2=-1).max())
    speeds = np.abs(drift).max(axis=(0, 1))
    fastest = float(np.linalg.norm(slopes, 2, axis=(-2, -1)).max())
    with np.errstate(divide="ignore"):
        steps = [
            (sizes.min() / _STEPS_ACROSS) ** 2 / np.float64(variance),
            np.min(sizes / _STEPS_ACROSS / speeds),
            _RATE_TIMES_STEP / np.float64(fastest),
        ]
    return float(np.min(steps))
