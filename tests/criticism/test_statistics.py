"""Statistics against loops over what was seen, wherever the gaps are and however the arrays lie in memory."""

from __future__ import annotations

import numpy as np
import pytest

from sdebayes.criticism.statistics import block_sums, remaining_correlation, seen_mean, slope

SHAPE = (3, 4, 9, 2)
TIMES = np.cumsum(np.random.default_rng(1).uniform(0.5, 1.5, SHAPE[1:3]), axis=1)


def values(gaps: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    found = rng.standard_normal(SHAPE)
    if gaps == "alike":
        found[:, rng.random(SHAPE[1:]) < 0.2] = np.nan
    elif gaps == "different":
        found[rng.random(SHAPE) < 0.2] = np.nan
    return found


@pytest.fixture(params=["none", "alike", "different"])
def given(request) -> np.ndarray:
    return values(request.param)


@pytest.fixture(params=["as given", "a state together"])
def laid(request, given) -> np.ndarray:
    if request.param == "as given":
        return given
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(given, -1, 1)), 1, -1)


def series(given, sample, state):
    """Yield each trajectory of a state, from its own mean, with its times."""
    for path, times in zip(given[sample, :, :, state], TIMES, strict=True):
        yield path - np.nanmean(path), times


def test_statistics_are_those_of_loops(given, laid):
    correlation, trend, means = remaining_correlation(laid, 2), slope(laid, TIMES), seen_mean(laid, (1, 2))
    for sample in range(SHAPE[0]):
        for state in range(SHAPE[3]):
            np.testing.assert_allclose(means[sample, state], np.nanmean(given[sample, :, :, state]))
            paths = list(series(given, sample, state))
            variance = np.nanmean(np.concatenate([path for path, _ in paths]) ** 2)
            for lag in (1, 2):
                pairs = np.concatenate([path[lag:] * path[:-lag] for path, _ in paths])
                pairs = pairs[np.isfinite(pairs)]
                expected = pairs.sum() / (variance * np.sqrt(pairs.size))
                np.testing.assert_allclose(correlation[sample, lag - 1, state], expected)
            clocks = [np.where(np.isfinite(path), times, np.nan) for path, times in paths]
            clocks = [clock - np.nanmean(clock) for clock in clocks]
            top = sum(np.nansum(clock * path) for clock, (path, _) in zip(clocks, paths, strict=True))
            np.testing.assert_allclose(trend[sample, state], top / sum(np.nansum(c**2) for c in clocks))


def test_sums_of_stretches_are_those_of_loops(given, laid):
    found = block_sums(laid, 4)
    for place in np.ndindex(found.shape):
        sample, trajectory, block, state = place
        part = given[sample, trajectory, 4 * block : 4 * block + 4, state]
        seen = np.isfinite(part)
        expected = part[seen].sum() / np.sqrt(seen.sum()) if 2 * seen.sum() >= 4 else np.nan
        np.testing.assert_allclose(found[place], expected)
