"""How far places are from all data."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from sdebayes._core.errors import DataError
from sdebayes.analysis import fields, phase_space
from sdebayes.dynamics import SDE, LinearDrift, ParametricDiffusion
from sdebayes.simulation import as_source

SEEN = np.array([[0.0, 0.0], [1.0, 20.0], [-1.0, -20.0]])


@pytest.fixture
def seen(double_well):
    return replace(as_source(double_well, 2), region=np.array([[0.0, 0.0], [1.0, 20.0]]), seen=SEEN)


def test_distance_is_the_root_mean_square_over_states_in_standard_deviations(seen):
    spread = SEEN.std(axis=0)
    places = np.array([[0.0, 0.0], [0.3, 0.0], [3.0, -2.0]])
    expected = [min(np.sqrt(np.mean(((place - datum) / spread) ** 2)) for datum in SEEN) for place in places]
    found = fields.data_distance(seen, places)
    np.testing.assert_allclose(found, expected)
    assert found.dims == ("point",)
    assert float(found[0]) == 0


def test_grid_points_and_their_fields_carry_the_distance(seen):
    found = fields.grid(seen, (0, 1), limits=[(-3.0, 3.0), (-30.0, 30.0)], points=5)
    assert found["data_distance"].dims == ("grid_x1", "grid_x2")
    corner = fields.data_distance(seen, [3.0, -30.0])
    assert float(found["data_distance"][-1, 0]) == pytest.approx(float(corner))
    points = fields.points(found)
    xr.testing.assert_equal(fields.divergence(seen, points)["data_distance"], found["data_distance"])
    portrait = phase_space.portrait(seen, limits=[(-3.0, 3.0), (-30.0, 30.0)], points=5)
    xr.testing.assert_equal(portrait["data_distance"], found["data_distance"])
    assert fields.data_distance(seen, points).name == "data_distance"


def test_zeros_say_how_far_from_data_they_lie(seen):
    zeros = phase_space.fixed_points(seen, x0=np.array([[-0.9, 0.1], [0.1, 0.0], [0.9, 0.1]]))
    given = fields.data_distance(seen, zeros["location"].isel(sample=0).dropna("fixed_point"))
    np.testing.assert_allclose(zeros["data_distance"].isel(sample=0).dropna("fixed_point"), given)
    common = phase_space.matched(zeros)
    np.testing.assert_allclose(common["data_distance"], fields.data_distance(seen, common["location"]))


def test_a_straight_drift_with_constant_noise_is_known_everywhere_alike(rotation, seen):
    straight = replace(as_source(rotation), seen=np.eye(3))
    assert "data_distance" not in fields.grid(straight, (0, 1), points=3).coords
    unseen = replace(seen, seen=None)
    assert "data_distance" not in fields.grid(unseen, (0, 1), points=3).coords
    assert "data_distance" not in phase_space.fixed_points(unseen)
    with pytest.raises(DataError, match="no data to be near to"):
        fields.data_distance(unseen, [0.0, 0.0])


def test_noise_that_changes_hangs_on_nearness_where_a_straight_drift_does_not():
    noise = ParametricDiffusion(lambda x, t, p: jnp.diag(0.5 + 0.1 * x**2), {})
    straight = SDE(LinearDrift(jnp.eye(2), jnp.zeros(2)), noise)
    source = replace(as_source(straight, 2), seen=SEEN, region=np.array([[0.0, 0.0], [1.0, 20.0]]))
    assert "data_distance" in fields.grid(source, (0, 1), points=3).coords
    assert "data_distance" not in phase_space.portrait(source, points=3).coords


def test_a_state_that_never_moves_is_measured_in_its_own_units(seen):
    still = replace(seen, seen=np.array([[0.0, 5.0], [2.0, 5.0]]))
    np.testing.assert_allclose(fields.data_distance(still, [0.0, 6.0]), 1.0)
