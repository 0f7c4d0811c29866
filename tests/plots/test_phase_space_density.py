"""Figures of stationary densities, currents, committors and passage times show what was computed."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_hex

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis import phase_space
from sdebayes.analysis.phase_space import Ball
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift
from sdebayes.plots import style
from sdebayes.plots.grid_fields import coverage_level

LIMITS = [(-3.0, 3.0), (-3.0, 3.0)]


def turning(speed: float) -> SDE:
    return SDE(
        LinearDrift(jnp.array([[1.0, speed], [-speed, 1.0]]), jnp.zeros(2)), ConstantDiffusion(jnp.eye(2))
    )


@pytest.fixture(scope="module")
def draws() -> SDE:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(turning, (0.5, 1.0, 1.5)))


@pytest.fixture(scope="module")
def densities(draws) -> xr.Dataset:
    return phase_space.stationary_density(draws, limits=LIMITS, points=31)


@pytest.fixture(scope="module")
def profile(draws) -> xr.Dataset:
    return phase_space.stationary_density(draws, states=("x2",), limits=LIMITS[:1], points=31)


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    values = np.random.default_rng(0).normal(size=(4, 60, 2))
    return trajectories(values).assign_coords(state=["x1", "x2"])


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def labels(ax) -> list[str]:
    return ax.get_legend_handles_labels()[1]


def line(ax, label: str):
    return next(artist for artist in ax.lines if artist.get_label() == label)


def test_density_of_one_state(profile, data):
    ax = plots.phase_space.stationary_density(profile, data=data, truth=profile.isel(sample=[1]))
    assert set(labels(ax)) == {"density, 90% band", "density, mean", "truth", "data"}
    np.testing.assert_allclose(line(ax, "density, mean").get_ydata(), profile.density.mean("sample"))
    np.testing.assert_allclose(line(ax, "truth").get_ydata(), profile.density[1])
    assert to_hex(line(ax, "density, mean").get_color()) == style.POSTERIOR.lower()
    assert ax.get_xlabel() == "x2"
    smoothed = data.rename(y="x").expand_dims(sample=[0])
    assert "smoothed paths" in labels(plots.phase_space.stationary_density(profile, data=smoothed))


def test_density_of_two_states(densities, data):
    ax = plots.phase_space.stationary_density(densities, data=data, truth=densities.isel(sample=[0]))
    assert labels(ax) == ["data", "90% region, draws", "truth"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x1", "x2")


def test_contour_of_a_normal_density(densities):
    """The smallest region with probability P of a standard normal in a plane ends at density (1 − P)/2π."""
    x = np.linspace(-5, 5, 201)
    normal = np.exp(-0.5 * (x[:, None] ** 2 + x**2))
    assert np.isclose(coverage_level(normal, 0.9), 0.1, rtol=0.02)


def test_current_points_the_way_it_flows(densities):
    ax = plots.phase_space.current(densities)
    arrows = next(artist for artist in ax.collections if artist.get_label() == "current")
    turn = arrows.X * arrows.V - arrows.Y * arrows.U
    assert (turn > 0).all()
    assert to_hex(arrows.get_facecolor()[0]) == style.TRUTH


def test_currents_that_disagree_are_grey(densities):
    both = xr.concat([densities, densities.assign(current=-0.9 * densities.current)], "sample")
    assert labels(plots.phase_space.current(both)) == ["direction not sure"]


def test_quasi_potential(densities, profile):
    ax = plots.phase_space.quasi_potential(profile, truth=profile.isel(sample=[0]))
    np.testing.assert_allclose(line(ax, "median").get_ydata(), profile.quasi_potential.median("sample"))
    assert labels(plots.phase_space.quasi_potential(densities, truth=densities)) == ["truth, at 1, 3, 5"]


def test_committor_and_passage_times(draws):
    a, b = Ball([-1.0, 0.0], 0.5), Ball([1.0, 0.0], 0.5)
    found = phase_space.committor(draws, a, b, limits=LIMITS, points=31)
    ax = plots.phase_space.committor(found, truth=found.isel(sample=[0]))
    assert labels(ax) == ["½, draws", "truth"]
    rates = phase_space.transition_rates(draws, a, b, limits=LIMITS, points=31)
    ax = plots.phase_space.transition_rates(rates, truth=rates.isel(sample=[1]))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["A to B", "B to A"]
    np.testing.assert_allclose(line(ax, "truth").get_xdata(), float(rates.passage_time[1]))
    assert ax.get_xlabel() == "mean first passage time (unit of time)"
    ax = plots.phase_space.transition_rates(rates, variable="rate", truth=rates.isel(sample=[1]))
    np.testing.assert_allclose(line(ax, "truth").get_xdata(), float(rates.rate[1]))
    assert ax.get_xlabel() == "transition rate (per unit of time)"


def test_exit_times_of_several_starts(draws):
    found = phase_space.exit_time(draws, Ball([0.0, 0.0], 1.0), [[0.0, 0.0], [0.9, 0.0]], points=31)
    ax = plots.phase_space.exit_time(found)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["start 1", "start 2"]
    wide = found.assign(exit_time=found.exit_time * np.array([1.0, 30.0, 900.0])[:, None])
    assert plots.phase_space.exit_time(wide).get_xscale() == "log"
    one = phase_space.exit_time(turning(1.0), Ball([0.0, 0.0], 1.0), [0.0, 0.0], points=31)
    assert plots.phase_space.exit_time(one).get_xscale() == "linear"


@pytest.mark.parametrize(
    "draw", ["stationary_density", "current", "quasi_potential", "committor", "exit_time", "transition_rates"]
)
def test_a_dataset_of_something_else(draw):
    with pytest.raises(DataError, match="make it with"):
        getattr(plots.phase_space, draw)(xr.Dataset())
