from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sdebayes._core.ratio import ratio_and_error


def test_with_equal_denominators_it_is_the_mean_and_its_standard_error():
    values = np.random.default_rng(0).normal(size=(3, 12))
    ratio, error = ratio_and_error(values, np.ones((3, 12)))
    np.testing.assert_allclose(ratio, values.mean(-1))
    np.testing.assert_allclose(error, stats.sem(values, axis=-1))


def test_the_error_is_the_spread_of_the_ratio_over_data_sets():
    rng = np.random.default_rng(1)
    denominator = rng.integers(5, 30, size=(4000, 25)).astype(float)
    numerator = 0.7 * denominator + np.sqrt(denominator) * rng.normal(size=denominator.shape)
    ratio, error = ratio_and_error(numerator, denominator)
    assert ratio.mean() == pytest.approx(0.7, abs=0.01)
    assert np.sqrt(np.mean(error**2)) == pytest.approx(ratio.std(), rel=0.05)
