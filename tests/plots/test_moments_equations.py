"""The figure of the moment equations."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis import moments
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift
from sdebayes.simulation import simulate

OU = SDE(LinearDrift(jnp.diag(jnp.array([0.5, 1.0])), jnp.zeros(2)), ConstantDiffusion(jnp.eye(2)))


def test_equations_lie_over_the_moments_of_simulations():
    times = np.arange(4.0)
    found = moments.moment_equations(OU, times, [2.0, -1.0])
    simulated = simulate(OU, times, x0=[2.0, -1.0], paths=50)
    axes = plots.moments.moment_equations(found, beside=moments.moments(None, simulated), state="x2")
    lines = [{artist.get_label(): artist.get_ydata() for artist in one.lines} for one in axes]
    np.testing.assert_allclose(lines[0]["equations, mean"], -np.exp(-times), atol=1e-6)
    np.testing.assert_allclose(lines[1]["equations, mean"], 0.5 * (1 - np.exp(-2 * times)), atol=1e-6)
    np.testing.assert_allclose(
        lines[1]["simulated, mean"], simulated["y"].values[0, :, :, 1].var(0, ddof=1), rtol=1e-6
    )
    assert axes[0].get_ylabel() == "mean of x2"
    with pytest.raises(DataError, match="one of x1, x2; got state 'x7'"):
        plots.moments.moment_equations(found, state="x7")
