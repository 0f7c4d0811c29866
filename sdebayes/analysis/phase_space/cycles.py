"""Limit cycles: closed orbits of the drift that paths are drawn to."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.kinds import Count, Vectors
from sdebayes._core.units import with_units
from sdebayes.analysis.evaluate import in_chunks
from sdebayes.analysis.phase_space import flow
from sdebayes.analysis.phase_space.fixed_points import search_region
from sdebayes.analysis.phase_space.shooting import ORBIT_POINTS, guess, solve
from sdebayes.dynamics import ObservedSDE
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.source import SourceLike

_DRAWS = 50
_STARTS = 8
_ROUNDS, _BLOCKS = 6, 32
_REST = 1e-4
_FAR = 100.0
_LARGEST_SUBSTEPS = 64
_TOLERANCE = 1e-4
_SAME = 0.02
_EDGE = 2.0


@checked
def limit_cycles(source: SourceLike, x0: Vectors | None = None, samples: Count | None = None) -> xr.Dataset:
    """Find the limit cycles of the drift of every draw that attract paths within the data.

    The flow dx/dt = f(x) is followed from each start past a transient (1536 Runge–Kutta steps, each a quarter of the
    inverse of the rate ‖J‖ + ‖dJ/dt‖^½ of the Jacobian J where it is) and, if it is not at rest, as long again; where
    that path comes back to where it ends, the closed orbit is solved for, φ_T(x) = x. Its Floquet multipliers are the
    eigenvalues of ∂φ_T/∂x: one of them is 1, along the orbit, and the orbit attracts if all others are inside the unit
    circle.

    Parameters
    ----------
    source
        A posterior or an SDE.
    x0
        Places to start from, (point, state); default: 8 quasi-random ones in the box of the training data. Of an SDE
        without data, places that fill the region.
    samples
        At most so many draws, evenly spread; default: at most 50.

    Returns
    -------
    xarray.Dataset
        Over (sample, cycle), NaN beyond a draw's number of cycles: ``period`` in time; ``multiplier``, the largest
        modulus of a Floquet multiplier but the trivial one (NaN for one state); ``stable``; ``amplitude`` (…, state),
        half the distance between the extremes of each state; ``orbit`` (…, phase, state), 128 points of it at equal
        times, the phase between 0 and 1. ``exists`` (sample): whether the draw has a stable one; the mean over the
        draws is the posterior probability of a limit cycle.

    Raises
    ------
    DataError
        If the starts are not (point, state), or there are none and the source has no data.

    See Also
    --------
    sdebayes.analysis.phase_space.fixed_points : Attractors at rest.
    sdebayes.plots.phase_space.limit_cycles : Draws them.

    Notes
    -----
    An affine drift has no limit cycle: its closed orbits, if any, fill a plane. Cycles that repel in every direction
    are not found, for the flow leaves them; an unstable one is sometimes met in a chaotic flow. A cycle whose period is
    longer than 380 times the inverse of the rate along it is missed.

    References
    ----------
    Kuznetsov (2004), Elements of Applied Bifurcation Theory, sec. 1.5, doi:10.1007/978-1-4757-3978-7.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("limit_cycle", 10, 0.1)
    >>> found = sb.analysis.phase_space.limit_cycles(truth, x0=[[-1.5, -1.5], [1.5, 1.5]])
    >>> float(found["period"].squeeze().round(2)), bool(found["exists"])  # 2π/2
    (3.14, True)
    """
    stacked = as_source(source, None if x0 is None else np.asarray(x0).shape[-1])
    places, middle, unit = search_region(stacked, x0, _STARTS)
    if samples is None:
        samples = min(stacked.n_draws, _DRAWS)
    draws = choose_draws(stacked.n_draws, 8 * places.size * _ROUNDS * _BLOCKS * flow.BLOCK, samples)
    if stacked.sde.drift.as_affine() is not None:
        return _labelled(stacked, draws, [[] for _ in draws])
    found = _closed(stacked, draws, places, unit)
    kept = [_distinct([one for one in own if _counts(one, middle, unit)], unit) for own in found]
    return _labelled(stacked, draws, kept)


def _closed(
    source: Source, draws: np.ndarray, places: np.ndarray, unit: np.ndarray
) -> list[list[dict[str, Any]]]:
    """Return the closed orbits that the paths of each draw lead to."""
    x = np.broadcast_to(places, (draws.size, *places.shape))
    for _ in range(_ROUNDS):
        x, moved = in_chunks(lambda observed, at: _settled(observed, at, jnp.asarray(unit)), source, draws, x)
        moving = (moved > _REST) & (np.abs(x - places.mean(axis=0)) < _FAR * unit).all(axis=-1)
        if not moving.any():
            return [[] for _ in draws]
    active = np.flatnonzero(moving.any(axis=1))
    found: list[list[dict[str, Any]]] = [[] for _ in draws]
    for i, own in zip(active, _solved(source, draws[active], x[active], moving[active], unit), strict=True):
        found[i] = own
    return found


def _solved(
    source: Source, draws: np.ndarray, x: np.ndarray, moving: np.ndarray, unit: np.ndarray
) -> list[list[dict[str, Any]]]:
    """Return the closed orbits on which the moving ones of these places are."""
    times, paths = in_chunks(_late_paths, source, draws, x)
    guesses = np.full((*paths.shape[:2], source.n_states + 1), np.nan)
    steps = 0.0
    for i, j in np.argwhere(moving):
        period = guess(times[i, j], paths[i, j], unit)
        if period is not None:
            guesses[i, j] = np.append(paths[i, j, -1], period)
            steps = max(steps, 2 * period / np.diff(times[i, j]).min())
    known = np.isfinite(guesses).all(axis=-1)
    if not known.any():
        return [[] for _ in draws]
    order = np.argsort(~known, axis=1, kind="stable")[:, : known.sum(axis=1).max()]
    guesses = np.take_along_axis(guesses, order[..., None], axis=1)
    substeps = int(np.clip(2 ** np.ceil(np.log2(steps / ORBIT_POINTS)), 2, _LARGEST_SUBSTEPS))
    orbits, periods, monodromies, errors = in_chunks(
        lambda observed, rows: solve(observed, rows, jnp.asarray(unit, rows.dtype), substeps),
        source,
        draws,
        guesses,
    )
    return [
        [
            {"orbit": orbits[i, j], "period": periods[i, j], "multiplier": _multiplier(monodromies[i, j])}
            for j in np.flatnonzero(errors[i] < _TOLERANCE)
        ]
        for i in range(draws.size)
    ]


@eqx.filter_jit
def _settled(
    observed: ObservedSDE, points: Float[Array, "sample point state"], unit: Float[Array, " state"]
) -> tuple[Float[Array, "sample point state"], Float[Array, "sample point"]]:
    """Return the places later on, and how far the drift would move each in the time 1/‖∂f/∂x‖, in units."""

    def one(own: ObservedSDE, x: Array) -> tuple[Array, Array]:
        later = flow.settle(own.sde, x, _BLOCKS)
        step = flow.local_step(own.sde, later) / flow.RATE_TIMES_STEP
        return later, jnp.linalg.norm(step * own.sde.drift(later) / unit)

    return eqx.filter_vmap(lambda own, starts: jax.vmap(lambda x: one(own, x))(starts))(observed, points)


@eqx.filter_jit
def _late_paths(
    observed: ObservedSDE, points: Float[Array, "sample point state"]
) -> tuple[Float[Array, "sample point time"], Float[Array, "sample point time state"]]:
    def late(own: ObservedSDE, x: Array) -> tuple[Array, Array]:
        return flow.settling_path(own.sde, x, _ROUNDS * _BLOCKS)

    return eqx.filter_vmap(lambda own, starts: jax.vmap(lambda x: late(own, x))(starts))(observed, points)


def _multiplier(monodromy: np.ndarray) -> float:
    """Return the largest modulus of the multipliers but the trivial one, which is nearest to 1."""
    values = np.linalg.eigvals(monodromy)
    others = np.delete(values, np.abs(values - 1).argmin())
    return float(np.abs(others).max()) if others.size else np.nan


def _counts(one: dict[str, Any], middle: np.ndarray, unit: np.ndarray) -> bool:
    """Whether an orbit is one, not a point, and lies about the region."""
    size = np.linalg.norm(np.ptp(one["orbit"], axis=0) / unit)
    near = np.all(np.abs(one["orbit"] - middle) <= _EDGE * unit)
    return bool(one["period"] > 0 and size > _SAME and near)


def _distinct(orbits: list[dict[str, Any]], unit: np.ndarray) -> list[dict[str, Any]]:
    """Return one of every group of orbits that are the same, or the same run through several times."""
    kept: list[dict[str, Any]] = []
    for one in sorted(orbits, key=lambda one: one["period"]):
        corners = _box(one, unit)
        if all(np.abs(corners - _box(other, unit)).max() > _SAME for other in kept):
            kept.append(one)
    return kept


def _box(one: dict[str, Any], unit: np.ndarray) -> np.ndarray:
    return np.stack([one["orbit"].min(axis=0), one["orbit"].max(axis=0)]) / unit


def _labelled(source: Source, draws: np.ndarray, found: list[list[dict[str, Any]]]) -> xr.Dataset:
    most, n = max(1, *(len(own) for own in found)), source.n_states
    orbit = np.full((draws.size, most, ORBIT_POINTS, n), np.nan)
    period, multiplier = np.full((2, draws.size, most), np.nan)
    for i, own in enumerate(found):
        for j, one in enumerate(own):
            orbit[i, j], period[i, j], multiplier[i, j] = one["orbit"], one["period"], one["multiplier"]
    stable = np.isfinite(period) & (multiplier < 1)
    dims = ("sample", "cycle")
    return with_units(
        xr.Dataset(
            {
                "exists": (
                    "sample",
                    stable.any(axis=1),
                    {"long_name": "whether there is a stable limit cycle"},
                ),
                "period": (dims, period, {"long_name": "period of the limit cycle"}),
                "multiplier": (dims, multiplier, {"long_name": "largest nontrivial Floquet multiplier"}),
                "stable": (dims, stable, {"long_name": "whether the limit cycle attracts"}),
                "amplitude": (
                    (*dims, "state"),
                    0.5 * (orbit.max(axis=2) - orbit.min(axis=2)),
                    {"long_name": "amplitude of the limit cycle"},
                ),
                "orbit": ((*dims, "phase", "state"), orbit, {"long_name": "limit cycle"}),
            },
            {
                "sample": draws,
                "state": list(source.states),
                "phase": np.arange(ORBIT_POINTS) / ORBIT_POINTS,
            },
            source.provenance,
        ),
        period="time",
        amplitude="state",
        orbit="state",
    )
