"""Innovations of data under a posterior are its one-step predictions, standardised."""

from __future__ import annotations

import numpy as np
import pytest

import sdebayes as sb
from sdebayes._core.errors import StateSpaceError
from sdebayes.analysis import process


@pytest.mark.parametrize(("fit", "data"), [("noisy", "training"), ("exact", "exact_training")])
def test_innovations_standardise_the_predictions(fit, data, request):
    posterior, data = request.getfixturevalue(fit), request.getfixturevalue(data)
    predicted = posterior.predict(data, samples=5)
    found = process.innovations(posterior, data, samples=500).isel(sample=predicted["sample"].values)
    residual = data["y"].values - predicted["mean"].values
    both = np.isfinite(residual).all(axis=-1)
    factor = np.linalg.cholesky(predicted["covariance"].values[both])
    white = np.linalg.solve(factor, residual[both][..., None])[..., 0]
    np.testing.assert_allclose(found.values[both], white, rtol=1e-6, atol=1e-8)


def test_data_of_another_state_space_are_refused(noisy, training):
    with pytest.raises(StateSpaceError, match="another"):
        process.markov(noisy, training.assign_attrs(space_hash="another"))
    assert isinstance(noisy, sb.Posterior)
