"""Whether data return to an equilibrium at all, or could be a random walk seen through noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from sdebayes._core import precision
from sdebayes._core.draws import evenly_spread
from sdebayes._core.errors import ModelError
from sdebayes.criticism.comparison import Outcome, compare
from sdebayes.criticism.innovations import Judge
from sdebayes.criticism.statistics import Batch, centred
from sdebayes.model.rebuild import per_draw

MOST_NUMBERS = 2e6
PLACES = 20

_covariance_at = per_draw(lambda sde, places: jax.vmap(sde.covariance)(places))


@dataclass(frozen=True)
class Direction:
    """A direction in which a random walk was tried.

    Parameters
    ----------
    name
        A state, or a mode of a linear drift with its time constant.
    outcome
        Small p-values speak against the random walk, for a return.
    spread, spread_replicated
        Mean square within trajectories, of the data, and of the random walks, (replicate,).
    """

    name: str
    outcome: Outcome
    spread: float
    spread_replicated: Float[np.ndarray, " replicate"]


def directions_of_return(judge: Judge, replicates: int, seed: int) -> list[Direction]:
    """Compare data with random walks that start where they do and have each draw's Σ, noise, gaps and lengths.

    A process that returns spreads less than the walk within a trajectory, and its steps lead back from where it is. A
    linear drift is asked along its left eigenvectors, slowest first, any other in each state.

    Parameters
    ----------
    judge
        Draws and data.
    replicates
        Number of random walks.
    seed
        Their seed.

    Raises
    ------
    ModelError
        If the observations are not the states themselves, with or without noise, or the draws are of several groups or
        regimes.

    References
    ----------
    Sargan & Bhargava (1983), doi:10.2307/1912252; Dickey & Fuller (1979), doi:10.2307/2286348.
    """
    observed = judge.source.observed
    if observed.generator is not None:
        raise ModelError(
            "A random walk is tried for one SDE, and there are several regimes; sdebayes.compare asks it."
        )
    if observed.initial_mean.ndim > 2:
        raise ModelError("A random walk is tried for one group at a time: posterior.group(...).")
    matrix = np.asarray(observed.matrix)
    if matrix.shape[-1] != matrix.shape[-2] or not np.allclose(matrix, np.eye(matrix.shape[-1])):
        raise ModelError("A random walk is tried only where the states themselves are observed (H = I).")
    names, rows = _directions(judge)
    y = np.where(judge.observations.seen, _about_level(judge), np.nan) @ rows.T
    own = _measures(y[None])
    copies = _concatenated([_measures(part) for part in _walks(judge, rows, replicates, seed)])
    found = []
    for k, name in enumerate(names):
        data, walks = (np.stack([-np.log(s[:, k]), -b[:, k]], axis=1) for s, b in (own, copies))
        outcome = compare(np.broadcast_to(data, walks.shape), walks)
        found.append(Direction(name, outcome, float(own[0][0, k]), copies[0][:, k]))
    return found


def _directions(judge: Judge) -> tuple[list[str], Float[np.ndarray, "direction state"]]:
    """Name the directions, slowest first, with the row that reads each from a state."""
    source = judge.source
    drift = source.sde.drift.as_affine()
    if drift is None:
        return [str(state) for state in source.states], np.eye(source.n_states)
    rates, vectors = np.linalg.eig(np.median(np.asarray(drift.matrix, np.float64), axis=0).T)
    names: list[str] = []
    rows = []
    for k in np.argsort(rates.real):
        if rates[k].imag < 0:
            continue
        pair = rates[k].imag > 0
        parts = (vectors[:, k].real, vectors[:, k].imag) if pair else (vectors[:, k].real,)
        for part in parts:
            names.append(f"mode {len(names) + 1}")
            rows.append(part / np.linalg.norm(part))
    return names, np.array(rows)


def _walks(judge: Judge, rows: np.ndarray, replicates: int, seed: int) -> Iterator[Batch]:
    """Yield random walks along the directions, block by block, NaN where the data have nothing."""
    source, data = judge.source, judge.observations
    start, step = _starts(judge), np.diff(np.asarray(data.times, dtype=float), axis=1)
    chosen = np.resize(np.arange(source.n_draws), replicates)
    noise, walk = (_factors(covariance, rows) for covariance in (_noise(judge), _covariance(judge)))
    generator = np.random.default_rng(seed)
    missing = ~np.asarray(data.seen).all(axis=-1)
    block = int(np.clip(MOST_NUMBERS // data.values.size, 1, 100))
    for first in range(0, replicates, block):
        part = chosen[first : first + block]
        shape = (part.size, *data.times.shape, len(rows))
        moves = generator.standard_normal(shape)[:, :, 1:] * np.sqrt(step)[None, :, :, None]
        path = np.cumsum(np.einsum("sij,sntj->snti", walk[part], moves), axis=2)
        path = np.concatenate([np.zeros_like(path[:, :, :1]), path], axis=2) + (start @ rows.T)[None, :, None]
        seen = path + np.einsum("sij,sntj->snti", noise[part], generator.standard_normal(shape))
        seen[:, missing] = np.nan
        yield seen


def _factors(covariance: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Factor covariances (sample, state, state) read along rows; they may be singular."""
    values, vectors = np.linalg.eigh(rows @ covariance @ rows.T)
    return vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]


def _noise(judge: Judge) -> np.ndarray:
    return np.asarray(judge.source.observed.noise_covariance, dtype=float)


def _covariance(judge: Judge) -> np.ndarray:
    """Average Σ of each draw over places of the data."""
    values = _about_level(judge)[np.asarray(judge.observations.seen).all(axis=-1)]
    places = values[evenly_spread(len(values), PLACES)]
    with precision.scope(judge.source.precision):
        return _covariance_at(judge.source.sde, places).astype(float).mean(axis=1)


def _starts(judge: Judge) -> Float[np.ndarray, "trajectory state"]:
    seen = np.asarray(judge.observations.seen).all(axis=-1)
    return _about_level(judge)[np.arange(len(seen)), seen.argmax(axis=1)]


def _about_level(judge: Judge) -> Float[np.ndarray, "trajectory time state"]:
    """Return the data less the mean over draws of the level that covariates say: what returns, returns to that."""
    values = np.asarray(judge.observations.values, dtype=float)
    if judge.source.observed.level_slopes is None:
        return values
    with precision.scope(judge.source.precision):
        mean = jax.tree.map(lambda leaf: leaf.mean(0) if eqx.is_array(leaf) else leaf, judge.source.observed)
        level = np.asarray(judge.observations.level(mean), dtype=float)
    return values - level


def _measures(z: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Mean square within trajectories, and how steps go with where the path was a step before, (sample, direction).

    The place is read a step before the one that is left, so that observation noise in that one does not look like a
    return.
    """
    apart = centred(z)
    spread = np.nansum(apart**2, axis=(1, 2)) / np.isfinite(apart).sum(axis=(1, 2))
    place, step = apart[:, :, :-2], np.diff(apart, axis=2)[:, :, 1:]
    both = np.isfinite(place) & np.isfinite(step)
    place, step = (np.where(both, part, 0.0) for part in (place, step))
    size = np.sqrt((place**2).sum(axis=(1, 2)) * (step**2).sum(axis=(1, 2)))
    return spread, (place * step).sum(axis=(1, 2)) / size


def _concatenated(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    first, second = zip(*parts, strict=True)
    return np.concatenate(first), np.concatenate(second)
