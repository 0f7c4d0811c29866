"""Nullclines against closed forms."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space import nullclines
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift

LIMITS = [(-2.0, 2.0), (-1.0, 1.0)]


def test_the_probability_is_the_share_of_equilibria_beyond_the_place(equilibria, decays):
    """f₁ = b − x₁ with b of each draw: P(f₁ > 0 at x) is the share of draws with b > x₁."""
    lines = nullclines(decays, limits=LIMITS, points=9)
    assert lines["probability_positive"].dims == ("grid_x1", "grid_x2", "state")
    share = (equilibria[:, None] > lines["grid_x1"].values).mean(axis=0)
    np.testing.assert_allclose(lines["probability_positive"].sel(state="x1", grid_x2=0.5), share)
    np.testing.assert_allclose(lines["probability_positive"].sel(state="x2", grid_x2=0.5), 0.0)
    np.testing.assert_allclose(lines["probability_positive"].sel(state="x2", grid_x2=-0.5), 1.0)


def test_the_sign_of_a_known_drift(double_well):
    lines = nullclines(double_well, limits=LIMITS, points=8)
    x = lines["grid_x1"].values
    positive = ((x > 0) & (x < 1)) | (x < -1)
    np.testing.assert_array_equal(lines["probability_positive"][:, 3, 0], positive)


def test_states_may_be_named_in_any_order(rotation):
    lines = nullclines(rotation, ("x3", "x1"), points=5)
    assert lines["drift"].dims == ("sample", "grid_x3", "grid_x1", "state")
    np.testing.assert_array_equal(lines["state"], ["x3", "x1"])
    expected = 0.1 * (5.0 - lines["grid_x3"])
    np.testing.assert_allclose(lines["drift"].sel(state="x3").isel(sample=0, grid_x1=2), expected, atol=1e-12)


def test_two_states_are_needed(double_well):
    with pytest.raises(DataError, match="2 states and 1"):
        nullclines(double_well, (0,), limits=LIMITS[:1])


@pytest.fixture
def equilibria() -> np.ndarray:
    return np.random.default_rng(0).normal(0.3, 0.4, 64)


@pytest.fixture
def decays(equilibria) -> SDE:
    sdes = [
        SDE(LinearDrift(jnp.eye(2), jnp.array([b, 0.0])), ConstantDiffusion(jnp.eye(2))) for b in equilibria
    ]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *sdes)
