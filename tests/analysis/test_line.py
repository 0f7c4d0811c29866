"""Lines through the state space against drifts written by hand."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from sdebayes._core.errors import DataError
from sdebayes.analysis import fields
from sdebayes.dynamics import SDE, ParametricDiffusion, ParametricDrift

SADDLE = SDE(
    ParametricDrift(lambda x, t, p: jnp.stack([x[0] * x[1], -x[1]]), {}),
    ParametricDiffusion(lambda x, t, p: jnp.array([[1.0, 0.0], [1.0, 1.0]]) * (1 + x[0] ** 2), {}),
)


def test_a_line_holds_what_drift_and_noise_do_along_it():
    start, end = np.array([-1.0, 0.0]), np.array([2.0, 4.0])
    found = fields.line(SADDLE, start, end, points=6)
    np.testing.assert_allclose(found["distance"], [0, 1, 2, 3, 4, 5], atol=1e-12)
    x, y = start[:, None] + np.array([[0.6], [0.8]]) * found["distance"].values
    np.testing.assert_allclose(found["place"], np.stack([x, y], 1), atol=1e-12)
    np.testing.assert_allclose(found["drift"][0], np.stack([x * y, -y], 1), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found["drift_along"][0], 0.6 * x * y - 0.8 * y, rtol=1e-6, atol=1e-6)
    # Σ = (1 + x²)² [[1, 1], [1, 2]]
    along = (1 + x**2) ** 2 * (0.36 + 2 * 0.48 + 2 * 0.64)
    np.testing.assert_allclose(found["covariance_along"][0], along, rtol=1e-6)
    assert found["drift_along"].attrs["units"] == "state per unit of time"


def test_ends_with_labels_come_in_any_order(rotation):
    end = xr.DataArray([3.0, 2.0, 1.0], {"state": ["x3", "x2", "x1"]}, "state")
    found = fields.line(rotation, np.zeros(3), end, points=2, samples=1)
    assert found["drift"].dims == ("sample", "point", "state")
    np.testing.assert_allclose(found["place"][1], [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("start", "end", "points", "message"),
    [
        ([0.0, 0.0], [0.0, 0.0], 5, "same state"),
        ([0.0, 0.0], [1.0, 0.0], 1, "points=1"),
        ([0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], 5, "end holds 2 places"),
        ([0.0, 0.0], [1.0, 0.0, 0.0], 5, "the model has 2"),
    ],
)
def test_bad_lines(start, end, points, message):
    with pytest.raises(DataError, match=message):
        fields.line(SADDLE, start, end, points=points)
