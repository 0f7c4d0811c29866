"""What is read around the data is read around the training data, wherever the prior was frozen."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import NotStoredWarning
from sdebayes.analysis.phase_space import fixed_points
from sdebayes.posterior.probes import probe_points
from tests.posterior.conftest import ornstein_uhlenbeck

PLACE = 8.0


def bowl(x, t, p):
    """A drift towards 8 and 9, steeper the further away."""
    z = x - jnp.array([PLACE, PLACE + 1])
    return -p["rate"] * z - 0.1 * z**3


@pytest.fixture(scope="module")
def model() -> sb.SDEModel:
    """Frozen on data around 0 with a step of 1."""
    here = sb.trajectories(ornstein_uhlenbeck(2, [60, 40], noise=0.0, effect=0.0))
    drift = sb.priors.Parametric(bowl, {"rate": dist.HalfNormal(1)})
    euler = sb.schemes.EulerMaruyama()
    return sb.SDEModel(drift=drift, scheme=euler, observation=sb.Exact()).scaled_to(here)


@pytest.fixture(scope="module")
def far(model) -> sb.Posterior:
    """Fitted to data around 8 with a step of 1/2."""
    there = [PLACE + 0.5 * own for own in ornstein_uhlenbeck(3, [50, 50, 30], noise=0.0, effect=0.0)]
    times = [0.5 * np.arange(len(own)) for own in there]
    data = sb.trajectories(there, t=times)
    return sb.fit(model, data, sb.Laplace(draws=40), seed=0, progress=False)


def steps(posterior: sb.Posterior) -> np.ndarray:
    """The observed steps of all trajectories, (step, state)."""
    y = posterior.training_data()["y"].values.reshape(-1, 2)
    return y[np.isfinite(y).all(axis=-1)]


def test_the_region_is_that_of_the_training_data(far):
    y = steps(far)
    middle, half_width = far.region
    np.testing.assert_allclose(middle, y.mean(axis=0))
    np.testing.assert_allclose(half_width, np.abs(y - middle).max(axis=0))
    assert np.abs(middle - far.model.frozen_scale.location).min() > 4


@pytest.mark.smoke
def test_fixed_points_are_found_where_the_data_are(far):
    found = fixed_points(far)
    assert bool((found["location"].notnull().all("state").sum("fixed_point") == 1).all())
    np.testing.assert_allclose(found["location"].isel(fixed_point=0).mean("sample"), [8, 9], atol=1e-4)


def test_the_step_is_judged_where_the_data_are(far):
    """At 0, ‖J‖ is above 19, and the frozen step twice the data's."""
    finding = next(one for one in far.diagnosis() if one.subject == "Step size")
    assert "‖J‖Δt" in finding.message
    value = float(finding.message.split("‖J‖Δt = ")[1].split()[0])
    y = steps(far)
    slope = far.data["posterior"]["rate"].values.ravel()[:, None, None] + 0.3 * (y - [8, 9]) ** 2
    steep = np.sqrt((slope.max(axis=-1) ** 2).mean(axis=-1))
    assert value == pytest.approx(0.5 * np.median(steep), rel=0.05)


def test_probes_lie_among_the_data(far, model):
    scale = far.training_scale
    names, places = probe_points(model, scale)
    assert names[0] == "mean"
    np.testing.assert_allclose(places[0], far.region[0])
    drift = far.drift(places).values
    stored = far.data["posterior"]["drift_probe"].values.reshape(drift.shape)
    np.testing.assert_allclose(stored, drift, rtol=1e-6)


def test_few_data_have_a_probe_each(far, model):
    scale = replace(far.training_scale, points=far.training_scale.points[:3])
    names, places = probe_points(model, scale)
    assert len(names) == len(places)
    assert names[-1] == "datum 3"


@pytest.mark.smoke
def test_it_comes_back_from_a_file(far, model, tmp_path):
    with pytest.warns(NotStoredWarning):
        path = far.to_netcdf(tmp_path / "far.nc")
    again = sb.load(path, model=model)
    np.testing.assert_array_equal(again.region, far.region)
    assert again.training_scale.step == far.training_scale.step == 0.5
    xr.testing.assert_equal(fixed_points(again)["unit"], fixed_points(far)["unit"])


@pytest.mark.thorough
def test_where_the_prior_was_scaled_to_the_data_both_are_one(exact, noisy):
    for posterior in (exact, noisy):
        scale, frozen = posterior.training_scale, posterior.model.frozen_scale
        for name in ("location", "variance", "extent", "points", "path_variance"):
            np.testing.assert_allclose(getattr(scale, name), getattr(frozen, name), rtol=1e-6)
        assert (scale.step, scale.states) == (frozen.step, frozen.states)


def test_points_of_the_training_data_are_its_complete_steps():
    y = np.random.default_rng(0).normal(size=(2, 40, 2))
    y[0, ::2, 0] = y[1, :, 1] = np.nan
    model = sb.SDEModel(observation=sb.GaussianNoise())
    posterior = sb.fit(model, sb.trajectories(list(y), t=0.1), sb.Laplace(draws=26), progress=False)
    np.testing.assert_array_equal(posterior.training_points, y[0, 1::2])
    y[0, 1::2, 1] = np.nan
    posterior = sb.fit(model, sb.trajectories(list(y), t=0.1), sb.Laplace(draws=26), progress=False)
    assert posterior.training_points is None
