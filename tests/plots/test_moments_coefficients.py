"""The figure of Kramers–Moyal coefficients."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.colors import to_hex

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis import fields, moments
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift
from sdebayes.plots import style
from sdebayes.simulation import simulate

OU = SDE(LinearDrift(0.1 * jnp.eye(2), jnp.zeros(2)), ConstantDiffusion(jnp.eye(2)))


def test_data_lie_as_points_over_simulations_and_truth():
    simulated = simulate(OU, np.arange(60.0), paths=30)
    data = trajectories(simulated["y"].values[0], time_unit="sentence")
    found = moments.kramers_moyal(data, ("x2",), simulated=simulated, bins=5)
    axes = plots.moments.kramers_moyal(found, truth=fields.grid(OU, ("x2",), points=5))
    assert len(axes) == 3
    points = axes[1].containers[0]
    np.testing.assert_allclose(points[0].get_ydata(), found["diffusion_data"][:, 0, 0])
    assert to_hex(points[0].get_color()) == style.DATA.lower()
    error = found["diffusion_standard_error_data"].values[0, 0, 0]
    bar = points[2][0].get_segments()[0][:, 1]
    assert bar[1] - bar[0] == pytest.approx(4 * error)
    lines = {artist.get_label(): artist.get_ydata() for artist in axes[1].lines}
    np.testing.assert_allclose(lines["truth"], 0.5, rtol=1e-6)
    np.testing.assert_allclose(lines["simulated, mean"], found["diffusion"][0, :, 0, 0])
    assert axes[0].get_ylabel() == "D₁ (per sentence)"


def test_with_noise_there_are_two_panels_and_a_plane_is_refused():
    data = trajectories(simulate(OU, np.arange(60.0), paths=30)["y"].values[0])
    assert len(plots.moments.kramers_moyal(moments.kramers_moyal(data, bins=5, noise=0.1))) == 2
    with pytest.raises(DataError, match="over one state and got 2"):
        plots.moments.kramers_moyal(moments.kramers_moyal(data, (0, 1), bins=3))


def test_a_plane_is_drawn_as_arrows_of_data_and_simulations():
    simulated = simulate(OU, np.arange(60.0), paths=30)
    found = moments.kramers_moyal(
        trajectories(simulated["y"].values[0]), ("x2", "x1"), bins=3, simulated=simulated
    )
    ax = plots.moments.kramers_moyal_plane(found)
    blue, orange = ax.collections
    assert orange.get_label() == "data"
    np.testing.assert_allclose(orange.U.reshape(3, 3), found["drift_data"].sel(state="x2").values.T)
    np.testing.assert_allclose(blue.V.reshape(3, 3), found["drift"][0].sel(state="x1").values.T)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x2", "x1")
    with pytest.raises(DataError, match="over two states and got 1"):
        plots.moments.kramers_moyal_plane(moments.kramers_moyal(None, (0,), bins=3, simulated=simulated))
