"""Basins of attraction: where the deterministic flow ends, and how surely."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float, Int
from numpy.typing import ArrayLike

from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws, evenly_spread
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, CountFromTwo, Positive, Probability, State, States, Vectors
from sdebayes._core.units import with_units
from sdebayes.analysis.evaluate import in_chunks, reference_state, state_indices
from sdebayes.analysis.fields.grid import Limits, grid_axes
from sdebayes.analysis.phase_space import flow
from sdebayes.analysis.phase_space.cycles import limit_cycles
from sdebayes.analysis.phase_space.fixed_points import fixed_points
from sdebayes.analysis.phase_space.matched import matched, membership
from sdebayes.dynamics import ObservedSDE
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.source import SourceLike

OTHERS = ("limit cycle", "elsewhere", "away")
"""Where a path may end that comes to no matched fixed point."""

_DRAWS = 50
_STARTS = 64
_BLOCKS, _ROUNDS = 8, 32
_THERE = 0.05
_AWAY = 10.0


@checked
def basins(
    source: SourceLike,
    states: States = (0, 1),
    limits: Limits | None = None,
    points: CountFromTwo = 21,
    at: State | None = None,
    *,
    x0: Vectors | None = None,
    radius: Positive = 0.05,
    min_share: Probability = 0.1,
    samples: Count | None = None,
) -> xr.Dataset:
    """Say, on a plane of two states, to which attractor the deterministic flow of every draw leads from there.

    The flow dx/dt = f(x) is followed from each place of the grid until it is near a stable fixed point or limit cycle
    of that draw; the stable fixed points of all draws are matched, so that their basins can be put together.

    Parameters
    ----------
    source
        A posterior or an SDE.
    states
        Two states, by label or position.
    limits
        (low, high) for both; by default the box that the data fill, else three standard deviations of the stationary
        or initial distribution.
    points
        Number of grid points along each.
    at
        Values of the other states at the start, as a whole state (state,); by default the median equilibrium of an
        affine drift, else the middle of the data, else the median initial mean, else zero. The paths leave the plane.
    x0
        Where to look for attractors, (point, state); default: as in `fixed_points`, and for an SDE of two states
        without data the grid.
    radius, min_share
        As in `matched`.
    samples
        At most so many draws, evenly spread; default: at most 50.

    Returns
    -------
    xarray.Dataset
        ``probability`` (attractor, grid_<first>, grid_<second>), the share of draws whose path from there ends at the
        attractor; ``share`` (sample, attractor), the share of the plane that is its basin; ``reached`` (sample, …), the
        attractor's position in ``attractor``; ``location`` (attractor, state), of the fixed points (NaN for others), in
        units of the states. The attractors are the matched stable fixed points, "fixed point 1" and so on, most
        probable first; then "limit cycle", any stable one; "elsewhere", a fixed point too rare to be matched, or a path
        that has not settled; and "away", further than ten half-widths of the region.

    Raises
    ------
    DataError
        If ``states`` are not two states of the source, or where to look for attractors is not known.

    See Also
    --------
    sdebayes.analysis.phase_space.committor : With noise.
    sdebayes.analysis.phase_space.fixed_points : The attractors.
    sdebayes.plots.phase_space.basins : Draws them.

    Notes
    -----
    These are the basins of the drift: with noise, a path leaves any of them sooner or later. A path has arrived if the
    nearest fixed point of its draw is stable and no further than 0.05 half-widths of the region.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well", 10, 0.1)
    >>> found = sb.analysis.phase_space.basins(truth, limits=[(-2.0, 2.0), (-1.0, 1.0)], points=6)
    >>> found["attractor"].values.tolist()
    ['fixed point 1', 'fixed point 2', 'limit cycle', 'elsewhere', 'away']
    >>> found["share"].round(1).values
    array([[0.5, 0.5, 0. , 0. , 0. ]])
    """
    if len(states) != 2:
        raise DataError(f"Basins are drawn on 2 states and {len(states)} were named: {list(states)!r}.")
    given = next((np.asarray(own).shape[-1] for own in (at, x0) if own is not None), None)
    stacked = as_source(source, given)
    chosen = state_indices(stacked.states, states)
    fixed = reference_state(stacked, at)
    axes = grid_axes(stacked, chosen, limits, points, fixed)
    places = np.tile(fixed, (points**2, 1))
    places[:, chosen] = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    if x0 is None and stacked.region is None and stacked.n_states == 2:
        nonlinear = stacked.sde.drift.as_affine() is None
        x0 = places[evenly_spread(len(places), _STARTS)] if nonlinear else None
    draws = choose_draws(stacked.n_draws, 8 * places.size, samples, _DRAWS)
    thinned = stacked.take(draws)
    found = fixed_points(thinned, x0)
    joined = matched(found, radius, min_share)
    joined = joined.isel(fixed_point=joined["stable"].values)
    count = joined.sizes["fixed_point"]
    labels = membership(found, radius, min_share)
    reached = _reached(thinned, places, found, np.where(labels < count, labels, -1), count, x0)
    return _labelled(stacked, draws, reached, joined, axes, chosen, fixed)


def _reached(
    source: Source,
    places: np.ndarray,
    found: xr.Dataset,
    labels: np.ndarray,
    count: int,
    x0: ArrayLike | None,
) -> Int[np.ndarray, "sample point"]:
    """Return where every path ends: a matched fixed point, or ``count`` and on for ``OTHERS``."""
    cycle, elsewhere, away = count, count + 1, count + 2
    zeros, stable, unit = found["location"].values, found["stable"].values, found["unit"].values
    rows = np.arange(len(zeros))[:, None]
    if source.sde.drift.as_affine() is not None:
        ends = np.where(stable[:, 0], np.where(labels[:, 0] >= 0, labels[:, 0], elsewhere), away)
        return np.broadcast_to(ends[:, None], (len(zeros), len(places))).copy()
    x = np.broadcast_to(places, (len(zeros), *places.shape)).copy()
    active = np.broadcast_to(np.arange(len(places)), x.shape[:2])
    for _ in range(_ROUNDS):
        (x[rows, active],) = in_chunks(_settled, source, np.arange(source.n_draws), x[rows, active])
        near, distance = _nearest(x, zeros, unit)
        there = stable[rows, near] & (distance < _THERE)
        lost = ~(np.abs(x / unit) < _AWAY + np.abs(places / unit).max()).all(axis=-1)
        active = _open(there | lost, active)
        if not active.size:
            break
    own = labels[rows, near]
    reached = np.where(there, np.where(own >= 0, own, elsewhere), np.where(lost, away, elsewhere))
    open_ = ~(there | lost)
    if open_.any():
        cycles = limit_cycles(source, x0, source.n_draws)
        reached[open_ & _on_cycle(cycles, x, unit)] = cycle
    return reached


def _open(done: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Return which places of each draw to follow on: fewer, once three quarters of them are done; none at the end."""
    most = int((~done).sum(axis=1).max())
    if most == 0:
        return active[:, :0]
    if 4 * most > active.shape[1]:
        return active
    return np.argsort(done, axis=1, kind="stable")[:, :most]


@eqx.filter_jit
def _settled(
    observed: ObservedSDE, points: Float[Array, "sample point state"]
) -> tuple[Float[Array, "sample point state"]]:
    def one(own: ObservedSDE, x: Array) -> Array:
        return flow.settle(own.sde, x, _BLOCKS)

    return (eqx.filter_vmap(lambda own, starts: jax.vmap(lambda x: one(own, x))(starts))(observed, points),)


def _nearest(
    x: Float[np.ndarray, "sample point state"],
    zeros: Float[np.ndarray, "sample zero state"],
    unit: Float[np.ndarray, " state"],
) -> tuple[Int[np.ndarray, "sample point"], Float[np.ndarray, "sample point"]]:
    """Return the nearest zero of the own draw, and how far it is in units of the region."""
    best = np.zeros(x.shape[:2], dtype=int)
    least = np.full(x.shape[:2], np.inf)
    for k in range(zeros.shape[1]):
        distance = np.linalg.norm((x - zeros[:, None, k]) / unit, axis=-1)
        closer = distance < least
        best[closer], least[closer] = k, distance[closer]
    return best, least


def _on_cycle(
    cycles: xr.Dataset, x: Float[np.ndarray, "sample point state"], unit: Float[np.ndarray, " state"]
) -> Bool[np.ndarray, "sample point"]:
    """Whether a state is on a stable limit cycle of its draw, up to the distance of the orbit's points."""
    orbits = cycles["orbit"].where(cycles["stable"]).values / unit
    on = np.zeros(x.shape[:2], dtype=bool)
    for i, j in np.argwhere(cycles["stable"].values):
        orbit = orbits[i, j]
        gap = np.linalg.norm(orbit - np.roll(orbit, 1, axis=0), axis=-1).max()
        distance = np.linalg.norm(x[i, :, None] / unit - orbit, axis=-1).min(axis=-1)
        on[i] |= distance < _THERE + 0.5 * gap
    return on


def _labelled(
    source: Source,
    draws: np.ndarray,
    reached: np.ndarray,
    joined: xr.Dataset,
    axes: list[np.ndarray],
    chosen: list[int],
    fixed: np.ndarray,
) -> xr.Dataset:
    names = [f"fixed point {k + 1}" for k in range(joined.sizes["fixed_point"])] + list(OTHERS)
    dims = tuple(f"grid_{source.states[i]}" for i in chosen)
    shape = tuple(len(axis) for axis in axes)
    hits = reached[..., None] == np.arange(len(names))
    location = np.full((len(names), source.n_states), np.nan)
    location[: joined.sizes["fixed_point"]] = joined["location"].values
    variables: dict[str, Any] = {
        "probability": (
            ("attractor", *dims),
            hits.mean(axis=0).T.reshape(-1, *shape),
            {"long_name": "probability that the flow ends at the attractor"},
        ),
        "share": (
            ("sample", "attractor"),
            hits.mean(axis=1),
            {"long_name": "share of the plane that is the basin"},
        ),
        "reached": (
            ("sample", *dims),
            reached.reshape(-1, *shape),
            {"long_name": "position of the attractor"},
        ),
        "location": (("attractor", "state"), location, {"long_name": "mean location"}),
    }
    coords = {"sample": draws, "attractor": names, "state": list(source.states)}
    held = [f"{name}={value:.3g}" for name, value in zip(source.states, fixed, strict=True)]
    return with_units(
        xr.Dataset(
            variables,
            coords | dict(zip(dims, axes, strict=True)),
            source.provenance | {"at": ", ".join(held)},
        ),
        location="state",
    )
