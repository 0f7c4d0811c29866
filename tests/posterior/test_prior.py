"""Draws of the prior as SDEs, against the draws of the same prior that stand in the posterior's own tree."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from sdebayes._core.errors import DataError


@pytest.mark.parametrize("name", ["noisy", "exact"])
def test_the_prior_has_one_law_however_it_is_drawn(name, request):
    posterior = request.getfixturevalue(name)
    stacked, tree = posterior.draw_prior(400, seed=3), posterior.data["prior"]
    rates = np.asarray(stacked.sde.drift.matrix)[:, 0, 0]
    assert rates.shape == (400,)
    assert ks_2samp(rates, tree["drift_matrix"].values[0, :, 0, 0]).pvalue > 0.01
    moved = np.asarray(posterior.observed_sde().sde.drift.matrix)[:, 0, 0]
    assert ks_2samp(rates, moved).pvalue < 1e-6


def test_a_seed_repeats_the_draws(exact):
    first, again, other = (np.asarray(exact.draw_prior(5, seed).initial_mean) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
    with pytest.raises(DataError, match="draws=0"):
        exact.draw_prior(0)
