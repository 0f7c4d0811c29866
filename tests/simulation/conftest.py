"""SDEs with closed forms."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes.dynamics import (
    SDE,
    ConstantDiffusion,
    LinearDrift,
    ObservedSDE,
    ParametricDiffusion,
    ParametricDrift,
)

RATES = np.array([[1.0, 2.0], [-0.5, 0.8]])
LOCATION = np.array([1.0, -2.0])
FACTOR = np.array([[0.9, 0.0], [0.4, 0.6]])


@pytest.fixture
def linear() -> SDE:
    """A rotating two-dimensional OU process with correlated noise."""
    return SDE(
        LinearDrift(jnp.asarray(RATES, "float32"), jnp.asarray(LOCATION, "float32")),
        ConstantDiffusion(jnp.asarray(FACTOR, "float32")),
    )


@pytest.fixture
def disguised(linear) -> SDE:
    """The same process as user functions, which must go through Euler–Maruyama."""
    return SDE(
        ParametricDrift(
            lambda x, t, p: p["A"] @ (p["b"] - x), {"A": linear.drift.matrix, "b": linear.drift.location}
        ),
        ParametricDiffusion(lambda x, t, p: p["G"], {"G": linear.diffusion.factor}),
    )


@pytest.fixture
def observed(linear) -> ObservedSDE:
    """The process with an initial law, noise and a trajectory effect."""
    return ObservedSDE(
        linear,
        jnp.array([3.0, 0.0]),
        jnp.diag(jnp.array([0.25, 1.0])),
        jnp.eye(2),
        jnp.diag(jnp.array([0.5, 0.2])),
        jnp.array([[1.0, 0.3], [0.3, 0.6]]),
    )


@pytest.fixture
def stack():
    """Stack SDEs of the same structure along a new leading sample axis."""
    return lambda *trees: jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)
