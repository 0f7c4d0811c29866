"""Zeros of known drifts, and what many draws agree on."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space import fixed_points, matched
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ParametricDrift

BOX = np.array([[x, y] for x in np.linspace(-2, 2, 6) for y in np.linspace(-1, 1, 4)])


def test_a_double_well_has_two_stable_zeros_and_a_saddle(double_well):
    found = fixed_points(double_well, BOX).isel(sample=0)
    np.testing.assert_allclose(found["location"], [[-1, 0], [1, 0], [0, 0]], atol=1e-6)
    np.testing.assert_array_equal(found["stable"], [True, True, False])


@pytest.mark.smoke
def test_a_linear_drift_has_its_equilibrium(rotation):
    box = np.random.default_rng(0).uniform([-5, -5, 0], [5, 5, 10], (12, 3))
    found = fixed_points(rotation, box)
    np.testing.assert_allclose(found["location"][:, 0], [[1, 0, 5], [3, 0, 5]], atol=1e-6)
    assert found.sizes["fixed_point"] == 1
    assert bool(found["stable"].all())


def test_zeros_outside_of_the_region_do_not_count(double_well):
    found = fixed_points(double_well, BOX + np.array([3.0, 0.0]))
    np.testing.assert_allclose(found["location"].isel(sample=0), [[1, 0]], atol=1e-6)


def test_a_drift_without_a_zero_has_none():
    constant = SDE(ParametricDrift(lambda x, t, p: 1.0 + x**2, {}), ConstantDiffusion(jnp.eye(2)))
    found = fixed_points(constant, BOX)
    assert bool(found["location"].isnull().all())
    assert not bool(found["stable"].any())
    assert matched(found).sizes["fixed_point"] == 0


def _pitchfork(x, t, p):
    return p["a"] * x - x**3


def test_draws_with_different_numbers_of_zeros():
    """f = a x − x³: one zero for a < 0, three for a > 0."""

    def one(a: float) -> SDE:
        return SDE(ParametricDrift(_pitchfork, {"a": jnp.asarray(a)}), ConstantDiffusion(jnp.eye(1)))

    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), one(-1.0), one(1.0))
    found = fixed_points(stacked, np.linspace(-2, 2, 9)[:, None])
    np.testing.assert_array_equal(found["location"].notnull().all("state").sum("fixed_point"), [1, 3])
    np.testing.assert_array_equal(found["stable"].sum("fixed_point"), [1, 2])


def scattered(places, share, draws=200):
    """Draws whose stable zeros scatter by 0.05 around places, each there in a share of the draws."""
    rng = np.random.default_rng(0)
    table = np.array(places)[None] + 0.05 * rng.normal(size=(draws, *np.shape(places)))
    table[rng.uniform(size=table.shape[:2]) > np.array(share)] = np.nan
    stable = np.isfinite(table).all(-1)
    variables = {
        "location": (("sample", "fixed_point", "state"), table),
        "stable": (("sample", "fixed_point"), stable),
        "kind": (("sample", "fixed_point"), np.where(stable, 0, -1)),
        "time_constant": (("sample", "fixed_point"), np.ones(stable.shape)),
        "period": (("sample", "fixed_point"), np.full(stable.shape, np.inf)),
    }
    return xr.Dataset(variables | {"unit": ("state", np.ones(2))}, {"state": ["x1", "x2"]})


def test_fixed_points_that_draws_have_in_common():
    found = matched(scattered([[-1.0, 0.0], [1.0, 0.5], [0.0, 3.0]], [0.5, 1.0, 0.02]))
    np.testing.assert_allclose(found["location"], [[1.0, 0.5], [-1.0, 0.0]], atol=0.02)
    np.testing.assert_allclose(found["probability"], [1.0, 0.5], atol=0.1)
    np.testing.assert_allclose(found["sd"], 0.05, atol=0.01)
    assert bool(found["stable"].all())


def _affine(*matrices):
    """A stack of the drifts f = M (x − (1, 1, …)), whose Jacobians are M."""
    sdes = [
        SDE(LinearDrift(-jnp.asarray(m), jnp.ones(len(m))), ConstantDiffusion(jnp.eye(len(m))))
        for m in matrices
    ]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *sdes)


def test_the_type_is_that_of_the_eigenvalues():
    stacked = _affine(
        [[-1.0, 0.0], [0.0, -2.0]],
        [[-0.5, 3.0], [-3.0, -0.5]],
        [[1.0, 0.0], [0.0, -2.0]],
        [[1.0, 0.0], [0.0, 4.0]],
        [[0.5, 3.0], [-3.0, 0.5]],
        [[0.0, 3.0], [-3.0, 0.0]],
    )
    found = fixed_points(stacked)
    names = found["kind"].attrs["flag_meanings"].split(", ")
    assert [names[k] for k in found["kind"].values[:, 0]] == [
        "stable node",
        "stable focus",
        "saddle",
        "unstable node",
        "unstable focus",
        "non-hyperbolic",
    ]
    np.testing.assert_allclose(found["location"], 1.0)
    np.testing.assert_allclose(found["time_constant"][:5, 0], [1, 2, 1, 0.25, 2])
    turn = 2 * np.pi / 3
    np.testing.assert_allclose(found["period"][:, 0], [np.inf, turn, np.inf, np.inf, turn, turn])


def test_an_affine_drift_has_one_zero_wherever_it_lies_and_none_if_singular():
    found = fixed_points(_affine([[-1.0, 0.0], [0.0, -2.0]], [[-1.0, 0.0], [0.0, 0.0]]))
    np.testing.assert_array_equal(found["location"].notnull().all("state")[:, 0], [True, False])
    np.testing.assert_array_equal(found["kind"][:, 0], [0, -1])
    assert np.isnan(found["time_constant"].values[1, 0])


def test_the_leading_eigenvalue_tells_node_from_focus():
    """Three states: a slow real mode beside a fast rotation is a node, a slow rotation beside a fast mode a focus."""
    rotation = np.array([[-1.0, 5.0], [-5.0, -1.0]])
    slow, fast = np.zeros((2, 3, 3))
    slow[:2, :2], slow[2, 2] = rotation, -0.1
    fast[:2, :2], fast[2, 2] = rotation, -8.0
    np.testing.assert_array_equal(fixed_points(_affine(slow, fast))["kind"][:, 0], [0, 1])


def test_matched_types_have_probabilities():
    """f = M(x − 1) is a focus for three draws of four, and always stable: one fixed point."""
    focus = [[-1.0, 2.0], [-2.0, -1.0]]
    joined = matched(fixed_points(_affine(focus, focus, focus, [[-1.0, 0.0], [0.0, -2.0]])))
    assert joined.sizes["fixed_point"] == 1
    assert float(joined["probability"][0]) == 1.0
    assert float(joined["kind_probability"].sel(kind="stable focus")[0]) == 0.75
    assert float(joined["kind_probability"].sel(kind="stable node")[0]) == 0.25
    np.testing.assert_allclose(joined["period"], np.pi)


@pytest.mark.parametrize("numbers", [{"radius": 0.0}, {"min_share": 0.0}, {"min_share": 1.5}])
def test_matching_needs_positive_numbers(double_well, numbers):
    with pytest.raises(DataError, match=f"{next(iter(numbers))}="):
        matched(fixed_points(double_well, BOX), **numbers)


def test_matching_needs_what_fixed_points_returns(double_well):
    with pytest.raises(DataError, match="no 'kind'"):
        matched(fixed_points(double_well, BOX).drop_vars("kind"))


def test_stable_and_unstable_ones_are_not_matched(double_well):
    found = matched(fixed_points(double_well, BOX))
    np.testing.assert_array_equal(found["stable"], [True, True, False])
    np.testing.assert_allclose(found["location"][2], [0.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(found["probability"], 1.0)


@pytest.mark.parametrize("x0", [None, np.zeros((3, 5)), np.full((3, 2), np.nan), np.zeros(2)])
def test_places_that_cannot_be_used(double_well, x0):
    with pytest.raises(DataError, match="x0"):
        fixed_points(double_well, x0)


def test_it_runs_under_single_precision(double_well):
    with jax.enable_x64(False):
        assert fixed_points(double_well, BOX).sizes["fixed_point"] == 3
