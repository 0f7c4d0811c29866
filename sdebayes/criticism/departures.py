"""Ways in which data can depart from a model, each a set of statistics that are large if they do.

A statistic has the axes (sample, component): a component is a state, or all of them together. Squares of innovations
are cut at nine, so that a single wild value is an outlier and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from sdebayes.criticism.innovations import Judged
from sdebayes.criticism.statistics import (
    Batch,
    block_sums,
    jarque_bera,
    remaining_correlation,
    robust_spread,
    seen_mean,
    slope,
    trends,
)

Components: TypeAlias = dict[str, Float[np.ndarray, "_ _"]]
Statistic: TypeAlias = Callable[[Judged], Components]

LAGS, LONG_LAGS = 3, 10
BLOCKS = (4, 16, 64)
CUT, FAR = 9.0, 4.0


def first_state(judged: Judged) -> Components:
    """Compare where trajectories start, and how far apart, with the distribution of the first state."""
    first = first_innovations(judged.white)
    count = np.isfinite(first).sum(axis=1)
    mean = seen_mean(first, 1)
    found = {"mean start": count * mean**2, "distance of starts": np.nansum(first**2, axis=1)}
    if first.shape[1] > 2:
        apart = np.nansum((first - mean[:, None]) ** 2, axis=(1, 2))[:, None]
        found |= _both("spread of starts", _log(apart))
    return found


def first_innovations(white: Batch) -> Float[np.ndarray, "sample trajectory state"]:
    """Return the innovations of each trajectory's first observed step."""
    first = np.isfinite(white[0]).any(axis=-1).argmax(axis=1)
    return white[:, np.arange(white.shape[1]), first]


def outliers(judged: Judged) -> Components:
    """Look for single wild values, also such as hide themselves by widening what the model expects."""
    size = np.abs(judged.white)
    largest = np.nanmax(size, axis=(1, 2))
    return {
        "largest innovation": _log(largest),
        "largest innovation in units of the middle one": _log(largest / robust_spread(judged.white)),
    }


def noise_and_state(judged: Judged) -> Components:
    """Correlate squared innovations with the predicted state: with its side and its distance from the middle."""
    square, place = _squares(judged.white), judged.predicted
    place = place - seen_mean(place, (1, 2), keepdims=True)
    spread = np.sqrt(seen_mean(place**2, (1, 2), keepdims=True))
    place = np.clip(place / np.where(spread > 0, spread, 1.0), -FAR, FAR)
    found = {
        "size of innovations and state": np.abs(_correlation(square, place)),
        "size of innovations and distance of the state from the middle": np.abs(
            _correlation(square, np.abs(place))
        ),
    }
    if place.shape[-1] > 1:
        whole, far = (part.mean(axis=-1, keepdims=True) for part in (square, place**2))
        found["size of innovations and distance from the middle in all states"] = np.abs(
            _correlation(whole, far)
        )
    return found


def memory(judged: Judged) -> Components:
    """Look for what one-step forecasts leave unused: of a state's own past, near or long ago, and of other states'."""
    white = judged.white
    longest = white.shape[2] - 1
    many = longest > 2 * LONG_LAGS
    correlation = remaining_correlation(white, LONG_LAGS if many else min(LAGS, longest))
    found = {"correlation with the last steps": _summed(correlation[:, :LAGS])}
    if many:
        found["correlation with the last ten steps"] = _summed(correlation)
    for size in BLOCKS:
        if 2 * size <= white.shape[2]:
            spread = _log(seen_mean(block_sums(white, size) ** 2, (1, 2)))
            found |= _both(f"sums of {size} innovations", spread)
    if white.shape[-1] > 1:
        found["correlation with other states"] = _cross_correlation(white)[:, None]
    return found


def level_of_trajectories(judged: Judged) -> Components:
    """Look for levels of whole trajectories that are farther apart than the model says."""
    if judged.white.shape[1] < 3:
        return {}
    count = np.isfinite(judged.white).sum(axis=2)
    sums = np.nansum(judged.white, axis=2) / np.sqrt(np.maximum(count, 1))
    apart = sums.var(axis=1)
    return {"differences between whole trajectories": _log(apart)}


def trend(judged: Judged) -> Components:
    """Look for a slope over time, common to all trajectories, of level and spread, and of the innovations."""
    level, variance = trends(judged.values, judged.times)
    innovation = slope(judged.white, judged.times)
    return {
        "slope of the level": np.abs(level),
        "slope of the spread": np.abs(variance),
        "slope of the innovations": np.abs(innovation),
    }


def changing_variance(judged: Judged) -> Components:
    """Look for stretches of large and of small innovations."""
    square = _squares(judged.white)
    square = square - seen_mean(square, (1, 2), keepdims=True)
    lags = min(LONG_LAGS, square.shape[2] - 1)
    found = {"sizes of neighbouring innovations": _summed(remaining_correlation(square, lags))}
    for size in (*BLOCKS[1:], square.shape[2]):
        if size == square.shape[2] or 2 * size <= square.shape[2]:
            apart = seen_mean(block_sums(square, size) ** 2, (1, 2))
            found[f"sizes of {size} innovations together"] = _log(apart)
    return found


def normal_innovations(judged: Judged) -> Components:
    """Measure skewness and kurtosis."""
    return {"skewness and kurtosis": jarque_bera(judged.white)}


FAMILY: dict[str, Statistic] = {
    "Outliers": outliers,
    "First state": first_state,
    "Constant noise": noise_and_state,
    "Memory": memory,
    "Level of trajectories": level_of_trajectories,
    "Trend": trend,
    "Changing variance": changing_variance,
    "Gaussian innovations": normal_innovations,
}


def flattened(
    components: Components, labels: list[str]
) -> tuple[list[str], Float[np.ndarray, "sample component"]]:
    """Name all components, with the state where one is a state's, and put them beside one another."""
    names = [
        f"{what} of {labels[j]}" if values.shape[1] > 1 else what
        for what, values in components.items()
        for j in range(values.shape[1])
    ]
    return names, np.concatenate(list(components.values()), axis=1)


def _both(name: str, value: np.ndarray) -> Components:
    return {f"{name}, large": value, f"{name}, small": -value}


def _log(value: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(value, np.finfo(float).tiny))


def _squares(white: Batch) -> Batch:
    return np.minimum(white**2, CUT)


def _summed(correlation: Float[np.ndarray, "sample lag state"]) -> Float[np.ndarray, "sample state"]:
    return (correlation**2).sum(axis=1)


def _correlation(a: Batch, b: Batch) -> Float[np.ndarray, "sample state"]:
    """Correlate two quantities over trajectories and times, in units of what chance gives."""
    both = np.isfinite(a) & np.isfinite(b)
    count = np.maximum(both.sum(axis=(1, 2)), 1)
    parts = []
    for part in (a, b):
        known = np.where(both, part, np.nan)
        parts.append(np.where(both, part - seen_mean(known, (1, 2), keepdims=True), 0.0))
    size = np.sqrt((parts[0] ** 2).sum(axis=(1, 2)) * (parts[1] ** 2).sum(axis=(1, 2)))
    return np.sqrt(count) * (parts[0] * parts[1]).sum(axis=(1, 2)) / np.where(size > 0, size, 1.0)


def _cross_correlation(white: Batch) -> Float[np.ndarray, " sample"]:
    """Sum squared correlations of each state with the others a step before."""
    z = white - seen_mean(white, (1, 2), keepdims=True)
    seen = np.isfinite(z)
    z = np.where(seen, z, 0.0)
    product = np.einsum("sktj,skti->sij", z[:, :, 1:], z[:, :, :-1], optimize=True)
    size = np.sqrt((z**2).sum(axis=(1, 2)))
    correlation = product / (size[:, :, None] * size[:, None, :])
    own = np.eye(z.shape[-1], dtype=bool)
    return seen.any(axis=-1).sum(axis=(1, 2)) * np.where(own, 0.0, correlation**2).sum(axis=(1, 2))
