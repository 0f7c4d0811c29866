"""Basins against separatrices in closed form."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space import basins
from sdebayes.dynamics import SDE, AffineDrift, ConstantDiffusion, ParametricDrift

LIMITS = [(-2.0, 2.0), (-1.0, 1.0)]


def _shifted(x, t, p):
    """Wells at ±1 and a saddle at m: −(x − m)(x² − 1)."""
    return jnp.stack([-(x[0] - p["m"]) * (x[0] ** 2 - 1), -x[1]])


def _stack(function, name, values, n=2) -> SDE:
    sdes = [
        SDE(ParametricDrift(function, {name: jnp.asarray(value)}), ConstantDiffusion(jnp.eye(n)))
        for value in values
    ]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *sdes)


def _right(found) -> int:
    return int(np.nanargmax(found["location"].sel(state="x1").values))


def test_the_saddle_parts_the_wells():
    """The separatrix of a draw is the line x₁ = m: P(right well) is the share of draws with m < x₁."""
    m = np.random.default_rng(0).uniform(-0.5, 0.5, 24)
    found = basins(_stack(_shifted, "m", m), limits=LIMITS, points=12)
    x = found["grid_x1"].values
    right = _right(found)
    np.testing.assert_allclose(found["location"][right], [1.0, 0.0], atol=1e-6)
    expected = (m[:, None] < x).mean(axis=0)
    np.testing.assert_allclose(found["probability"][right], expected[:, None] * np.ones(12))
    np.testing.assert_allclose(found["share"][:, right], (m[:, None] < x).mean(axis=1))
    np.testing.assert_allclose(found["probability"].sum("attractor"), 1.0)
    np.testing.assert_array_equal(found["attractor"][2:], ["limit cycle", "elsewhere", "away"])
    np.testing.assert_array_equal(found["probability"][2:], 0.0)


def test_four_wells_in_the_plane_are_its_quarters():
    wells = SDE(ParametricDrift(lambda x, t, p: x - x**3, {}), ConstantDiffusion(jnp.eye(2)))
    found = basins(wells, limits=[(-2.0, 2.0), (-2.0, 2.0)], points=8)
    assert found.sizes["attractor"] == 4 + 3
    turning = basins(wells, limits=[(-(3**-0.5), 3**-0.5)] * 2, points=2, x0=found["location"][:4].values)
    np.testing.assert_allclose(turning["probability"][:4].sum("attractor"), 1.0)
    for k in range(4):
        well = found["location"][k].values
        same = (np.sign(found["grid_x1"]) == well[0].round()) & (np.sign(found["grid_x2"]) == well[1].round())
        np.testing.assert_array_equal(found["probability"][k], same)


@pytest.mark.thorough
def test_a_limit_cycle_and_an_explosion_have_basins():
    """r' = r (1 − r²)(9 − r²)/9: to the circle r = 1 from within r < 3, and away from beyond."""

    def ring(x, t, p):
        r = x @ x
        return x * (1 - r) * (9 - r) / 9 + 2 * jnp.stack([-x[1], x[0]])

    sde = SDE(ParametricDrift(ring, {}), ConstantDiffusion(jnp.eye(2)))
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf] * 60), sde)
    found = basins(stacked, limits=[(-4.0, 4.0), (-4.0, 4.0)], points=6, samples=60)
    radius = np.hypot(*np.meshgrid(found["grid_x1"], found["grid_x2"], indexing="ij"))
    np.testing.assert_array_equal(found["probability"].sel(attractor="limit cycle"), radius < 3)
    np.testing.assert_array_equal(found["probability"].sel(attractor="away"), radius > 3)


def test_a_draw_with_one_well_gives_it_the_whole_plane():
    """x' = a − x(x² − 1): for a = 1 only the right well is left."""
    found = basins(
        _stack(lambda x, t, p: jnp.stack([p["a"] - x[0] ** 3 + x[0], -x[1]]), "a", [0.0, 0.0, 0.1, 1.0]),
        limits=LIMITS,
        points=8,
        radius=0.3,
    )
    right = _right(found)
    np.testing.assert_allclose(found["share"][3].max(), 1.0)
    np.testing.assert_allclose(found["share"][0, right], 0.5)


def test_affine_drifts_are_not_followed(rotation):
    found = basins(rotation, points=5)
    np.testing.assert_array_equal(found["probability"].sel(attractor="fixed point 1"), 1.0)
    matrix = jnp.array([[1.0, 0.0], [0.0, -0.5]])
    saddle = SDE(AffineDrift(matrix, jnp.zeros(2)), ConstantDiffusion(jnp.eye(2)))
    found = basins(saddle, limits=LIMITS, points=5)
    np.testing.assert_array_equal(found["probability"].sel(attractor="away"), 1.0)


def test_places_must_be_known():
    three = SDE(ParametricDrift(lambda x, t, p: x - x**3, {}), ConstantDiffusion(jnp.eye(3)))
    with pytest.raises(DataError, match="x0"):
        basins(three, limits=LIMITS, points=4)
    with pytest.raises(DataError, match="2 states and 1"):
        basins(three, (0,))
