"""The band of a uniform distribution function, and what leaves it."""

from __future__ import annotations

import numpy as np
import pytest
from arviz_stats.ecdf_utils import ecdf_pit

from sdebayes._core.uniformity import counts_below, p_values, share_of_band, simultaneous_band


@pytest.mark.parametrize("count", [5, 64, 300])
def test_the_band_holds_uniform_values_with_its_probability(count):
    values = np.random.default_rng(1).uniform(size=(count, 4000))
    for prob in (0.5, 0.95):
        band, found = simultaneous_band(count, prob), counts_below(values)
        inside = ((band.lower[:, None] <= found) & (found <= band.upper[:, None])).all(axis=0)
        error = np.sqrt(prob * (1 - prob) / 4000)
        assert inside.mean() > prob - 4 * error
        if count > 5:  # with few values the steps of the level are coarse
            assert inside.mean() < prob + 0.02 + 4 * error
        np.testing.assert_array_equal(share_of_band(values, prob) < 1, inside)


def test_p_values_of_uniform_values_are_uniform():
    values = np.random.default_rng(2).uniform(size=(100, 4000))
    found = p_values(values)
    for level in (0.01, 0.1, 0.5):
        assert (found <= level).mean() == pytest.approx(level, abs=0.015 + 4 * np.sqrt(level / 4000))


def test_the_band_is_that_of_another_library():
    band = simultaneous_band(64, 0.95)
    _, _, lower, upper = ecdf_pit(np.linspace(0.01, 0.99, 64), 0.95, 4000)
    assert np.abs(64 * lower[1:-1] - band.lower).max() <= 1
    assert np.abs(64 * upper[1:-1] - band.upper).max() <= 1


@pytest.mark.parametrize(
    "fault", [lambda z: 0.5 * z, lambda z: 1.7 * z, lambda z: z + 0.6], ids=["narrow", "wide", "shifted"]
)
def test_values_that_are_not_uniform_leave_the_band(fault):
    from scipy.stats import norm

    good = np.random.default_rng(3).normal(size=(100, 1))
    assert p_values(norm.cdf(good))[0] > 0.05
    assert p_values(norm.cdf(fault(good)))[0] < 0.01
    assert share_of_band(norm.cdf(fault(good)), 0.99)[0] >= 1
