"""Stacks of SDEs with known answers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ParametricDrift


@pytest.fixture
def rotation() -> SDE:
    """Two draws in three states: a rotation of period 2π/2 in the first two, decay in the third."""
    rates = jnp.array([[0.5, 2.0, 0.0], [-2.0, 0.5, 0.0], [0.0, 0.0, 0.1]])
    slow = SDE(LinearDrift(rates, jnp.array([1.0, 0.0, 5.0])), ConstantDiffusion(jnp.eye(3)))
    fast = SDE(LinearDrift(2 * rates, jnp.array([3.0, 0.0, 5.0])), ConstantDiffusion(2 * jnp.eye(3)))
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), slow, fast)


@pytest.fixture
def double_well() -> SDE:
    """One draw in two states, in user functions."""
    return SDE(
        ParametricDrift(lambda x, t, p: jnp.stack([x[0] - x[0] ** 3, -x[1]]), {}),
        ConstantDiffusion(0.5 * jnp.eye(2)),
    )
