"""Evaluation the drift and the covariance of every draw, in chunks of draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from sdebayes._core import precision
from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.kinds import Numbers
from sdebayes._core.places import Places
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics import SDE, ObservedSDE
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.source import SourceLike

_CHUNK_BYTES = 2**26
_PLACES, _TIMES = 3, (0.0, 0.73, 31.3)


@dataclass(frozen=True)
class Evaluation:
    """What a function of a source at places reads: the source, some of its draws, and the places.

    Parameters
    ----------
    source
        The source.
    draws
        Indices of the chosen draws.
    places
        Where.
    """

    source: Source
    draws: np.ndarray
    places: Places

    @classmethod
    def of(cls, source: SourceLike, x: Numbers, samples: int | None) -> Evaluation:
        """Bring the arguments of such a function into form; by default all draws whose matrices fit into 1 GiB."""
        stacked = as_source(source, n_states(x))
        places = Places.read(x, stacked.states)
        draws = choose_draws(stacked.n_draws, 8 * places.points.size * stacked.n_states, samples)
        return cls(stacked, draws, places)

    def named(
        self, values: np.ndarray, dims: tuple[str, ...], name: str, text: str, of: str = ""
    ) -> xr.DataArray:
        """Give values (sample, point, …) their dimensions, in units of 1/time times ``of``."""
        units = f"{of} per {self.source.time_unit}".strip()
        labels = {"sample": self.draws} | {dim: list(self.source.states) for dim in dims}
        return self.places.named(values, labels, name, long_name=text, units=units)


@eqx.filter_jit
def _read(
    observed: ObservedSDE, points: Float[Array, "sample point state"]
) -> tuple[Float[Array, "sample point state"], Float[Array, "sample point state state"]]:
    def at(one: SDE, x: Float[Array, " state"]) -> tuple[Array, Array]:
        return one.drift(x), one.covariance(x)

    along = eqx.filter_vmap(lambda one, own: jax.vmap(lambda x: at(one.sde, x))(own))
    return along(observed, points)


@eqx.filter_jit
def _jacobians(
    observed: ObservedSDE, points: Float[Array, "sample point state"]
) -> Float[Array, "sample point state state"]:
    return eqx.filter_vmap(lambda one, own: jax.vmap(lambda x: one.sde.drift.jacobian(x))(own))(
        observed, points
    )


def drift_and_covariance(
    source: Source, draws: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Read f and Σ of chosen draws.

    Parameters
    ----------
    source
        The source.
    draws
        Indices of draws, (sample,).
    points
        (point, state), the same for all draws, or (sample, point, state), one set for each chosen draw.

    Returns
    -------
    (drift, covariance)
        (sample, point, state) and (sample, point, state, state).
    """
    drift, covariance = in_chunks(_read, source, draws, points)
    return drift, covariance


def jacobians(source: Source, draws: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Read ∂f/∂x of chosen draws, (sample, point, state, state); arguments as in :func:`drift_and_covariance`."""
    return in_chunks(lambda *arguments: (_jacobians(*arguments),), source, draws, points)[0]


def in_chunks(
    function: Callable[..., tuple[Array, ...]], source: Source, draws: np.ndarray, points: np.ndarray
) -> list[np.ndarray]:
    """Apply a function of (stacked SDE, points) to blocks of draws, and put the results together.

    Raises
    ------
    ModelError
        If drift or diffusion depend on the time.
    """
    check_autonomous(source)
    n_points, n = points.shape[-2:]
    chunk = int(np.clip(_CHUNK_BYTES // (8 * max(1, n_points) * n * n), 1, draws.size))
    parts = []
    with precision.scope(source.precision):
        for first in range(0, draws.size, chunk):
            block = np.arange(first, min(first + chunk, draws.size))
            padded = np.pad(block, (0, chunk - block.size), mode="edge")
            own = points[padded] if points.ndim == 3 else np.broadcast_to(points, (chunk, *points.shape))
            values = function(
                source.take(draws[padded]).observed, jax.device_put(own.astype(source.precision))
            )
            parts.append([np.asarray(value)[: block.size] for value in values])
    return [np.concatenate(blocks) for blocks in zip(*parts, strict=True)]


def check_autonomous(source: Source) -> None:
    """Raise if drift or diffusion differ between times, at some places of the first draw.

    Raises
    ------
    ModelError
        If they do.
    """
    if source.sde.linear is not None:
        return
    middle, half = (0.0, 1.0) if source.region is None else source.region
    places = middle + half * np.random.default_rng(0).uniform(-1, 1, (_PLACES, source.n_states))
    with precision.scope(source.precision):
        one = jax.tree.map(lambda leaf: leaf[0] if eqx.is_array(leaf) else leaf, source.sde)
        found = _at_times(one, jnp.asarray(places, source.precision), jnp.asarray(_TIMES, source.precision))
    if not all(np.array_equal(values[0], later, equal_nan=True) for values in found for later in values[1:]):
        raise ModelError(
            "Drift or diffusion depend explicitly on the time, and this analysis is of processes whose rule "
            "stays the same. Simulate the SDE, or read sde.drift(x, t) at the times that matter."
        )


@eqx.filter_jit
def _at_times(
    sde: SDE, points: Float[Array, "point state"], times: Float[Array, " time"]
) -> tuple[Float[Array, "time point state"], Float[Array, "time point state noise"]]:
    """Return drift and factor of the noise at every time and point."""

    def at(t: Scalar, x: Vector) -> tuple[Vector, Matrix]:
        return sde.drift(x, t), sde.diffusion(x, t)

    return jax.vmap(lambda t: jax.vmap(lambda x: at(t, x))(points))(times)


def state_indices(states: Sequence[str], chosen: Sequence[str | int]) -> list[int]:
    """Return the positions of states given by label or by position.

    Raises
    ------
    DataError
        If one is not there, or is named twice, or a bare string is given.
    """
    if isinstance(chosen, str):
        raise DataError(
            f"Got the string {chosen!r} in the place of a list of states; pass a list, [{chosen!r}]."
        )
    found = []
    for state in chosen:
        if isinstance(state, str) and state in states:
            found.append(list(states).index(state))
        elif not isinstance(state, str) and 0 <= state < len(states):
            found.append(int(state))
        else:
            raise DataError(f"There is no state {state!r}; the states are {', '.join(states)}.")
    if len(set(found)) < len(found):
        raise DataError(f"A state is named twice in {list(chosen)!r}; name different ones.")
    return found


def reference_state(source: Source, at: ArrayLike | None) -> np.ndarray:
    """Return the values of the states that are held fixed.

    Parameters
    ----------
    source
        The source.
    at
        (state,), or None: the median equilibrium of an affine drift, else the middle of the data, else the median
        initial mean, else zero.

    Returns
    -------
    numpy.ndarray
        (state,).
    """
    if at is not None:
        value = np.asarray(at, dtype=float)
        if value.shape != (source.n_states,) or not np.isfinite(value).all():
            raise DataError(
                f"at must be {source.n_states} finite numbers, one a state; got shape {value.shape}."
            )
        return value
    equilibrium = source.equilibrium()
    if equilibrium is not None and np.isfinite(equilibrium).any(axis=0).all():
        return np.nanmedian(equilibrium, axis=0)
    if source.region is not None:
        return np.array(source.region[0], dtype=float)
    if source.has_initial_law:
        return np.median(np.asarray(source.observed.initial_mean), axis=0)
    return np.zeros(source.n_states)


def default_limits(source: Source, chosen: Sequence[int], at: np.ndarray) -> np.ndarray:
    """Return the box that the data fill, (chosen, 2); without data, what the initial law fills around a state.

    The law that first states are drawn from need not be that of later ones: where it is free, it has another size.
    """
    if source.region is not None:
        middle, half = np.asarray(source.region, dtype=float)
        return np.stack([middle - half, middle + half], axis=1)[list(chosen)]
    return limits_by_law(source, chosen, at)


def limits_by_law(source: Source, chosen: Sequence[int], at: np.ndarray) -> np.ndarray:
    """Return three standard deviations of the initial law on both sides of a state, (chosen, 2).

    Raises
    ------
    DataError
        If the source has no such law.
    """
    if not source.has_initial_law:
        raise DataError(
            "The region to read cannot be guessed from this SDE: it has no stationary or initial distribution. "
            "Pass limits=[(low, high), …], one pair for each state of the grid."
        )
    variances = np.diagonal(np.asarray(source.observed.initial_covariance), axis1=-2, axis2=-1)
    reach = 3 * np.sqrt(np.median(variances, axis=0))
    return np.stack([at - reach, at + reach], axis=1)[list(chosen)]


def n_states(x: Numbers) -> int | None:
    """Return the number of states that places have, if they say it."""
    sizes = (
        x.sizes
        if isinstance(x, xr.DataArray)
        else dict(zip(("state", "point"), np.shape(x)[::-1], strict=False))
    )
    return sizes.get("state")
