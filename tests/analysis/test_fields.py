from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from sdebayes._core.errors import DataError
from sdebayes.analysis import fields, phase_space
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, AffineDrift, ConstantDiffusion, ObservedSDE
from sdebayes.simulation import as_source


def drift_of(draw: int, x: np.ndarray) -> np.ndarray:
    rates = np.array([[0.5, 2.0, 0.0], [-2.0, 0.5, 0.0], [0.0, 0.0, 0.1]]) * (draw + 1)
    return (np.array([1.0 + 2 * draw, 0.0, 5.0]) - x) @ rates.T


def test_grid_holds_each_draws_own_drift_at_each_point(rotation):
    grid = fields.grid(rotation, ("x3", 0), limits=[(0.0, 1.0), (-1.0, 1.0)], points=3, at=[9.0, 7.0, 9.0])
    assert grid.drift.dims == ("sample", "grid_x3", "grid_x1", "state")
    place = grid.isel(grid_x3=2, grid_x1=0)
    assert (float(place.grid_x3), float(place.grid_x1)) == (1.0, -1.0)
    for draw in (0, 1):
        expected = drift_of(draw, np.array([-1.0, 7.0, 1.0]))
        np.testing.assert_allclose(place.drift[draw], expected, rtol=1e-6)
        np.testing.assert_allclose(place.covariance[draw], (1 + 3 * draw) * np.eye(3), rtol=1e-6)
        assert float(place.magnitude[draw]) == pytest.approx(np.linalg.norm(expected), rel=1e-6)


def test_default_region_is_the_stationary_law_around_the_equilibrium(rotation):
    grid = fields.grid(rotation, (2,), points=3)
    # Stationary variances of the third state: 1/(2·0.1) and 4/(2·0.2).
    np.testing.assert_allclose(grid.grid_x3, 5 + 3 * np.sqrt(7.5) * np.array([-1, 0, 1]), rtol=1e-6)
    np.testing.assert_allclose(grid["at"], [2.0, 0.0, 5.0], atol=1e-6)


def test_default_region_is_that_of_the_data_where_there_are_some(double_well, rotation):
    """First states of a law of their own, narrow and far off, tell nothing of where the process goes."""
    zero = jnp.zeros((2, 2))
    start = ObservedSDE(double_well, jnp.full(2, 7.0), 1e-4 * jnp.eye(2), jnp.eye(2), zero, zero)
    region = np.array([[0.5, -1.0], [2.0, 3.0]])
    source = replace(as_source(start), region=region)
    found = fields.grid(source, (0, 1), points=3)
    np.testing.assert_allclose(found.grid_x1, [-1.5, 0.5, 2.5])
    np.testing.assert_allclose(found.grid_x2, [-4.0, -1.0, 2.0])
    np.testing.assert_allclose(found["at"], [0.5, -1.0])
    np.testing.assert_allclose(fields.grid(as_source(start), (0,), points=3).grid_x1, [6.97, 7.0, 7.03])
    affine = replace(as_source(rotation), region=np.ones((2, 3)))
    np.testing.assert_allclose(fields.grid(affine, (2,), points=3)["at"], [2.0, 0.0, 5.0], atol=1e-6)


def test_along_reads_at_the_data_and_keeps_missing_values(rotation):
    y = np.random.default_rng(0).standard_normal((2, 5, 3))
    y[1, 3:] = np.nan
    y[0, 1] = np.nan
    along = fields.along(rotation, trajectories(y))
    assert along.drift.dims == ("sample", "trajectory", "time", "state")
    np.testing.assert_allclose(along.drift.values[1], drift_of(1, y), rtol=1e-5, atol=1e-6)
    assert np.isnan(along.magnitude.values[:, 0, 1]).all()
    assert np.isnan(along.covariance.values[:, 1, 3:]).all()


def test_along_smoothed_paths_pairs_each_draw_with_its_own_path(rotation):
    x = np.random.default_rng(1).standard_normal((1, 2, 4, 3))
    smoothed = xr.Dataset({"x": (("sample", "trajectory", "time", "state"), x)}, coords={"sample": [1]})
    along = fields.along(rotation, smoothed)
    assert along.sample.values.tolist() == [1]
    np.testing.assert_allclose(along.drift.values[0], drift_of(1, x[0]), rtol=1e-5, atol=1e-6)


def test_signal_to_noise_of_one_step(rotation):
    grid = fields.grid(rotation, (0,), limits=[(0.0, 2.0)], points=2, at=[0.0, 0.0, 5.0])
    ratio = fields.signal_to_noise(grid, dt=0.25)
    expected = np.linalg.norm(drift_of(1, np.array([2.0, 0.0, 5.0]))) * 0.5 / np.sqrt(12)
    assert float(ratio[1, 1]) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(DataError, match="dt=0"):
        fields.signal_to_noise(grid, dt=0.0)


def test_chunks_of_draws_do_not_change_a_field(rotation, monkeypatch):
    whole = fields.grid(rotation, (0, 1), points=4)
    monkeypatch.setattr("sdebayes.analysis.evaluate._CHUNK_BYTES", 1)
    xr.testing.assert_allclose(fields.grid(rotation, (0, 1), points=4), whole)


def test_spectrum_of_a_rotation(rotation):
    spectrum = fields.jacobian_spectrum(rotation)
    np.testing.assert_allclose(spectrum.real_part[:, 0], [[-0.1, -0.5, -0.5], [-0.2, -1.0, -1.0]], rtol=1e-6)
    np.testing.assert_allclose(spectrum.imaginary_part[:, 0], [[0, 2, -2], [0, 4, -4]], rtol=1e-6)
    np.testing.assert_allclose(spectrum.time_constant[:, 0], [[10, 2, 2], [5, 1, 1]], rtol=1e-6)
    np.testing.assert_allclose(spectrum.period[0, 0], [np.inf, np.pi, np.pi], rtol=1e-6)


def test_spectrum_of_a_nonlinear_drift_depends_on_the_place(double_well):
    spectrum = fields.jacobian_spectrum(double_well, [[0.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(spectrum.real_part[0], [[1.0, -1.0], [-1.0, -2.0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"states": ("PC9",)}, "no state 'PC9'; the states are x1, x2"),
        ({"states": (0, "x1")}, "twice"),
        ({"states": (0,), "limits": [(1.0, 0.0)]}, "low below high"),
        ({"states": (0,)}, "Pass limits"),
        ({"states": (0,), "points": 1, "limits": [(0.0, 1.0)]}, "points=1"),
        ({"states": (0,), "at": [1.0, 2.0, 3.0]}, "at must be 2"),
    ],
)
def test_bad_grids(double_well, arguments, message):
    with pytest.raises(DataError, match=message):
        fields.grid(double_well, **arguments)


def test_data_of_another_width_are_refused(double_well):
    with pytest.raises(DataError, match="3 states, the model 2"):
        fields.along(double_well, trajectories(np.random.default_rng(0).standard_normal((1, 5, 3))))


def test_portrait_knows_where_the_direction_is_known():
    # Equilibria at ±1 on the first axis: left of −1 both draws point right, between them they disagree.
    one, other = (
        SDE(AffineDrift(jnp.eye(2), jnp.array([b, 0.0])), ConstantDiffusion(jnp.eye(2))) for b in (1.0, -1.0)
    )
    sde = jax.tree.map(lambda *leaves: jnp.stack(leaves), one, other)
    portrait = phase_space.portrait(sde, limits=[(-2.0, 2.0), (-2.0, 2.0)], points=5)
    left = portrait.sel(grid_x1=-2.0, grid_x2=0.0)
    middle = portrait.sel(grid_x1=0.0, grid_x2=0.0)
    np.testing.assert_allclose(left.drift_mean, [2.0, 0.0], atol=1e-7)
    np.testing.assert_allclose(left.drift_sd, [np.sqrt(2), 0.0], atol=1e-6)
    assert float(left.direction_resultant) == pytest.approx(1.0)
    assert float(left.direction_agreement) == 1.0
    assert float(middle.direction_resultant) == pytest.approx(0.0, abs=1e-7)
    np.testing.assert_allclose(portrait.equilibrium, [[1.0, 0.0], [-1.0, 0.0]], atol=1e-7)


def test_portrait_of_two_of_three_states(rotation):
    portrait = phase_space.portrait(rotation, ("x3", "x1"), points=4)
    assert portrait.state.values.tolist() == ["x3", "x1"]
    np.testing.assert_allclose(portrait.equilibrium, [[5.0, 1.0], [5.0, 3.0]], rtol=1e-6)
    assert portrait.attrs["at"] == "x1=2, x2=0, x3=5"
    with pytest.raises(DataError, match="2 states and 3"):
        phase_space.portrait(rotation, (0, 1, 2))
