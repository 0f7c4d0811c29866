"""Tests of fit: innovations against a dense normal law, false alarms if the model is right, power if it is not."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy.linalg import expm, solve_continuous_lyapunov
from scipy.stats import binomtest, kstest

from sdebayes._core import precision
from sdebayes._core.errors import DataError, ModelError
from sdebayes.analysis import process, summarize
from sdebayes.criticism import comparison, innovations, statistics
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ObservedSDE, ParametricDrift
from sdebayes.simulation import simulate

RATES = np.array([[0.3, 0.2], [-0.1, 0.15]])
FACTOR = np.array([[0.7, 0.0], [0.2, 0.5]])
NOISE = np.diag([0.5, 0.3])
EFFECT = np.diag([0.4, 0.1])
SETS = 400


def noisy(rates=RATES, factor=FACTOR, noise=NOISE, effect=EFFECT) -> ObservedSDE:
    n = len(rates)
    with precision.scope("float64"):
        P = solve_continuous_lyapunov(rates, factor @ factor.T)
        sde = SDE(LinearDrift(jnp.asarray(rates), jnp.ones(n)), ConstantDiffusion(jnp.asarray(factor)))
        return ObservedSDE(
            sde, jnp.ones(n), jnp.asarray(P), jnp.eye(n), jnp.asarray(noise), jnp.asarray(effect)
        )


def stack(*models):
    with precision.scope("float64"):
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *models)


def ragged(values: np.ndarray, t: np.ndarray | None = None) -> xr.Dataset:
    """Give the trajectories different ends, and the first two gaps where there are more than one."""
    parts = [part[: len(part) - 3 * i] for i, part in enumerate(np.array(values))]
    clock = np.arange(values.shape[1]) if t is None else t
    return trajectories(parts, t=[clock[: len(part)] for part in parts])


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    return ragged(simulate(noisy(), np.arange(60.0), paths=6, seed=3)["y"].values[0])


def dense_innovations(y: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Standardise one trajectory by the Cholesky factor of the joint law of all that was seen."""
    P = solve_continuous_lyapunov(RATES, FACTOR @ FACTOR.T)
    n = len(t)
    joint = np.zeros((n, 2, n, 2))
    for i in range(n):
        for j in range(i + 1):
            joint[i, :, j] = expm(-RATES * (t[i] - t[j])) @ P + EFFECT + NOISE * (i == j)
            joint[j, :, i] = joint[i, :, j].T
    seen = np.isfinite(y).ravel()
    factor = np.linalg.cholesky(joint.reshape(2 * n, 2 * n)[np.ix_(seen, seen)])
    white = np.full(2 * n, np.nan)
    white[seen] = np.linalg.solve(factor, y.ravel()[seen] - 1)
    return white.reshape(n, 2)


def test_innovations_are_those_of_the_joint_law(data):
    found = process.innovations(noisy(), data)
    assert found.dims == ("sample", "trajectory", "time", "state")
    for i in (0, 4):
        expected = dense_innovations(data.y.values[i], np.arange(60.0))
        np.testing.assert_allclose(found[0, i], expected, rtol=1e-7, atol=1e-9)


def test_innovations_with_gaps_and_irregular_times(data):
    y = data.y.values[:2, :12].copy()
    y[0, 3] = np.nan
    y[0, 5, 0] = y[1, 7, 1] = np.nan
    t = np.cumsum(np.array([0.5, 1.0, 0.3] * 4))
    gaps = trajectories(y, t=t)
    found = process.innovations(stack(noisy(), noisy(2 * RATES)), gaps)
    assert found.sizes["sample"] == 2
    for i in range(2):
        np.testing.assert_allclose(found[0, i], dense_innovations(y[i], t), rtol=1e-7, atol=1e-9)


@pytest.mark.thorough
def test_replicates_are_no_draws_and_can_be_summarised(data):
    for found in (
        process.markov(noisy(), data, replicates=19),
        process.gaussian_innovations(noisy(), data, replicates=19),
        process.reversibility(data),
    ):
        copies = found.test_statistic_replicated
        summary = summarize(found, over=["replicate"])
        np.testing.assert_allclose(
            summary.test_statistic_replicated.sel(statistic="median"), copies.median("replicate")
        )
        xr.testing.assert_equal(summary.test_statistic, found.test_statistic)
        with pytest.raises(DataError, match="no draws"):
            summarize(found)


def rejected(p: np.ndarray) -> tuple[int, str]:
    count = int((p <= 0.05).sum())
    interval = binomtest(count, p.size).proportion_ci(0.99, "wilson")
    return count, f"{count}/{p.size}, 99 % interval {interval.low:.3f}–{interval.high:.3f}"


@pytest.fixture(scope="module")
def null(data) -> innovations.Replicated:
    """400 data sets from the known truth, and 400 replicates to judge them by."""
    return innovations.Judge.of(noisy(), data).replicated(2 * SETS, seed=1)


def test_replicated_innovations_are_standard_normal(null):
    white = null.innovations_replicated
    white = white[np.isfinite(white)]
    assert kstest(white[::50], "norm").pvalue > 0.001
    assert abs(white.std() - 1) < 0.01
    assert null.values.shape == (2 * SETS, 6, 60, 2)
    np.testing.assert_array_equal(np.isnan(null.values[0]), np.isnan(null.data))


@pytest.mark.parametrize("name", ["stationarity", "markov", "gaussian"])
def test_false_alarms_at_five_percent(null, name):
    times = np.broadcast_to(np.arange(60.0), (6, 60))
    values, white = null.values, null.innovations_replicated
    measured = {
        "stationarity": lambda: np.abs(np.concatenate(statistics.trends(values, times), axis=1)),
        "markov": lambda: (statistics.remaining_correlation(white, 3) ** 2).sum(axis=1),
        "gaussian": lambda: statistics.jarque_bera(white),
    }[name]()
    copies = measured[SETS:]
    p = np.array(
        [comparison.compare(np.broadcast_to(own, copies.shape), copies).p_value for own in measured[:SETS]]
    )
    count, message = rejected(p)
    low, high = binomtest(count, SETS).proportion_ci(0.99, "wilson")
    assert low <= 0.05 <= high, message


@pytest.mark.parametrize("replicates", [19, 99, 200])
def test_the_largest_of_many_components_rejects_as_often_as_it_says(replicates):
    """16 heavy-tailed components, judged all alike: exact; each by its own judge: not more often."""
    generator = np.random.default_rng(replicates)
    alike, judged = [], []
    for _ in range(SETS):
        measured = generator.normal(size=(replicates + 1, 16)) ** 2
        own = np.broadcast_to(measured[0], (replicates, 16))
        alike.append(comparison.compare(own, measured[1:]).p_value)
        judge, maker, noise = generator.normal(size=(3, replicates, 16))
        truth = generator.normal(size=(2, 16)).sum(axis=0)
        judged.append(comparison.compare((truth - judge) ** 2, (noise + maker - judge) ** 2).p_value)
    for p, exact in ((alike, True), (judged, False)):
        count, message = rejected(np.array(p) - 1e-12)
        interval = binomtest(count, SETS).proportion_ci(0.99, "wilson")
        assert interval.low <= 0.05, message
        assert interval.high >= 0.05 or not exact, message


def test_the_model_is_not_rejected_by_its_own_data(data):
    for test in (process.stationarity, process.markov, process.gaussian_innovations):
        found = test(noisy(), data, replicates=99)
        assert float(found.p_value) > 0.05
        assert found.state_p_value.sizes == {"state": 2}


def test_a_trend_is_found(data):
    drifting = data.assign(y=data.y + 0.02 * data.t)
    found = process.stationarity(noisy(), drifting)
    assert float(found.p_value) < 0.01
    assert (
        abs(float(found.level_trend[0]) - float(process.stationarity(noisy(), data).level_trend[0]) - 0.02)
        < 1e-9
    )
    centred = data.y - data.y.mean("time")
    louder = data.assign(y=data.y + centred * (data.t / 40))
    assert float(process.stationarity(noisy(), louder).p_value) < 0.01


@pytest.mark.thorough
def test_memory_of_two_steps_is_found():
    """A noisy oscillation, of which one state is seen, judged by the noisy OU of the same variance and lag-1 value."""
    rates, factor = np.array([[0.0, -1.0], [0.5, 0.6]]), np.diag([1e-6, 0.6])
    P = solve_continuous_lyapunov(rates, factor @ factor.T)
    y = simulate(noisy(rates, factor, 0.1 * np.eye(2), 0 * np.eye(2)), np.arange(60.0), paths=6)["y"]
    lag = (expm(-rates) @ P)[0, 0] / P[0, 0]
    assert lag > 0
    model = noisy(
        np.array([[-np.log(lag)]]),
        np.sqrt([[-2 * np.log(lag) * P[0, 0]]]),
        np.array([[0.1]]),
        np.zeros((1, 1)),
    )
    found = process.markov(model, trajectories(y.values[0][..., :1]))
    assert float(found.p_value) < 0.01
    assert found.correlation.sizes == {"lag": 3, "state": 1}


@pytest.mark.thorough
def test_heavy_tails_are_found():
    """A noisy AR(1) driven by Student's t with three degrees of freedom; its variance is the model's."""
    generator = np.random.default_rng(0)
    shocks = generator.standard_t(3, size=(8, 80)) / np.sqrt(3) * np.sqrt(1 - 0.8**2)
    x = np.zeros((8, 80))
    x[:, 0] = generator.normal(size=8)
    for k in range(1, 80):
        x[:, k] = 0.8 * x[:, k - 1] + shocks[:, k]
    rate = -np.log(0.8)
    model = noisy(np.array([[rate]]), np.sqrt([[2 * rate]]), np.array([[0.05]]), np.zeros((1, 1)))
    y = 1 + x + np.sqrt(0.05) * generator.normal(size=x.shape)
    found = process.gaussian_innovations(model, trajectories(y[..., None]))
    assert float(found.p_value) < 0.01
    assert float(found.kurtosis[0]) > 0.5
    assert float(process.markov(model, trajectories(y[..., None])).p_value) > 0.01


@pytest.mark.thorough
def test_a_nonlinear_sde_without_noise(data):
    """The linear SDE as a user's function goes through its scheme, which is exact for it."""
    with precision.scope("float64"):
        one = noisy(noise=0 * NOISE, effect=0 * EFFECT)
        other = ObservedSDE(
            SDE(ParametricDrift(lambda x, t, p: p["A"] @ (1 - x), {"A": jnp.asarray(RATES)}), one.sde.diffusion),
            one.initial_mean, one.initial_covariance, one.matrix, one.noise_covariance, one.effect_covariance,
        )  # fmt: skip
    y = trajectories(simulate(one, np.arange(10.0), paths=3)["y"].values[0])
    agree = {"rtol": 1e-6, "atol": 1e-8}
    np.testing.assert_allclose(process.innovations(other, y), process.innovations(one, y), **agree)
    gaps = y.y.values.copy()
    gaps[1, 4] = np.nan
    y = y.assign(y=y.y.copy(data=gaps))
    np.testing.assert_allclose(process.innovations(other, y), process.innovations(one, y), **agree)
    gaps[2, 5, 0] = np.nan
    with pytest.raises(ModelError, match="observed in part"):
        process.innovations(other, y.assign(y=y.y.copy(data=gaps)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda data: process.markov(noisy(), data, replicates=10), DataError, "fewer than 19"),
        (lambda data: process.markov(noisy(), data, lags=60), DataError, "lags=60"),
        (lambda data: process.markov(noisy(), data.isel(state=[0])), DataError, "1 coordinates"),
        (
            lambda data: process.innovations(
                SDE(LinearDrift(-jnp.eye(2), jnp.zeros(2)), ConstantDiffusion(jnp.eye(2))), data
            ),
            ModelError,
            "pass an ObservedSDE",
        ),
    ],
)
def test_bad_arguments(data, call, error, message):
    with pytest.raises(error, match=message):
        call(data)
