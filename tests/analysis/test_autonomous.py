"""Analyses of processes refuse a law of motion that changes with time."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes._core.errors import ModelError
from sdebayes.analysis import fields, phase_space, process
from sdebayes.dynamics import SDE, ConstantDiffusion, ParametricDrift

LIMITS = [(-2.0, 2.0)]
SEASONAL = SDE(ParametricDrift(lambda x, t, p: -x * (1 + 2 * jnp.cos(t)), {}), ConstantDiffusion(jnp.eye(1)))


@pytest.mark.parametrize(
    "analyse",
    [
        lambda sde: fields.grid(sde, states=(0,), limits=LIMITS, at=np.zeros(1)),
        lambda sde: phase_space.stationary_density(sde, limits=LIMITS),
        lambda sde: phase_space.fixed_points(sde, x0=np.array([[-1.0], [1.0]])),
        lambda sde: phase_space.lyapunov_exponents(sde, 10.0, np.array([1.0]), noise=False),
        lambda sde: process.entropy_production(sde, x0=np.zeros(1)),
    ],
)
def test_a_drift_that_changes_with_time_is_refused(analyse):
    with pytest.raises(ModelError, match="depend explicitly on the time"):
        analyse(SEASONAL)
