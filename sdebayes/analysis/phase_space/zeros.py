"""Where the drift vanishes, draw by draw, and the fixed points that draws have in common."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float
from numpy.typing import ArrayLike
from scipy.stats import qmc

from sdebayes._core.errors import DataError
from sdebayes.analysis.evaluate import in_chunks, jacobians
from sdebayes.dynamics import ObservedSDE
from sdebayes.simulation import Source, as_source, choose_draws
from sdebayes.simulation.source import SourceLike

_STARTS = 64
_ITERATIONS = 60
_LONGEST = 0.25
_TOLERANCE = 1e-5
_SAME = 0.02
_EDGE = 1.2


def fixed_points(
    source: SourceLike, starts: ArrayLike | None = None, samples: int | None = None
) -> xr.Dataset:
    """Find the zeros of the drift of every draw, f(x*) = 0, within and just around the data.

    Newton's iteration from many places, no step longer than a quarter of the region's half-width; what does not
    converge, or leaves 1.2 times the region, is dropped.

    Parameters
    ----------
    source
        A posterior or an SDE.
    starts
        Places to start from, (point, state); default: 64 quasi-random ones in the box of the training data.
    samples
        Number of draws, evenly thinned; default: all.

    Returns
    -------
    xarray.Dataset
        ``location`` (sample, fixed_point, state), in units of the states, NaN beyond a draw's number of zeros;
        ``stable`` (sample, fixed_point), whether every eigenvalue of the drift's Jacobian there has a negative real
        part; ``unit`` (state), the half-width of the region. Stable ones come first, then by the first state.

    Raises
    ------
    DataError
        If the places are not (point, state), or there are none and the source has no data.
    """
    stacked = as_source(source, None if starts is None else np.asarray(starts).shape[-1])
    places, middle, unit = _region(stacked, starts)
    draws = choose_draws(stacked.n_draws, places.size * stacked.n_states * 8, samples)
    ends, moved = in_chunks(
        lambda observed, points: _newton(observed, points, jnp.asarray(unit)), stacked, draws, places
    )
    near = np.all(np.abs(ends - middle) <= _EDGE * unit, axis=-1)
    found = [_distinct(ends[i, near[i] & (moved[i] < _TOLERANCE)], unit) for i in range(draws.size)]
    most = max(1, *(len(zeros) for zeros in found))
    table = np.full((draws.size, most, stacked.n_states), np.nan)
    for row, zeros in zip(table, found, strict=True):
        row[: len(zeros)] = zeros
    return _labelled(stacked, draws, table, unit)


def matched(found: xr.Dataset, reach: float = 0.2, least: float = 0.1) -> xr.Dataset:
    """Match the fixed points of all draws: those of one kind that lie close together are one.

    Parameters
    ----------
    found
        As `fixed_points` returns it.
    reach
        Zeros of different draws nearer than this, in half-widths of the region, belong together.
    least
        Smallest share of draws that makes a fixed point.

    Returns
    -------
    xarray.Dataset
        Over ``fixed_point``: ``location`` and ``sd`` (fixed_point, state), mean and standard deviation over the draws
        that have it; ``probability``, the share of draws that do; ``stable``. Stable ones come first, then the most
        probable.

    References
    ----------
    Density-based clustering: Ester, Kriegel, Sander & Xu (1996), KDD-96, 226–231.
    """
    groups = [
        (stable, members, probability)
        for stable in (True, False)
        for members, probability in _clusters(found, stable, reach, least)
    ]
    shape = (len(groups), found.sizes["state"])
    return xr.Dataset(
        {
            "location": (
                ("fixed_point", "state"),
                np.array([own.mean(0) for _, own, _ in groups]).reshape(shape),
            ),
            "sd": (("fixed_point", "state"), np.array([own.std(0) for _, own, _ in groups]).reshape(shape)),
            "probability": ("fixed_point", np.array([share for *_, share in groups], dtype=float)),
            "stable": ("fixed_point", np.array([stable for stable, *_ in groups], dtype=bool)),
        },
        {"state": found["state"].values},
    )


def _clusters(found: xr.Dataset, stable: bool, reach: float, least: float) -> list[tuple[np.ndarray, float]]:
    """Return the members (zero, state) of each group and the share of draws that have one, largest share first."""
    from sklearn.cluster import DBSCAN

    table = (
        found["location"].where(found["stable"] == stable).transpose("sample", "fixed_point", "state").values
    )
    sample, place = np.nonzero(np.isfinite(table).all(axis=-1))
    if not len(sample):
        return []
    zeros, draws = table[sample, place], found.sizes["sample"]
    cluster = DBSCAN(eps=reach, min_samples=max(1, int(least * draws)))
    labels = cluster.fit_predict(zeros / found["unit"].values)
    groups = [
        (zeros[labels == k], len(np.unique(sample[labels == k])) / draws) for k in np.unique(labels) if k >= 0
    ]
    return sorted((group for group in groups if group[1] >= least), key=lambda group: -group[1])


def _region(
    source: Source, starts: ArrayLike | None
) -> tuple[Float[np.ndarray, "point state"], np.ndarray, np.ndarray]:
    """Return where to start, and middle and half-width of the box in which zeros count."""
    if starts is not None:
        places = np.asarray(starts, dtype=float)
        if places.ndim != 2 or places.shape[-1] != source.n_states or not np.isfinite(places).all():
            raise DataError(
                f"starts have the shape {places.shape}; expected finite (point, {source.n_states})."
            )
        low, high = places.min(axis=0), places.max(axis=0)
        return places, 0.5 * (low + high), np.maximum(0.5 * (high - low), 1e-6)
    if source.region is None:
        raise DataError(
            "Where to look for fixed points cannot be guessed from an SDE without data; pass starts=, places of shape "
            "(point, state) that fill the region."
        )
    middle, unit = source.region
    cube = qmc.Sobol(source.n_states, seed=0).random(_STARTS)
    return middle + unit * (2 * cube - 1), middle, unit


@eqx.filter_jit
def _newton(
    observed: ObservedSDE, places: Float[Array, "sample point state"], unit: Float[Array, " state"]
) -> tuple[Float[Array, "sample point state"], Float[Array, "sample point"]]:
    """Return where the iteration ends, and the length of its last full step in units of the region."""

    def one(own: ObservedSDE, start: Float[Array, " state"]) -> tuple[Array, Array]:
        def full_step(x: Array) -> Array:
            return -jnp.linalg.solve(own.sde.drift.jacobian(x), own.sde.drift(x))

        def move(x: Array, _: None) -> tuple[Array, None]:
            step = full_step(x)
            length = jnp.linalg.norm(step / unit)
            return x + step * jnp.minimum(1.0, _LONGEST / length), None

        end, _ = jax.lax.scan(move, start, None, length=_ITERATIONS)
        return end, jnp.linalg.norm(full_step(end) / unit)

    return eqx.filter_vmap(lambda own, starts: jax.vmap(lambda x: one(own, x))(starts))(observed, places)


def _distinct(zeros: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Return one of every group of zeros that are the same."""
    kept: list[np.ndarray] = []
    for zero in zeros:
        if all(np.linalg.norm((zero - other) / unit) > _SAME for other in kept):
            kept.append(zero)
    return np.array(kept).reshape(-1, len(unit))


def _labelled(source: Source, draws: np.ndarray, table: np.ndarray, unit: np.ndarray) -> xr.Dataset:
    known = np.isfinite(table).all(axis=-1)
    rates = np.linalg.eigvals(jacobians(source, draws, np.nan_to_num(table))).real.max(axis=-1)
    stable = known & (rates < 0)
    order = np.lexsort((np.nan_to_num(table[..., 0], nan=np.inf), ~stable), axis=-1)
    return xr.Dataset(
        {
            "location": (
                ("sample", "fixed_point", "state"),
                np.take_along_axis(table, order[..., None], axis=1),
            ),
            "stable": (("sample", "fixed_point"), np.take_along_axis(stable, order, axis=1)),
            "unit": ("state", unit),
        },
        {"sample": draws, "state": list(source.states)},
        source.provenance,
    )
