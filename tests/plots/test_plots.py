from __future__ import annotations

import jax
import jax.numpy as jnp
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_hex

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis import fields, moments, phase_space
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift
from sdebayes.plots import style
from sdebayes.simulation import simulate


def ornstein_uhlenbeck(scale: float) -> SDE:
    rates = jnp.array([[0.5, 1.0], [-1.0, 0.5]])
    return SDE(LinearDrift(scale * rates, jnp.array([scale, 0.0])), ConstantDiffusion(jnp.eye(2)))


@pytest.fixture(scope="module")
def draws() -> SDE:
    stacked = [ornstein_uhlenbeck(scale) for scale in np.linspace(0.8, 1.2, 9)]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *stacked)


@pytest.fixture(scope="module")
def truth() -> SDE:
    return ornstein_uhlenbeck(1.0)


@pytest.fixture(scope="module")
def simulated(draws) -> xr.Dataset:
    return simulate(draws, np.arange(12.0), paths=5).assign_attrs(time_unit="sentence")


@pytest.fixture(scope="module")
def data(simulated) -> xr.Dataset:
    return trajectories(simulated.y.values[4], time_unit="sentence")


def labels(ax) -> list[str]:
    return ax.get_legend_handles_labels()[1]


def line(ax, label: str):
    return next(artist for artist in ax.lines if artist.get_label() == label)


@pytest.mark.smoke
def test_autocorrelation_lays_data_over_the_band(data, simulated):
    result = moments.autocorrelation(data, 5, simulated)
    axes = plots.moments.autocorrelation(result)
    assert len(axes) == 2
    np.testing.assert_allclose(line(axes[1], "data").get_ydata(), result.autocorrelation_data[:, 1])
    np.testing.assert_allclose(
        line(axes[1], "simulated, mean").get_ydata(), result.autocorrelation.mean("sample")[:, 1]
    )
    assert to_hex(line(axes[0], "data").get_color()) == style.DATA.lower()
    band = axes[0].collections[0].get_paths()[0].vertices[:, 1]
    lower, upper = result.autocorrelation[:, 3, 0].quantile([0.05, 0.95])
    assert np.isclose(band, float(lower)).any()
    assert np.isclose(band, float(upper)).any()
    assert axes[1].get_xlabel() == "lag (steps)"


def test_autocorrelation_of_data_alone_has_no_band(data):
    axes = plots.moments.autocorrelation(moments.autocorrelation(data, 4))
    assert labels(axes[0]) == ["data"]


@pytest.mark.parametrize(
    ("analyse", "draw", "name"),
    [
        (moments.increments, plots.moments.increments, "mean_squared_displacement"),
        (moments.allan_deviation, plots.moments.allan_deviation, "allan_deviation"),
    ],
)
def test_displacements_and_deviations_lay_data_over_the_band(data, simulated, analyse, draw, name):
    result = analyse(data, 3, simulated)
    axes = draw(result)
    np.testing.assert_allclose(line(axes[1], "data").get_ydata(), result[f"{name}_data"][:, 1])
    np.testing.assert_allclose(
        line(axes[1], "simulated, mean").get_ydata(), result[name].mean("sample")[:, 1]
    )
    assert axes[0].get_xscale() == "log"
    assert labels(draw(analyse(data, 3))[0]) == ["data"]
    with pytest.raises(DataError, match=f"{name}_data"):
        draw(result.drop_vars([name, f"{name}_data"]))


@pytest.mark.parametrize("variable", ["mean", "skewness", "kurtosis", "slope"])
def test_other_moments_of_increments(data, simulated, variable):
    result = moments.increments(data, 3, simulated)
    axes = plots.moments.increments(result, variable=variable)
    np.testing.assert_allclose(line(axes[0], "data").get_ydata(), result[f"{variable}_data"][:, 0])
    with pytest.raises(DataError, match="variable='median'"):
        plots.moments.increments(result, variable="median")


def test_moments_over_time_of_one_state(data, simulated):
    result = moments.moments(data, simulated)
    axes = plots.moments.moments(result, state="x2")
    np.testing.assert_allclose(line(axes[1], "data").get_ydata(), result.covariance_data[:, 1, 1])
    assert axes[0].get_ylabel() == "mean of x2"
    assert axes[3].get_xlabel() == "time (sentence)"
    with pytest.raises(DataError, match="one of x1, x2; got state 'x7'"):
        plots.moments.moments(result, state="x7")
    with pytest.raises(DataError, match="over time"):
        plots.moments.moments(moments.moments(data, pooled=True))


def test_moments_of_two_texts_are_not_drawn_where_they_are_not_known():
    axes = plots.moments.moments(
        moments.moments(trajectories(np.random.default_rng(0).normal(size=(2, 9, 1))))
    )
    assert [len(one.lines) for one in axes] == [1, 1, 0, 0]
    assert [text.get_text() for one in axes[2:] for text in one.texts] == ["too few values"] * 2


def test_profile_shows_the_truth_in_black(draws, truth):
    limits = [(-2.0, 2.0)]
    axes = plots.fields.profile(
        fields.grid(draws, (0,), limits), truth=fields.grid(truth, (0,), limits, at=[1.0, 0.0])
    )
    assert to_hex(line(axes[0], "truth").get_color()) == "#000000"
    np.testing.assert_allclose(
        line(axes[0], "truth").get_ydata(), 0.5 * (1 - np.linspace(-2, 2, 25)), rtol=1e-5, atol=1e-7
    )
    with pytest.raises(DataError, match="over one state and got one over 2"):
        plots.fields.profile(fields.grid(draws, (0, 1)))


def test_a_scalar_over_two_states_colours_the_mean(draws):
    grid = fields.grid(draws, ("x2", "x1"), points=6)
    ax = plots.fields.scalar(grid["magnitude"])
    shown = ax.collections[0].get_array().reshape(6, 6)
    np.testing.assert_allclose(shown, grid.magnitude.mean("sample").transpose("grid_x1", "grid_x2"))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x2", "x1")


def test_signal_to_noise_is_a_distribution(draws, data):
    ratio = fields.signal_to_noise(fields.along(draws, data), 1.0)
    ax = plots.fields.signal_to_noise(ratio)
    values = line(ax, "mean").get_xdata()
    assert values.size == 60
    assert (np.diff(values) >= 0).all()
    with pytest.raises(DataError, match="no place"):
        plots.fields.signal_to_noise(ratio * np.nan)


def test_spectrum_marks_the_median(draws, truth):
    ax = plots.fields.jacobian_spectrum(
        fields.jacobian_spectrum(draws), truth=fields.jacobian_spectrum(truth)
    )
    np.testing.assert_allclose(line(ax, "posterior median").get_xdata(), [2.0, 2.0], rtol=1e-6)
    assert ax.get_yticklabels()[0].get_text() == "1  (100% rotate)"
    with pytest.raises(DataError, match=r"time_constant.*jacobian_spectrum"):
        plots.fields.jacobian_spectrum(xr.Dataset())


def test_portrait_holds_flow_data_and_equilibria(draws, truth, data):
    portrait = phase_space.portrait(draws, points=9)
    ax = plots.phase_space.portrait(portrait, data=data, truth=phase_space.portrait(truth, points=9))
    assert labels(ax) == ["data", "truth", "equilibria of the draws"]
    smoothed = data.rename(y="x").expand_dims(sample=[0])
    assert labels(plots.phase_space.portrait(portrait, data=smoothed))[0] == "smoothed paths"
    assert len(ax.figure.axes) == 2
    single = plots.phase_space.portrait(phase_space.portrait(truth, points=9))
    assert labels(single) == ["equilibrium"]
    assert len(single.figure.axes) == 1


def test_predictive_shows_band_paths_and_data(data, simulated):
    axes = plots.checks.predictive(simulated, data=data, paths=2)
    assert sum(artist.get_label() == "data" for artist in axes[0].lines) == 2
    assert axes[1].get_ylabel() == "x2"
    with pytest.raises(DataError, match="state"):
        plots.checks.predictive(simulated, data=data.assign_coords(state=["a", "b"]))


def test_pit_histogram_is_relative_to_a_flat_one():
    values = xr.DataArray(np.append((np.arange(100) + 0.5) / 100, np.nan))
    ax = plots.forecasts.pit(values, bins=5)
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches if bar.get_width() < 0.3], 1.0)
    with pytest.raises(DataError, match="between 0 and 1"):
        plots.forecasts.pit(values + 1)


def test_given_axes_are_used_and_settings_are_left_alone(data):
    before = dict(mpl.rcParams)
    figure, given = plt.subplots(1, 2)
    drawn = plots.moments.autocorrelation(moments.autocorrelation(data, 4), given)
    assert drawn[0] is given[0]
    assert drawn[0].figure is figure
    assert dict(mpl.rcParams) == before
    with pytest.raises(DataError, match="2 panels and 1 axes"):
        plots.moments.autocorrelation(moments.autocorrelation(data, 4), given[0])


def test_a_backend_that_turns_interactive_on_with_the_first_figure_stays_so():
    with mpl.rc_context():
        mpl.interactive(False)
        with style.look():
            mpl.interactive(True)  # what the inline backend of notebooks does when it is loaded
        assert mpl.is_interactive()


def test_every_figure_can_be_written(tmp_path, data, simulated):
    axes = plots.checks.predictive(simulated, data=data)
    axes[0].figure.savefig(tmp_path / "figure.svg")
    assert b"<svg" in (tmp_path / "figure.svg").read_bytes()
