"""Figures of the properties of a process show the numbers they were given."""

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
from sdebayes.analysis import process
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift
from sdebayes.plots import style
from sdebayes.simulation import simulate


def turning(omega: float) -> SDE:
    rates = jnp.array([[0.5, omega], [-omega, 0.5]])
    return SDE(LinearDrift(rates, jnp.zeros(2)), ConstantDiffusion(jnp.eye(2)))


@pytest.fixture(scope="module")
def draws() -> SDE:
    return jax.tree.map(
        lambda *leaves: jnp.stack(leaves), *[turning(float(w)) for w in np.linspace(0.4, 0.8, 9)]
    )


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    return trajectories(simulate(turning(0.6), np.arange(20.0), paths=7)["y"].values[0])


def line(ax, label: str):
    return next(artist for artist in ax.lines if artist.get_label() == label)


@pytest.fixture(scope="module")
def table() -> xr.Dataset:
    return xr.Dataset(
        {
            "verdict": ("property", ["supported", "cannot be told", "rejected", "not rejected", "assumed"]),
            "probability": ("property", [0.98, 0.4, np.nan, np.nan, 1.0]),
            "p_value": ("property", [np.nan, np.nan, 1e-20, 0.3, np.nan]),
        },
        {"property": ["ergodicity", "dissipativity", "stationarity", "Markov property", "existence"]},
        {"alpha": 0.05},
    )


def test_properties_stand_on_two_axes_with_their_verdicts(table):
    axes = plots.process.properties(table)
    assert len(axes) == 2
    labels = [[label.get_text() for label in ax.get_yticklabels()] for ax in axes]
    assert labels == [["ergodicity", "dissipativity", "existence"], ["stationarity", "Markov property"]]
    assert [text.get_text() for text in axes[1].texts] == ["rejected", "not rejected"]
    shown = [float(artist.get_xdata()[0]) for artist in axes[0].lines]
    assert shown == [0.98, 0.4, 1.0]
    neutral = [to_hex(axes[0].lines[2].get_color()), to_hex(axes[1].lines[1].get_color())]
    assert neutral == [style.REFERENCE.lower()] * 2
    marks = axes[1].lines
    assert to_hex(marks[0].get_color()) == style.DATA.lower()
    assert axes[1].get_xlim()[0] < float(marks[0].get_xdata()[0]) == 1e-12
    assert plots.process.properties(table.isel(property=[0, 1])).size == 1
    with pytest.raises(DataError, match="2 panels and 1 axes"):
        plots.process.properties(table, plt.subplots()[1])
    with pytest.raises(DataError, match=r"process\.properties"):
        plots.process.properties(xr.Dataset())


def test_entropy_production_lays_the_posterior_beside_the_reference(draws):
    found = process.entropy_production(draws)
    ax = plots.process.entropy_production(found, truth=process.entropy_production(turning(0.6)))
    assert ax.get_legend_handles_labels()[1] == ["if reversible (K = 0)", "posterior", "truth"]
    assert float(line(ax, "truth").get_xdata()[0]) == pytest.approx(4 * 0.36)
    peak = line(ax, "posterior").get_xdata()
    assert peak.min() == pytest.approx(float(found.rate.min()))
    single = plots.process.entropy_production(process.entropy_production(turning(0.6)))
    assert single.get_legend_handles_labels()[1] == ["posterior"]
    with pytest.raises(DataError, match="No draw has a finite rate"):
        plots.process.entropy_production(found * np.nan)


@pytest.mark.parametrize(
    ("analyse", "draw", "name"),
    [
        (process.growth, plots.process.growth, "growth"),
        (process.dissipativity, plots.process.dissipativity, "radial_drift"),
    ],
)
def test_spheres_are_drawn_over_their_radius(draws, analyse, draw, name):
    found = analyse(draws, [1.0, 4.0, 16.0])
    ax = draw(found)
    mean = next(artist for artist in ax.lines if artist.get_label().endswith("mean"))
    np.testing.assert_allclose(mean.get_ydata(), found[name].mean("sample"))
    assert ax.get_xscale() == "log"
    with pytest.raises(DataError, match=name):
        draw(found.drop_vars(name))


def test_mixing_time_marks_the_truth(draws):
    ax = plots.process.mixing_time(process.mixing_time(draws), truth=process.mixing_time(turning(0.0)))
    assert float(line(ax, "truth").get_xdata()[0]) == pytest.approx(2.0)


def test_tests_of_fit_lay_data_over_replicates(draws, data):
    found = process.stationarity(draws, data, replicates=19)
    axes = plots.process.replicates(found)
    assert [ax.get_xlabel() for ax in axes] == ["level trend", "variance trend"]
    np.testing.assert_allclose(line(axes[0], "data").get_xdata(), found.level_trend)
    segments = axes[0].collections[0].get_segments()
    np.testing.assert_allclose(segments[1][0, 0], found.level_trend_replicated[:, 1].quantile(0.05))
    reversal = process.reversibility(data)
    axes = plots.process.replicates(reversal)
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["cross-covariance", "third order"]
    with pytest.raises(DataError, match="expected a statistic with replicates"):
        plots.process.replicates(xr.Dataset())


@pytest.mark.thorough
def test_innovations_are_drawn_by_quantiles(draws, data):
    found = process.innovations(draws, data)
    ax = plots.process.innovations(found)
    shown = line(ax, "data")
    assert shown.get_ydata()[-1] == pytest.approx(float(found.max(["trajectory", "time", "state"]).median()))
    assert (np.diff(shown.get_xdata()) > 0).all()
    with pytest.raises(DataError, match="no finite innovation"):
        plots.process.innovations(found * np.nan)
