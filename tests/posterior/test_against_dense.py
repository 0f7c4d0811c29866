"""What a posterior computes for trajectories, against the dense multivariate normal of each draw, to 1e-8."""

from __future__ import annotations

from functools import partial

import jax
import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

import sdebayes as sb
from sdebayes._core.errors import DataError, ModelError, StateSpaceError
from tests.likelihood.dense import Dense


def pieces(data) -> list[tuple[np.ndarray, np.ndarray]]:
    ends = data["n_steps"].values
    return [(y[:n], t[:n]) for y, t, n in zip(data["y"].values, data["t"].values, ends, strict=True)]


@pytest.fixture(params=["noisy", "exact"])
def posterior(request) -> sb.Posterior:
    return request.getfixturevalue(request.param)


def test_log_score_is_the_log_mean_of_the_draws_densities(posterior, held_out):
    scores = posterior.log_score(held_out)
    stacked = posterior.observed_sde()
    count = np.shape(stacked.initial_mean)[0]
    terms = np.array(
        [[Dense.of(stacked, s).log_density(y, t) for y, t in pieces(held_out)] for s in range(count)]
    )
    expected = logsumexp(terms, axis=0) - np.log(count)
    np.testing.assert_allclose(scores, expected, rtol=1e-8)
    assert scores.dims == ("trajectory",)
    assert scores["trajectory"].values.tolist() == ["a", "b", "c"]
    seen = np.isfinite(held_out["y"].values)
    np.testing.assert_array_equal(scores["n_scalars"], seen.sum((1, 2)))
    np.testing.assert_array_equal(scores["n_observed"], seen.any(-1).sum(-1))
    assert scores.attrs["units"] == "nat"


def test_one_step_laws(posterior, held_out):
    laws = posterior.predict(held_out, samples=3)
    assert laws["mean"].dims == ("sample", "trajectory", "time", "state")
    assert laws["covariance"].dims == ("sample", "trajectory", "time", "state", "state_bis")
    stacked = posterior.observed_sde()
    exact = posterior.model.likelihood.states_observed
    for index, sample in enumerate(laws["sample"].values):
        dense = Dense.of(stacked, int(sample))
        for i, (y, t) in enumerate(pieces(held_out)):
            for k in range(len(t)):
                mean, covariance = dense.predict(y, t, k)
                if exact and not np.isfinite(y[k]).any():
                    assert np.isnan(laws["mean"].values[index, i, k]).all()
                    continue
                np.testing.assert_allclose(laws["mean"].values[index, i, k], mean, atol=1e-8)
                np.testing.assert_allclose(laws["covariance"].values[index, i, k], covariance, atol=1e-8)
            assert np.isnan(laws["mean"].values[index, i, len(t) :]).all()


def test_the_smoothed_path_and_effect(posterior, held_out):
    smoothed = posterior.smooth(held_out, samples=3)
    stacked = posterior.observed_sde()
    exact = posterior.model.likelihood.states_observed
    assert ("trajectory_effect" in smoothed) is not exact
    for index, sample in enumerate(smoothed["sample"].values):
        dense = Dense.of(stacked, int(sample))
        for i, (y, t) in enumerate(pieces(held_out)):
            mean, covariance = dense.smooth(y, t)
            for k in range(len(t)):
                here = slice(2 * k, 2 * k + 2)
                if exact and not np.isfinite(y[k]).any():
                    continue
                np.testing.assert_allclose(smoothed["x"].values[index, i, k], mean[here], atol=1e-8)
                np.testing.assert_allclose(
                    smoothed["x_covariance"].values[index, i, k], covariance[here, here], atol=1e-8
                )
            if not exact:
                np.testing.assert_allclose(
                    smoothed["trajectory_effect"].values[index, i], mean[-2:], atol=1e-8
                )
                np.testing.assert_allclose(
                    smoothed["trajectory_effect_covariance"].values[index, i],
                    covariance[-2:, -2:],
                    atol=1e-8,
                )
            assert np.isnan(smoothed["x"].values[index, i, len(t) :]).all()


@pytest.mark.thorough
def test_results_stand_on_the_grid_of_their_data(exact, exact_training):
    """A step that exact observation leaves out does not shift the steps after it."""
    laws = exact.predict(exact_training, samples=1)
    smoothed = exact.smooth(exact_training, samples=1)
    assert laws.sizes["time"] == exact_training.sizes["time"]
    np.testing.assert_allclose(
        smoothed["x"].values[0, 1, 8:40], exact_training["y"].values[1, 8:40], atol=1e-9
    )
    np.testing.assert_array_equal(laws["t"].values, exact_training["t"].values)


def test_the_log_likelihood_group_sums_to_the_log_density(noisy, training, exact, exact_training):
    for posterior, data in ((noisy, training), (exact, exact_training)):
        group = posterior.data["log_likelihood"]["y"]
        stacked = posterior.observed_sde()
        chains, draws = (posterior.data["posterior"].sizes[dim] for dim in ("chain", "draw"))
        for chain, draw in ((0, 0), (chains - 1, 17)):
            dense = Dense.of(stacked, chain * draws + draw)
            expected = [dense.log_density(y, t) for y, t in pieces(data)]
            found = group.isel(chain=chain, draw=draw)
            if "transition" in found.dims:
                found = found.groupby("trajectory").sum()
            np.testing.assert_allclose(found.sel(trajectory=data["trajectory"].values), expected, rtol=1e-8)
            predictive = posterior.data["log_predictive"]["y"]
            assert np.all(np.isfinite(predictive))
            if draw in predictive["draw"]:
                here = predictive.isel(chain=chain).sel(draw=draw).groupby("trajectory").sum()
                np.testing.assert_allclose(
                    here.sel(trajectory=data["trajectory"].values), expected, rtol=1e-8
                )


def test_the_log_prior_is_the_priors_density_by_hand(exact):
    scale = exact.model.frozen_scale
    one = exact.data["posterior"].to_dataset().isel(chain=0, draw=5)
    free = exact.data["unconstrained"].to_dataset().isel(chain=0, draw=5)
    found = {
        str(name): float(value)
        for name, value in exact.data["log_prior"].to_dataset().isel(chain=0, draw=5).items()
    }
    sigma = np.diagonal(one["diffusion_covariance"].values)
    P = np.asarray(exact.observed_sde().initial_covariance)[5]
    covariance = one["diffusion_covariance"].values
    rates, variances = scale.rate, scale.variance

    def lkj(matrix: np.ndarray) -> float:
        """LKJ(2) in two dimensions: density ¾ (1 − r²) of the correlation r, times dr/dz = 1 − r² where r = tanh z."""
        r = matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1])
        return np.log(0.75 * (1 - r**2) ** 2)

    expected = {
        "equilibrium": stats.norm(scale.location, np.sqrt(variances)).logpdf(one["equilibrium"]).sum(),
        "stationary_scale": stats.lognorm(1.0, scale=variances).logpdf(one["stationary_variance"]).sum(),
        "stationary_correlation": lkj(P),
        "rotation": stats.t(3).logpdf(free["rotation"].values).sum(),
        "diffusion_scale": stats.lognorm(1.0, scale=rates).logpdf(sigma).sum(),
        "diffusion_correlation": lkj(covariance),
    }
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-8, err_msg=name)


def test_data_of_another_state_space_are_refused(noisy, held_out):
    other = held_out.assign_attrs(space_hash="0123456789abcdef")
    for call in (noisy.log_score, noisy.predict, noisy.smooth):
        with pytest.raises(StateSpaceError, match=r"0123456789abcdef.*none \(arrays\)"):
            call(other)


def test_other_states_are_refused(noisy, held_out):
    turned = held_out.isel(state=[1, 0])
    named = held_out.assign_coords(state=["u", "v"])
    for other, found in ((turned, "x2, x1"), (named, "u, v")):
        for call in (noisy.log_score, noisy.predict, noisy.smooth, partial(sb.forecast, noisy)):
            with pytest.raises(StateSpaceError, match=f"the states {found}; the fit is to x1, x2"):
                call(other)
    assert noisy.log_score(named.assign_coords(state=["x1", "x2"])).equals(noisy.log_score(held_out))


def test_times_in_another_unit_are_refused(noisy, held_out):
    with pytest.raises(StateSpaceError, match=r"in units of ms, those of the fit in step.*time_unit='step'"):
        noisy.log_score(held_out.assign_attrs(time_unit="ms"))
    unnamed = held_out.copy()
    del unnamed.attrs["time_unit"]
    assert noisy.log_score(unnamed).equals(noisy.log_score(held_out))


def test_data_of_another_width_are_refused(noisy):
    wide = sb.trajectories([np.random.default_rng(0).normal(size=(6, 3))])
    with pytest.raises(ModelError, match=r"3 states.*scaled to 2"):
        noisy.log_score(wide)


def test_drift_and_covariance_at_points(noisy, exact):
    x = np.array([[0.0, 0.0], [1.0, -2.0], [0.3, 0.7]])
    for posterior in (noisy, exact):
        stacked = posterior.observed_sde().sde
        A, b, G = (
            np.asarray(leaf)
            for leaf in (stacked.drift.matrix, stacked.drift.location, stacked.diffusion.factor)
        )
        expected = np.einsum("sij,spj->spi", A, b[:, None] - x[None])
        drift = posterior.drift(x)
        assert drift.dims == ("sample", "point", "state")
        np.testing.assert_allclose(drift, expected, rtol=1e-10, atol=1e-12)
        covariance = posterior.covariance(x)
        assert covariance.dims == ("sample", "point", "state", "state_bis")
        np.testing.assert_allclose(covariance[:, 2], G @ G.transpose(0, 2, 1), rtol=1e-12)
        np.testing.assert_array_equal(posterior.drift(x[1]).values, drift.values[:, 1:2])


def test_a_data_array_brings_its_points_along(noisy, held_out):
    import xarray as xr

    x = xr.DataArray(
        [[0.0, 0.0], [1.0, -2.0]], {"point": ["origin", "far"], "state": ["x1", "x2"]}, ("point", "state")
    )
    found = noisy.drift(x)
    assert found["point"].values.tolist() == ["origin", "far"]
    np.testing.assert_array_equal(noisy.drift(x.T), found)
    np.testing.assert_array_equal(noisy.drift(x.sel(point="far")).values[:, 0], found.sel(point="far"))
    np.testing.assert_array_equal(noisy.drift(x.isel(state=[1, 0])), found)
    path = held_out["y"].isel(trajectory=1, time=slice(0, 4))
    np.testing.assert_array_equal(noisy.drift(path).values, noisy.drift(path.values).values)
    with pytest.raises(DataError, match="PC1"):
        noisy.drift(x.assign_coords(state=["PC1", "PC2"]))


@pytest.mark.parametrize(
    "x", [1.0, [1.0], [1.0, 2.0, 3.0], np.zeros((2, 3)), np.zeros((1, 2, 2)), [np.nan, 0.0], ["a", "b"]]
)
def test_points_of_another_shape_are_refused(noisy, x):
    for call in (noisy.drift, noisy.covariance):
        with pytest.raises(DataError, match=r"x[ =]"):
            call(x)


def test_samples_are_a_positive_number(noisy, held_out):
    assert noisy.predict(held_out, samples=3).sizes["sample"] == 3
    with pytest.raises(DataError, match="samples=0"):
        noisy.predict(held_out, samples=0)


def test_the_posterior_is_in_its_precision_whatever_jax_is_set_to(noisy, held_out):
    assert not jax.config.jax_enable_x64
    assert noisy.drift(np.zeros(2)).dtype == np.float64
    assert noisy.log_score(held_out).dtype == np.float64
    assert np.asarray(noisy.observed_sde().initial_mean).dtype == np.float64


@pytest.mark.thorough
def test_nothing_changes_a_posterior(noisy, held_out):
    before = noisy.data.copy(deep=True)
    noisy.log_score(held_out)
    noisy.predict(held_out, samples=3)
    noisy.smooth(held_out, samples=3)
    noisy.diagnosis()
    assert before.identical(noisy.data)
