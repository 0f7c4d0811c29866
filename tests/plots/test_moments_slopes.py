"""The figure of scaling exponents."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis import moments
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift
from sdebayes.paths import trajectories
from sdebayes.simulation import simulate

OU = SDE(LinearDrift(0.1 * jnp.eye(2), jnp.zeros(2)), ConstantDiffusion(jnp.eye(2)))


def test_exponents_are_drawn_beside_those_of_simulations():
    simulated = simulate(OU, np.arange(40.0), paths=25)
    found = moments.displacement_exponent(trajectories(simulated["y"].values[0]), 4, simulated)
    ax = plots.moments.exponents(found)
    np.testing.assert_allclose(ax.lines[0].get_xdata(), found["slope"][0])
    np.testing.assert_allclose(ax.containers[0][0].get_xdata(), found["slope_data"])
    assert ax.get_xlabel() == "exponent over the lags 1, 2, 3, 4"
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["x1", "x2"]
    with pytest.raises(DataError, match="slope_data"):
        plots.moments.exponents(found.drop_vars(["slope", "slope_data"]))
