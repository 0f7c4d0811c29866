"""Where the drift vanishes, draw by draw."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float
from numpy.typing import ArrayLike
from scipy.stats import qmc

from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Vectors
from sdebayes._core.units import with_units
from sdebayes.analysis.evaluate import in_chunks, jacobians
from sdebayes.analysis.fields.distance import NAME, data_distance, hangs_on_nearness
from sdebayes.analysis.phase_space import stability
from sdebayes.dynamics import ObservedSDE
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.source import SourceLike

_STARTS = 64
_ITERATIONS = 60
_LONGEST = 0.25
_TOLERANCE = 1e-5
_SAME = 0.02
_EDGE = 1.2


@checked
def fixed_points(source: SourceLike, x0: Vectors | None = None, samples: Count | None = None) -> xr.Dataset:
    """Find the zeros of the drift of every draw, f(x*) = 0, within and just around the data.

    Newton's iteration from many places, no step longer than a quarter of the region's half-width; what does not
    converge, or leaves 1.2 times the region, is dropped.

    Parameters
    ----------
    source
        A posterior or an SDE.
    x0
        Places to start from, (point, state); default: 64 quasi-random ones in the box of the training data, and none
        for an affine drift, whose only zero is solved for, wherever it lies.
    samples
        At most so many draws, evenly spread; default: all.

    Returns
    -------
    xarray.Dataset
        ``location`` (sample, fixed_point, state), in units of the states, NaN beyond a draw's number of zeros. Over
        (sample, fixed_point), from the eigenvalues λ of the drift's Jacobian there: ``stable``, whether all have a
        negative real part; ``kind``, the code of the type (−1 where there is no zero), whose names stand in the
        attribute ``flag_meanings``, separated by commas: nodes, foci and saddles; ``time_constant``, ``1/|Re λ|``, and
        ``period``, ``2π/|Im λ|`` (infinite without rotation), in time, of the eigenvalue with the largest real part,
        the slowest to decay or the fastest to grow; of a posterior whose drift bends also ``data_distance``, how far
        from all data it is, in standard deviations of the data. ``unit`` (state) is the half-width of the region.
        Stable ones come first, then by the first state.

    Raises
    ------
    DataError
        If the places are not (point, state), or there are none and the source has no data.

    See Also
    --------
    sdebayes.analysis.phase_space.matched : The same point in all draws.
    sdebayes.analysis.phase_space.fixed_point_counts : How many there are.
    sdebayes.analysis.phase_space.limit_cycles : Attractors that move.
    sdebayes.analysis.fields.data_distance : How far places are from all data.
    sdebayes.plots.phase_space.fixed_points : Draws them.

    Notes
    -----
    A node or a focus by that eigenvalue: a focus if it is complex, so that paths turn on their way in or out. A saddle
    attracts from some directions and repels along others; where a real part is zero, the linearisation does not decide
    (non-hyperbolic).

    References
    ----------
    Kuznetsov (2004), Elements of Applied Bifurcation Theory, ch. 2, doi:10.1007/978-1-4757-3978-7.

    Examples
    --------
    Continuing the example of :class:`sdebayes.priors.Parametric`:

    >>> found = sb.analysis.phase_space.fixed_points(posterior)
    >>> dict(found["location"].sizes)
    {'sample': 50, 'fixed_point': 3, 'state': 2}
    >>> found["stable"].mean("sample").values  # wells at -1 and 1, and the saddle between them
    array([1., 1., 0.])
    """
    stacked = as_source(source, None if x0 is None else np.asarray(x0).shape[-1])
    equilibria = stacked.equilibrium() if x0 is None else None
    if equilibria is not None:
        draws = choose_draws(stacked.n_draws, stacked.n_states * 8, samples)
        return _labelled(stacked, draws, equilibria[draws, None], _affine_unit(stacked, equilibria[draws]))
    places, middle, unit = search_region(stacked, x0, _STARTS)
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
    dataset = _labelled(stacked, draws, table, unit)
    if hangs_on_nearness(stacked):
        dataset[NAME] = _from_data(stacked, dataset["location"])
    return dataset


def search_region(
    source: Source, x0: ArrayLike | None, count: int
) -> tuple[Float[np.ndarray, "point state"], np.ndarray, np.ndarray]:
    """Return where to start, by default ``count`` quasi-random places, and middle and half-width of the box."""
    if x0 is not None:
        places = np.asarray(x0, dtype=float)
        if places.ndim != 2 or places.shape[-1] != source.n_states or not np.isfinite(places).all():
            raise DataError(f"x0 has the shape {places.shape}; expected finite (point, {source.n_states}).")
        low, high = places.min(axis=0), places.max(axis=0)
        return places, 0.5 * (low + high), np.maximum(0.5 * (high - low), 1e-6)
    if source.region is None:
        raise DataError(
            "Where to look cannot be guessed from an SDE without data; pass x0=, places of shape "
            "(point, state) that fill the region."
        )
    middle, unit = source.region
    cube = qmc.Sobol(source.n_states, seed=0).random(count)
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


def _from_data(source: Source, location: xr.DataArray) -> xr.DataArray:
    """Return how far zeros are from all data, (sample, fixed_point); NaN where there is none."""
    known = location.notnull().all("state")
    places = location.where(known, 0.0).rename(sample="draw")
    return data_distance(source, places).rename(draw="sample").where(known)


def _distinct(zeros: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Return one of every group of zeros that are the same."""
    kept: list[np.ndarray] = []
    for zero in zeros:
        if all(np.linalg.norm((zero - other) / unit) > _SAME for other in kept):
            kept.append(zero)
    return np.array(kept).reshape(-1, len(unit))


def _affine_unit(source: Source, equilibria: np.ndarray) -> np.ndarray:
    """Return the half-width of the data's box, else 3 standard deviations of the stationary law or of the zeros."""
    if source.region is not None:
        return source.region[1]
    if source.has_initial_law:
        variances = np.diagonal(np.asarray(source.observed.initial_covariance), axis1=-2, axis2=-1)
        return 3 * np.sqrt(np.median(variances, axis=0))
    spread = 3 * np.nanstd(equilibria, axis=0) if np.isfinite(equilibria).any() else np.zeros(source.n_states)
    return np.where(spread > 0, spread, 1.0)


def _labelled(source: Source, draws: np.ndarray, table: np.ndarray, unit: np.ndarray) -> xr.Dataset:
    known = np.isfinite(table).all(axis=-1)
    values = np.linalg.eigvals(jacobians(source, draws, np.nan_to_num(table))).astype(complex)
    kind = np.where(known, stability.kinds(values), stability.NO_KIND)
    stable = known & (stability.character(kind) == stability.CHARACTERS.index("attracting"))
    time_constant, period = (np.where(known, value, np.nan) for value in stability.times(values))
    order = np.lexsort((np.nan_to_num(table[..., 0], nan=np.inf), ~stable), axis=-1)
    meaning = {"flag_values": np.arange(len(stability.KINDS)), "flag_meanings": ", ".join(stability.KINDS)}

    def over(values: np.ndarray, **attrs: Any) -> tuple[tuple[str, str], np.ndarray, dict[str, Any]]:
        return ("sample", "fixed_point"), np.take_along_axis(values, order, axis=1), attrs

    return with_units(
        xr.Dataset(
            {
                "location": (
                    ("sample", "fixed_point", "state"),
                    np.take_along_axis(table, order[..., None], axis=1),
                ),
                "stable": over(stable, long_name="whether the fixed point attracts"),
                "kind": over(kind, long_name="type of the fixed point", **meaning),
                "time_constant": over(time_constant, long_name="time constant 1/|Re λ|"),
                "period": over(period, long_name="rotation period 2π/|Im λ|"),
                "unit": ("state", unit),
            },
            {"sample": draws, "state": list(source.states)},
            source.provenance,
        ),
        location="state",
        unit="state",
        time_constant="time",
        period="time",
    )
