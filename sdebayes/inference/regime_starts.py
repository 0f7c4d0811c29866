r"""Where to look for the mode of a posterior of several regimes: it has many, and most are poor.

The steps of the data are put into clusters, hard: each cluster has a regression of the next state on the one before,
and a step goes to the cluster under which it and its neighbours are likeliest; from several random beginnings, of which
the best are kept. Each of these clusterings is a hint: added to the log density of a step under each regime, it leads
the search to a point from which the search without hints begins.

References
----------
Späth (1979), Clusterwise linear regression, doi:10.1007/BF02265317.
"""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from sdebayes._core.errors import ModelError
from sdebayes._core.keys import single_keys
from sdebayes._core.types import Key
from sdebayes.inference.mode import few_steps, weights_of
from sdebayes.inference.target import Flat, Target
from sdebayes.likelihood import Observations

_BEGINNINGS, _KEPT, _ROUNDS = 24, 4, 20
_WINDOWS = (3, 7)
_STRENGTH = 4.0
_PRIOR_DRAWS = 20

Steps = Int[np.ndarray, "trajectory transition"]


def with_hints(observations: Observations, n: int, clusters: Steps | None = None) -> Observations:
    """Return data with hints of regimes: none of them, or a step's cluster.

    Parameters
    ----------
    observations
        The data.
    n
        Number of regimes.
    clusters
        Of each step to the next, −1 where nothing is known.
    """
    hints = np.zeros((*observations.times.shape, n))
    if clusters is not None:
        led = np.concatenate([clusters[:, :1], clusters], axis=1)
        hints[led[..., None] == np.arange(n)] = _STRENGTH
    return replace(observations, regime_hints=hints)


def check_steps(observations: Observations, n: int) -> None:
    """Raise a ModelError if there are more regimes than steps."""
    steps = int(np.asarray(observations.seen).any(-1).sum())
    if n > steps:
        raise ModelError(f"Regimes({n}): more regimes than the data have steps, {steps}; take fewer.")


def guided_starts(target: Target, observations: Observations, n: int, key: Key) -> tuple[Flat, ...]:
    """Return points from which the search of the mode begins.

    Parameters
    ----------
    target
        The density, its data with hints.
    observations
        These data.
    n
        Number of regimes.
    key
        Random key.
    """
    draws = np.array([target.draw_prior(one) for one in single_keys(key, _PRIOR_DRAWS)], dtype=np.float64)
    middle = np.median(draws, axis=0)
    held = weights_of(target)
    middle[held] = 0.0
    found = []
    for clusters in clusterings(np.asarray(observations.values), np.asarray(observations.seen).all(-1), n):
        hinted = replace(target, data=_as_arrays(with_hints(observations, n, clusters), target))
        found.append(few_steps(hinted, middle, held))
    return tuple(found)


def _as_arrays(observations: Observations, target: Target) -> Observations:
    return replace(target.data, regime_hints=jnp.asarray(observations.regime_hints, dtype=target.start.dtype))


def clusterings(
    values: Float[np.ndarray, "trajectory time observed"], seen: Bool[np.ndarray, "trajectory time"], n: int
) -> list[Steps]:
    """Return the best clusterings of the steps, different ones; −1 where a step was not seen.

    Parameters
    ----------
    values
        The data.
    seen
        Which steps are seen whole.
    n
        Number of clusters.
    """
    known = seen[:, :-1] & seen[:, 1:]
    centre, spread = values[seen].mean(0), values[seen].std(0)
    scaled = (values - centre) / np.where(spread > 0, spread, 1.0)
    rng = np.random.default_rng(0)
    tried = [_clustered(scaled, known, n, _WINDOWS[k % len(_WINDOWS)], rng) for k in range(_BEGINNINGS)]
    tried.sort(key=lambda one: -one[0])
    found: list[tuple[float, Steps]] = []
    for value, clusters in tried:
        if all(abs(value - other) > 1e-3 * known.sum() for other, _ in found):
            found.append((value, np.where(known, clusters, -1)))
    return [clusters for _, clusters in found[:_KEPT]]


def _clustered(
    x: np.ndarray, known: np.ndarray, n: int, window: int, rng: np.random.Generator
) -> tuple[float, Steps]:
    """Return the log density of the steps in their clusters, and the clusters."""
    before, after = x[:, :-1], x[:, 1:]
    length = rng.integers(2, max(3, known.shape[1] // 2) + 1)
    pieces = rng.integers(0, n, (len(known), -(-known.shape[1] // length)))
    clusters = np.repeat(pieces, length, axis=1)[:, : known.shape[1]]
    everywhere = _regression(before[known], after[known], None)
    for _ in range(_ROUNDS):
        densities = np.stack(
            [
                _density(before, after, before[own], after[own], everywhere)
                for own in (known & (clusters == k) for k in range(n))
            ],
            axis=-1,
        )
        densities = np.where(known[..., None], densities, 0.0)
        old, clusters = clusters, _summed(densities, window).argmax(-1)
        if np.array_equal(old, clusters):
            break
    return float(np.take_along_axis(densities, clusters[..., None], -1).sum()), clusters


def _summed(densities: np.ndarray, window: int) -> np.ndarray:
    """Sum over a step and its neighbours."""
    padded = np.pad(
        np.cumsum(densities, axis=1), ((0, 0), (window // 2 + 1, window // 2), (0, 0)), mode="edge"
    )
    padded[:, : window // 2 + 1] = 0.0
    return padded[:, window:] - padded[:, :-window]


def _regression(
    before: np.ndarray, after: np.ndarray, prior: tuple[np.ndarray, np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients and residual covariance, drawn towards those of all steps."""
    d = before.shape[1]
    design = np.concatenate([np.ones((len(before), 1)), before], axis=1)
    weight = 1.0
    start = np.zeros((d + 1, d)) if prior is None else prior[0]
    gram = design.T @ design + weight * np.eye(d + 1)
    coefficients = np.linalg.solve(gram, design.T @ after + weight * start)
    residual = after - design @ coefficients
    base = np.eye(d) if prior is None else prior[1]
    return coefficients, (residual.T @ residual + (d + 2) * base) / (len(before) + d + 2)


def _density(
    x: np.ndarray,
    following: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    everywhere: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Return the log density of all steps under the regression of some."""
    coefficients, covariance = _regression(before, after, everywhere)
    residual = following - coefficients[0] - x @ coefficients[1:]
    square = np.einsum("nti,ij,ntj->nt", residual, np.linalg.inv(covariance), residual)
    return -0.5 * (square + np.linalg.slogdet(covariance)[1])
