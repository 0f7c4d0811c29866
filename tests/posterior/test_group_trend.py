"""A line through the groups' values, draw by draw, and its figure."""

from __future__ import annotations

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import DataError, ModelError
from sdebayes.analysis import contrast
from sdebayes.plots import contrast as figures

AT = {"cold": 0.2, "mild": 0.5, "hot": 1.4}


def walks(levels: dict[str, float], each: int = 4) -> xr.Dataset:
    rng = np.random.default_rng(0)
    labels = [name for name in levels for _ in range(each)]
    values = []
    for label in labels:
        x = [rng.normal(size=1)]
        for _ in range(24):
            x.append(0.7 * x[-1] + 0.7 * rng.normal(size=1))
        values.append(np.array(x) + levels[label])
    return sb.trajectories(values, groups=labels)


@pytest.fixture(scope="module")
def posterior() -> sb.Posterior:
    model = sb.SDEModel(sb.priors.Linear(by_group=True), observation=sb.Exact(), group_scale=1.0)
    levels = {name: 3 * at for name, at in AT.items()} | {"else": -2.0}
    return sb.fit(model, walks(levels), sb.Laplace(draws=80), seed=0, progress=False)


@pytest.fixture(scope="module")
def levels(posterior) -> xr.Dataset:
    return contrast.trend(posterior, "equilibrium", AT)


def test_the_slope_is_that_of_least_squares_in_each_draw(posterior, levels):
    own = posterior.data["posterior"]["equilibrium"].stack(sample=("chain", "draw")).sel(group=list(AT))
    expected = np.polyfit(list(AT.values()), own.transpose("group", "sample", "state").values[..., 0], 1)[0]
    np.testing.assert_allclose(levels["equilibrium"].values[:, 0], expected, rtol=1e-9)
    np.testing.assert_allclose(
        levels["equilibrium_value"].transpose("group", ...).values[..., 0],
        own.transpose("group", "sample", "state").values[..., 0],
    )
    assert list(levels["group"].values) == list(AT)
    np.testing.assert_array_equal(levels["at"], list(AT.values()))


def test_a_true_slope_lies_in_the_interval_and_the_prior_is_wider(levels):
    low, high = np.quantile(levels["equilibrium"], [0.01, 0.99])
    assert 0 < low < 3 < high
    assert levels["equilibrium_prior"].std() > 1.5 * levels["equilibrium"].std()


def test_the_logarithm_makes_relative_changes():
    sources = {name: known(2.0 * np.exp(-0.5 * at)) for name, at in AT.items()}
    found = contrast.trend(sources, "time_constants", AT, log=True)
    np.testing.assert_allclose(found["time_constant"], 0.5, rtol=1e-6)
    assert "time_constant_prior" not in found


def known(rate: float) -> sb.dynamics.SDE:
    return sb.dynamics.SDE(
        sb.dynamics.LinearDrift(matrix=jnp.array([[rate]]), location=jnp.zeros(1)),
        sb.dynamics.ConstantDiffusion(jnp.eye(1)),
    )


def test_what_has_no_line_is_refused(posterior):
    with pytest.raises(DataError, match="three groups or more, not all at the same number"):
        contrast.trend(posterior, "equilibrium", {"cold": 0.0, "hot": 1.0})
    with pytest.raises(DataError, match="not all at the same number"):
        contrast.trend(posterior, "equilibrium", dict.fromkeys(AT, 1.0))
    with pytest.raises(ModelError, match="no group 'warm'"):
        contrast.trend(posterior, "equilibrium", AT | {"warm": 1.0})
    with pytest.raises(DataError, match="leave log out"):
        contrast.trend(posterior, "equilibrium", AT, log=True)
    with pytest.raises(ModelError, match="trend: the quantity is the same in all groups"):
        contrast.trend(posterior, "covariance", AT)


def test_the_figure_shows_values_line_and_slope(levels, posterior):
    (ax,) = figures.trend(levels)
    assert ax.get_title(loc="left").startswith("slope +")
    (points,) = [line for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(points.get_xdata(), list(AT.values()))
    np.testing.assert_allclose(
        points.get_ydata(),
        np.median(levels["equilibrium_value"].transpose("group", ...).values[..., 0], axis=1),
    )
    variances = contrast.trend(posterior, "stationary_covariance", AT, log=True)
    (ax,) = figures.trend(variances, variable="stationary_covariance")
    assert ax.get_yscale() == "log"
    with pytest.raises(DataError, match="13 panels are too many"):
        figures.trend(levels.isel(state=[0] * 13))
    plt.close("all")
