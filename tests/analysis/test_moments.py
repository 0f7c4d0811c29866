from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import xarray as xr
from scipy import stats

from sdebayes._core.errors import DataError
from sdebayes.analysis import moments
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift
from sdebayes.simulation import simulate

RATES = np.array([[0.3, 0.6], [-0.6, 0.3]])
OU = SDE(LinearDrift(jnp.asarray(RATES), jnp.zeros(2)), ConstantDiffusion(jnp.eye(2)))


@pytest.fixture(scope="module")
def simulated() -> xr.Dataset:
    return simulate(OU, np.arange(60.0), paths=1500, seed=2)


def test_moments_of_an_ensemble_are_those_of_numpy_and_scipy():
    y = np.random.default_rng(0).gamma(2.0, size=(30, 4, 2))
    y[:5, 3] = np.nan
    y[7, 1, 0] = np.nan
    result = moments.moments(trajectories(y))
    column = y[:, 3, 1][5:]
    place = result.isel(time=3, state=1)
    assert float(place.mean_data) == pytest.approx(column.mean())
    assert float(place.skewness_data) == pytest.approx(stats.skew(column))
    assert float(place.kurtosis_data) == pytest.approx(stats.kurtosis(column))
    np.testing.assert_allclose(result.covariance_data[2], np.cov(y[:, 2].T))
    both = np.delete(y[:, 1], 7, axis=0)
    assert float(result.covariance_data[1, 1, 1]) == pytest.approx(y[:, 1, 1].var(ddof=1))
    assert float(result.covariance_data[1, 0, 1]) == pytest.approx(np.cov(both.T)[0, 1], rel=0.1)
    assert result.count_data.values[:, 0].tolist() == [30, 29, 30, 25]


def test_simulated_moments_reach_the_stationary_law(simulated):
    result = moments.moments(None, simulated)
    assert result.covariance.dims == ("sample", "time", "state", "state_bis")
    expected = scipy.linalg.solve_continuous_lyapunov(RATES, np.eye(2))
    error = expected[0, 0] * np.sqrt(2 / 1500)
    assert (np.abs(result.covariance.values[0] - expected) < 5 * error).all()
    assert (np.abs(result.skewness) < 5 * np.sqrt(6 / 1500)).all()
    assert (np.abs(result.kurtosis) < 6 * np.sqrt(24 / 1500)).all()


def test_pooled_moments_have_no_time(simulated):
    result = moments.moments(trajectories(simulated.y.values[0]), simulated, pooled=True)
    assert result["mean"].dims == ("sample", "state")
    np.testing.assert_allclose(result["mean"][0], simulated.y.values[0].mean((0, 1)))
    np.testing.assert_allclose(result.kurtosis_data, stats.kurtosis(simulated.y.values[0].reshape(-1, 2)))


def test_one_trajectory_has_a_mean_and_no_spread():
    result = moments.moments(trajectories(np.random.default_rng(0).standard_normal((1, 5, 1))))
    assert np.isfinite(result.mean_data).all()
    assert np.isnan(result.covariance_data).all()
    assert np.isnan(result.kurtosis_data).all()


@pytest.mark.parametrize(
    ("count", "known"), [(1, {"mean"}), (2, {"mean", "covariance"}), (3, {"mean", "covariance", "skewness"})]
)
def test_moments_that_so_few_values_fix_are_not_known(count, known):
    """Two values have the skewness 0 and the kurtosis −2 and three the kurtosis −3/2, whatever they are."""
    y = np.random.default_rng(1).gamma(2.0, size=(count, 6, 2))
    paths = xr.Dataset(
        {"y": (("sample", "path", "time", "state"), np.stack([y, y + 1]))},
        {"sample": [0, 1], "time": np.arange(6.0), "state": ["x1", "x2"]},
    )
    result = moments.moments(trajectories(y), paths)
    tails = moments.predictive_p_values(result)
    for name in ("mean", "covariance", "skewness", "kurtosis"):
        for values in (result[name], result[f"{name}_data"], tails[name]):
            assert bool((values.notnull() == (name in known)).all()), name


def test_steps_that_few_trajectories_reach_have_no_kurtosis():
    y = np.random.default_rng(2).normal(size=(5, 6, 1))
    y[3:, 4:] = np.nan
    y[2:, 5:] = np.nan
    result = moments.moments(trajectories(y))
    np.testing.assert_array_equal(result.skewness_data.notnull()[:, 0], [True] * 5 + [False])
    np.testing.assert_array_equal(result.kurtosis_data.notnull()[:, 0], [True] * 4 + [False] * 2)


def test_autocorrelation_is_that_of_the_closed_form(simulated):
    result = moments.autocorrelation(None, 6, simulated).autocorrelation
    # Stationary covariance is a multiple of I: ρ(l) = diag exp(−A l) = exp(−0.3 l) cos(0.6 l).
    lags = np.arange(7)
    expected = np.exp(-0.3 * lags) * np.cos(0.6 * lags)
    np.testing.assert_allclose(result.values[0], np.stack([expected] * 2, axis=1), atol=0.03)


def test_autocorrelation_by_pairs_of_seen_values():
    y = np.random.default_rng(3).standard_normal((3, 12, 1)).cumsum(axis=1)
    y[0, 9:] = np.nan
    y[1, 4] = np.nan
    result = moments.autocorrelation(trajectories(y), 3)
    z = y - np.nanmean(y)
    pairs = [
        (a, b) for row in z[..., 0] for a, b in zip(row[:-2], row[2:], strict=True) if np.isfinite(a * b)
    ]
    expected = np.mean([a * b for a, b in pairs]) / np.nanmean(z**2)
    assert float(result.autocorrelation_data[2, 0]) == pytest.approx(expected)
    assert int(result.pairs_data[2, 0]) == len(pairs)
    assert float(result.autocorrelation_data[0, 0]) == 1.0


def test_centring_each_trajectory_takes_its_level_away():
    generator = np.random.default_rng(5)
    y = generator.standard_normal((200, 30, 1)) + 3 * generator.standard_normal((200, 1, 1))
    data = trajectories(y)
    assert float(moments.autocorrelation(data, 3).autocorrelation_data[3, 0]) == pytest.approx(0.9, abs=0.03)
    own = moments.autocorrelation(data, 3, centre="trajectory").autocorrelation_data[3, 0]
    assert float(own) == pytest.approx(-1 / 29, abs=0.03)


def test_blocks_of_draws_do_not_change_the_result(monkeypatch):
    y = np.random.default_rng(0).standard_normal((5, 4, 10, 2))
    draws = xr.Dataset(
        {"y": (("sample", "path", "time", "state"), y)}, coords={"sample": range(5), "state": ["a", "b"]}
    )
    draws = draws.assign_coords(time=np.arange(10.0))
    whole = (moments.moments(None, draws), moments.autocorrelation(None, 4, draws))
    monkeypatch.setattr("sdebayes.analysis.moments.predictive_checks._CHUNK_BYTES", 1)
    xr.testing.assert_allclose(moments.moments(None, draws), whole[0])
    xr.testing.assert_allclose(moments.autocorrelation(None, 4, draws), whole[1])


def test_masked_replicates_miss_what_the_data_miss(simulated):
    y = simulated.y.values[0, :7].copy()
    y[2, 40:] = np.nan
    y[3, 5] = np.nan
    data = trajectories(y)
    masked = moments.mask_like(simulated.isel(path=slice(7)), data)
    np.testing.assert_array_equal(masked.y.isnull().values[0], np.isnan(y))
    np.testing.assert_allclose(
        moments.autocorrelation(data, 5, masked).autocorrelation[0],
        moments.autocorrelation(data, 5).autocorrelation_data,
    )
    with pytest.raises(DataError, match="paths=7"):
        moments.mask_like(simulated, data)


def test_bad_input(simulated, untyped):
    data = trajectories(np.random.default_rng(0).standard_normal((3, 60, 2)), t=0.5)
    with pytest.raises(DataError, match="at the times of the data"):
        moments.moments(data, simulated)
    with pytest.raises(DataError, match="neither"):
        moments.moments(None)
    with pytest.raises(DataError, match=r"data=Dataset\(x, y\) must be trajectories, y\(trajectory"):
        moments.moments(simulated)
    with pytest.raises(DataError, match="lags=60 must be 1 to 59"):
        moments.autocorrelation(data, 60)
    with pytest.raises(DataError, match="centre='none'"):
        moments.autocorrelation(data, centre="none")
    with pytest.raises(DataError, match="states"):
        moments.autocorrelation(data.assign_coords(state=["a", "b"]), 3, simulated)


def test_predictive_p_values_are_tail_probabilities():
    replicates = xr.DataArray(np.arange(10.0)[:, None] * [1.0, -1.0], dims=("sample", "state"))
    data = xr.DataArray([6.5, np.nan], dims="state")
    result = xr.Dataset({"mean": replicates, "mean_data": data, "count_data": data})
    found = moments.predictive_p_values(result)
    assert set(found) == {"mean"}
    assert float(found["mean"][0]) == pytest.approx(0.3)
    assert np.isnan(found["mean"][1])
    tied = moments.predictive_p_values(result.assign(mean_data=("state", [6.0, -9.0])))
    np.testing.assert_allclose(tied["mean"], [0.35, 0.95])
    with pytest.raises(DataError, match="beside the data's"):
        moments.predictive_p_values(result.drop_vars("mean"))


def test_p_values_of_replicates_that_are_the_data_s_own_law_are_uniform():
    """400 data sets, 20 at a time as independent states, each beside 99 replicates of a known process."""
    rng = np.random.default_rng(0)
    tails: list[float] = []
    for _ in range(20):
        y = rng.normal(size=(100, 4, 10, 20))
        data = trajectories(y[0])
        simulated = xr.Dataset(
            {"y": (("sample", "path", "time", "state"), y[1:])},
            {"sample": np.arange(99), "time": np.arange(10.0), "state": data["state"]},
        )
        result = moments.moments(data, simulated, pooled=True)
        tails.extend(moments.predictive_p_values(result)["kurtosis"].values)
    assert len(tails) == 400
    assert stats.kstest(tails, "uniform").pvalue > 1e-3
