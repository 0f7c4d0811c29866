"""Divergence, rotation and the Stratonovich form against closed forms and against paths."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from sdebayes._core.errors import DataError
from sdebayes.analysis import fields
from sdebayes.dynamics import SDE, ParametricDiffusion, ParametricDrift


def curved(x, t, p):
    """A factor whose columns turn and grow with the state."""
    return jnp.array([[1.0 + x[0] ** 2, 0.5 * x[1]], [x[0] * x[1], 2.0 + jnp.sin(x[0])]])


@pytest.fixture
def multiplicative() -> SDE:
    return SDE(ParametricDrift(lambda x, t, p: -x, {}), ParametricDiffusion(curved, {}))


def test_divergence_and_rotation_of_a_linear_drift(rotation):
    x = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    found = fields.divergence(rotation, x)
    assert found.dims == ("sample", "point")
    np.testing.assert_allclose(found, [[-1.1, -1.1], [-2.2, -2.2]], rtol=1e-6)
    turn = fields.rotation(rotation, x)
    assert turn.dims == ("sample", "point", "state", "state_bis")
    assert float(turn.sel(state="x2", state_bis="x1")[0, 0]) == pytest.approx(2.0)
    np.testing.assert_allclose(turn, -turn.transpose(..., "state_bis", "state").values, atol=1e-12)


def test_they_are_read_at_the_points_of_a_grid(double_well):
    grid = fields.grid(double_well, (1, 0), limits=[(-1.0, 1.0), (0.0, 2.0)], points=3, at=[0.0, 0.0])
    x = fields.points(grid)
    assert x.dims == ("grid_x2", "grid_x1", "state")
    found = fields.divergence(double_well, x)
    assert found.dims == ("sample", "grid_x2", "grid_x1")
    np.testing.assert_allclose(found[0, 1], 1 - 3 * grid.grid_x1.values**2 - 1, rtol=1e-12)
    with pytest.raises(DataError, match="expected a grid"):
        fields.points(xr.Dataset({"drift": ("state", [1.0])}))


def test_states_are_matched_by_their_labels(rotation):
    x = xr.DataArray([2.0, 0.0, 1.0], {"state": ["x3", "x1", "x2"]}, ("state",))
    straight = fields.stratonovich(rotation, np.array([0.0, 1.0, 2.0]))
    xr.testing.assert_allclose(fields.stratonovich(rotation, x), straight)
    np.testing.assert_array_equal(straight.correction, 0)


def test_the_correction_of_a_factor_that_turns(multiplicative, x64):
    """By central differences, c_i = ½ Σ_jk G_kj ∂_k G_ij."""
    at = np.array([0.3, -0.7])
    step = 1e-6
    factor = np.asarray(curved(at, 0.0, {}))
    slopes = np.stack(
        [
            (np.asarray(curved(at + h, 0, {})) - np.asarray(curved(at - h, 0, {}))) / (2 * step)
            for h in step * np.eye(2)
        ],
        axis=-1,
    )
    expected = 0.5 * np.einsum("kj,ijk->i", factor, slopes)
    found = fields.stratonovich(multiplicative, at)
    np.testing.assert_allclose(found.correction[0], expected, rtol=1e-6)
    np.testing.assert_allclose(found.drift[0], -at - expected, rtol=1e-6)


def test_heun_s_scheme_with_the_stratonovich_drift_solves_the_ito_equation():
    """Geometric Brownian motion dX = μX dt + σX dW: E X(1) = e^μ, for 40,000 paths of Heun's scheme."""
    mu, sigma, steps = 0.3, 0.8, 50
    sde = SDE(
        ParametricDrift(lambda x, t, p: mu * x, {}),
        ParametricDiffusion(lambda x, t, p: sigma * jnp.diag(x), {}),
    )
    slope = float(fields.stratonovich(sde, [1.0]).drift[0, 0])
    assert slope == pytest.approx(mu - sigma**2 / 2)
    noise = np.random.default_rng(0).normal(size=(steps, 40_000)) / np.sqrt(steps)
    x = np.ones(40_000)
    for dw in noise:
        ahead = x + slope * x / steps + sigma * x * dw
        x = x + 0.5 * slope * (x + ahead) / steps + 0.5 * sigma * (x + ahead) * dw
    assert abs(x.mean() - np.exp(mu)) < 4 * x.std() / np.sqrt(x.size)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([1.0, 2.0], "2 states; the model has 3"),
        ([1.0, np.nan, 2.0], "must be an array of finite numbers"),
        ("here", "must be an array of finite numbers"),
        (np.zeros((1, 1, 3)), "expected \\(state,\\) or"),
        (xr.DataArray(np.zeros(3), dims="point"), "expected places"),
        (
            xr.DataArray(np.zeros(3), {"state": ["a", "b", "c"]}, ("state",)),
            "states a, b, c; expected x1, x2, x3",
        ),
    ],
)
def test_bad_places(rotation, x, message):
    with pytest.raises(DataError, match=message):
        fields.divergence(rotation, x)


def test_draws_are_thinned_and_chunked(rotation, monkeypatch):
    whole = fields.stratonovich(rotation, np.zeros((4, 3)))
    monkeypatch.setattr("sdebayes.analysis.evaluate._CHUNK_BYTES", 1)
    xr.testing.assert_allclose(fields.stratonovich(rotation, np.zeros((4, 3))), whole)
    assert fields.divergence(rotation, np.zeros(3), samples=1).sizes == {"sample": 1}
