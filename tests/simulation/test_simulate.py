from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import xarray as xr
from scipy import stats

from sdebayes._core import precision
from sdebayes._core.errors import DataError, ModelError
from sdebayes.dynamics import (
    SDE,
    AffineDrift,
    ConstantDiffusion,
    LinearDrift,
    ObservedSDE,
    ParametricDiffusion,
    ParametricDrift,
)
from sdebayes.simulation import simulate

RATES = np.array([[1.0, 2.0], [-0.5, 0.8]])
LOCATION = np.array([1.0, -2.0])
FACTOR = np.array([[0.9, 0.0], [0.4, 0.6]])
COVARIANCE = FACTOR @ FACTOR.T
STATIONARY = scipy.linalg.solve_continuous_lyapunov(RATES, COVARIANCE)


def assert_mean(sample: np.ndarray, mean: np.ndarray, sds: float = 4.5) -> None:
    """Check the mean of independent rows within its standard error."""
    error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    np.testing.assert_array_less(np.abs(sample.mean(axis=0) - mean), sds * error + 1e-12)


def assert_covariance(sample: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> None:
    """Check E (x − μ)(x − μ)ᵀ within its standard error."""
    centred = sample - mean
    products = np.einsum("ni,nj->nij", centred, centred).reshape(len(sample), -1)
    assert_mean(products, covariance.reshape(-1))


@pytest.mark.smoke
def test_exact_transition_has_the_law_of_the_closed_form(linear):
    times = [0.0, 0.3, 1.5, 1.6]
    start = np.array([4.0, 4.0])
    x = simulate(linear, times, x0=start, paths=20_000).x.values[0]
    for k, t in enumerate(times[1:], 1):
        flow = scipy.linalg.expm(-RATES * t)
        mean = LOCATION + flow @ (start - LOCATION)
        assert_mean(x[:, k], mean)
        assert_covariance(x[:, k], mean, STATIONARY - flow @ STATIONARY @ flow.T)


def test_path_covariance_between_two_times_is_that_of_the_stationary_process(linear):
    x = simulate(linear, [0.0, 0.7], paths=20_000, seed=3).x.values[0]
    joint = x.reshape(len(x), -1)
    flow = scipy.linalg.expm(-RATES * 0.7)
    covariance = np.block([[STATIONARY, STATIONARY @ flow.T], [flow @ STATIONARY, STATIONARY]])
    mean = np.tile(LOCATION, 2)
    assert_mean(joint, mean)
    assert_covariance(joint, mean, covariance)


@pytest.mark.thorough
def test_euler_maruyama_of_the_same_process_has_the_same_law(disguised):
    simulated = simulate(disguised, [0.0, 0.5, 2.0], x0=[4.0, 4.0], paths=5000, substeps=300)
    assert simulated.attrs["method"] == "euler_maruyama"
    flow = scipy.linalg.expm(-RATES * 2.0)
    mean = LOCATION + flow @ (np.array([4.0, 4.0]) - LOCATION)
    assert_covariance(simulated.x.values[0, :, -1], mean, STATIONARY - flow @ STATIONARY @ flow.T)


def test_euler_maruyama_has_its_own_bias_and_weak_order_one():
    # Var after n Euler steps of dX = −X dt + dW from 0 is h Σ (1 − h)^2j: known in closed form, and not the SDE's.
    sde = SDE(ParametricDrift(lambda x, t, p: -x, {}), ConstantDiffusion(jnp.eye(1)))
    x = simulate(sde, [0.0, 2.0], x0=[0.0], paths=40_000, substeps=4).x.values[0, :, 1, 0]
    h = 0.5
    assert_mean(x[:, None] ** 2, np.array([h * sum((1 - h) ** (2 * j) for j in range(4))]))


@pytest.mark.thorough
def test_time_enters_the_drift_and_the_diffusion():
    sde = SDE(
        ParametricDrift(lambda x, t, p: jnp.cos(t) * jnp.ones(1), {}),
        ParametricDiffusion(lambda x, t, p: jnp.sqrt(t) * jnp.eye(1), {}),
    )
    x = simulate(sde, [0.0, 1.0, 3.0], x0=[0.0], paths=8000, substeps=200).x.values[0, :, :, 0]
    assert_mean(x[:, 1:], np.sin([1.0, 3.0]), sds=5.5)
    assert x[:, 2].var() == pytest.approx(9 / 2, rel=0.06)


def test_multiplicative_noise_is_read_in_ito_sense():
    # Geometric Brownian motion: E X_t = x0 exp(a t) in Itô's sense, exp(a t + s² t/2) in Stratonovich's.
    sde = SDE(
        ParametricDrift(lambda x, t, p: p["a"] * x, {"a": jnp.asarray(0.1)}),
        ParametricDiffusion(lambda x, t, p: jnp.diag(p["s"] * x), {"s": jnp.asarray(0.5)}),
    )
    x = simulate(sde, [0.0, 1.0], x0=[1.0], paths=20_000).x.values[0, :, 1]
    assert_mean(x, np.exp([0.1]))


@pytest.mark.thorough
def test_default_substeps_keep_a_nonlinear_process_at_its_stationary_law():
    sde = SDE(ParametricDrift(lambda x, t, p: x - x**3, {}), ConstantDiffusion(jnp.sqrt(0.5) * jnp.eye(1)))
    x = simulate(sde, [0.0, 15.0, 30.0], x0=np.tile([[1.0], [-1.0]], (1000, 1)), paths=2000).x.values[
        0, :, -1, 0
    ]
    grid = np.linspace(-4, 4, 4001)
    weights = np.exp(2 * (grid**2 / 2 - grid**4 / 4) / 0.5)
    distribution = np.cumsum(weights) / weights.sum()
    assert stats.kstest(x, lambda q: np.interp(q, grid, distribution)).pvalue > 1e-3


def test_observation_adds_one_effect_a_path_and_fresh_noise_a_step(observed):
    simulated = simulate(observed, [0.0, 5.0, 9.0], paths=20_000)
    difference = (simulated.y - simulated.x).values[0]
    effect = np.array([[1.0, 0.3], [0.3, 0.6]])
    noise = np.diag([0.5, 0.2])
    covariance = np.kron(np.ones((3, 3)), effect) + np.kron(np.eye(3), noise)
    joint = difference.reshape(len(difference), -1)
    assert_covariance(joint, np.zeros(6), covariance)
    start = simulated.x.values[0, :, 0]
    assert_mean(start, np.array([3.0, 0.0]))
    assert_covariance(start, np.array([3.0, 0.0]), np.diag([0.25, 1.0]))


def test_a_matrix_that_is_not_the_identity_gives_y_its_own_dimension(observed):
    first = ObservedSDE(
        observed.sde,
        observed.initial_mean,
        observed.initial_covariance,
        jnp.array([[2.0, 1.0]]),
        jnp.zeros((1, 1)),
        jnp.zeros((2, 2)),
    )
    simulated = simulate(first, [0.0, 1.0], paths=5)
    assert simulated.y.dims == ("sample", "path", "time", "observed")
    np.testing.assert_allclose(simulated.y.values[..., 0], simulated.x.values @ [2.0, 1.0], rtol=1e-6)


def test_brownian_motion_with_drift_needs_no_equilibrium():
    sde = SDE(AffineDrift(jnp.zeros((1, 1)), jnp.array([2.0])), ConstantDiffusion(jnp.eye(1)))
    x = simulate(sde, [0.0, 3.0], x0=[1.0], paths=10_000).x.values[0, :, 1]
    assert_mean(x, np.array([7.0]))
    assert_covariance(x, np.array([7.0]), np.array([[3.0]]))


def test_noise_free_state_of_a_singular_diffusion_stays_on_its_flow():
    sde = SDE(LinearDrift(jnp.eye(2), jnp.zeros(2)), ConstantDiffusion(jnp.diag(jnp.array([1.0, 0.0]))))
    x = simulate(sde, [0.0, 1.0], x0=[1.0, 1.0], paths=50).x.values[0, :, 1]
    np.testing.assert_allclose(x[:, 1], np.exp(-1), atol=1e-7)
    assert x[:, 0].std() > 0.1


def test_each_draw_of_a_stack_follows_its_own_parameters(observed, stack):
    other = ObservedSDE(
        SDE(LinearDrift(3 * jnp.eye(2), jnp.array([9.0, 9.0])), observed.sde.diffusion),
        jnp.array([9.0, 9.0]),
        observed.initial_covariance,
        observed.matrix,
        observed.noise_covariance,
        observed.effect_covariance,
    )
    simulated = simulate(stack(observed, other), [0.0, 20.0], paths=4000)
    assert simulated.sizes["sample"] == 2
    assert_mean(simulated.x.values[0, :, 1], LOCATION)
    assert_mean(simulated.x.values[1, :, 1], np.array([9.0, 9.0]))


def test_seed_decides_and_paths_do_not_depend_on_their_neighbours(observed, stack):
    many = stack(*[observed] * 7)
    times = np.linspace(0.0, 2.0, 9)
    full = simulate(many, times, paths=6, seed=5)
    xr.testing.assert_identical(full, simulate(many, times, paths=6, seed=5))
    fewer = simulate(many, times, paths=3, seed=5, samples=3)
    assert fewer.sample.values.tolist() == [0, 3, 6]
    assert fewer.attrs["draws_available"] == 7
    np.testing.assert_allclose(fewer.y, full.y.sel(sample=[0, 3, 6], path=[0, 1, 2]), rtol=1e-9)
    assert not np.allclose(full.x, simulate(many, times, paths=6, seed=6).x)
    assert len(np.unique(full.x.values[:, :, 0, 0])) == 42


def test_chunks_do_not_change_the_result(observed, monkeypatch, stack):
    many = stack(*[observed] * 7)
    whole = simulate(many, [0.0, 1.0, 2.5], paths=4)
    monkeypatch.setattr("sdebayes.simulation.ensemble._CHUNK_BYTES", 2 * 2 * 4 * 3 * 2 * 8)
    np.testing.assert_allclose(simulate(many, [0.0, 1.0, 2.5], paths=4).y, whole.y, rtol=1e-9)


def test_draws_are_thinned_to_the_memory_limit(observed, monkeypatch, stack):
    monkeypatch.setattr("sdebayes._core.draws.MEMORY_LIMIT", 3 * 4 * 2 * 2 * 8)
    simulated = simulate(stack(*[observed] * 10), [0.0, 1.0], paths=4)
    assert simulated.sample.values.tolist() == [0, 4, 9]
    assert (simulated.attrs["draws_used"], simulated.attrs["draws_available"]) == (3, 10)
    with pytest.raises(DataError, match=r"One draw alone.*fewer paths"):
        simulate(observed, [0.0, 1.0], paths=4000)


def test_starts_of_every_shape(linear, stack):
    two = stack(linear, linear)
    one = simulate(two, [0.0, 1.0], x0=[1.0, 2.0], paths=3).x[..., 0, :]
    assert (one == np.array([1.0, 2.0])).all()
    starts = np.arange(6.0).reshape(3, 2)
    assert (simulate(two, [0.0, 1.0], x0=starts, paths=3).x[..., 0, :] == starts).all()
    all_starts = np.arange(12.0).reshape(2, 3, 2)
    named = xr.DataArray(all_starts, dims=("sample", "path", "state"))
    thinned = simulate(two, [0.0, 1.0], x0=named, paths=3, samples=1)
    np.testing.assert_array_equal(thinned.x.values[:, :, 0], all_starts[:1])


def test_a_single_time_returns_the_initial_law(linear):
    x = simulate(linear, [4.0], paths=10).x
    assert x.sizes == {"sample": 1, "path": 10, "time": 1, "state": 2}
    assert x.time.values.tolist() == [4.0]


def test_explosive_paths_are_counted_and_become_nan():
    sde = SDE(ParametricDrift(lambda x, t, p: x**3, {}), ConstantDiffusion(0.01 * jnp.eye(1)))
    starts = np.array([[0.0], [5.0], [-5.0]])
    simulated = simulate(sde, [0.0, 0.5, 1.0], x0=starts, paths=3)
    assert simulated.attrs["paths_nonfinite"] == 2
    assert simulated.x.isnull().any("time").values[0, :, 0].tolist() == [False, True, True]
    assert not np.isinf(simulated.x).any()


def test_results_are_in_double_precision_and_leave_jax_as_it_was(linear):
    assert simulate(linear, [0.0, 1.0]).x.dtype == np.float64
    assert jnp.ones(1).dtype == jnp.float32


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([0.0, 1.0, 1.0], r"increase strictly; times\[2\] = 1 follows times\[1\] = 1"),
        ([0.0, np.nan], r"times=\[0.0, nan\] must be finite numbers \(time,\)"),
        ([], "must be finite numbers"),
        ([[0.0, 1.0]], "must be finite numbers"),
        (["a", "b"], "must be finite numbers"),
        (np.array(["2020", "2021"], "M8[Y]"), "must be finite numbers"),
        ([0.0, 1e300], "must be finite numbers"),
    ],
)
def test_bad_times(linear, untyped, times, message):
    with pytest.raises(DataError, match=message):
        simulate(linear, times)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"paths": 0}, "paths=0"),
        ({"paths": 1.5}, "paths=1.5"),
        ({"substeps": 0}, "substeps=0"),
        ({"x0": [1.0, 2.0, 3.0]}, r"shape \(3,\).*\(2,\)"),
        ({"x0": [[1.0, 2.0]], "paths": 3}, r"\(1, 2\).*\(3, 2\)"),
        ({"x0": [1.0, np.nan]}, "finite"),
        ({"x0": ["a", "b"]}, "finite numbers"),
    ],
)
def test_bad_arguments(linear, untyped, arguments, message):
    with pytest.raises(DataError, match=message):
        simulate(linear, [0.0, 1.0], **arguments)


def test_without_a_law_to_start_from_x0_is_asked_for(disguised, linear):
    nonlinear = SDE(disguised.drift, linear.diffusion)
    unstable = SDE(LinearDrift(-linear.drift.matrix, linear.drift.location), linear.diffusion)
    for sde in (nonlinear, unstable):
        with pytest.raises(ModelError, match=r"Pass x0 of shape \(2,\)"):
            simulate(sde, [0.0, 1.0])


def test_posterior_states_precision_and_provenance_are_kept(observed, stack):
    class Posterior:
        precision = "float32"
        states = ["PC1", "PC2"]  # noqa: RUF012
        region = np.array([[0.0, 0.0], [1e-3, 1e-3]])
        training_points = None
        data = xr.DataTree(xr.Dataset(attrs={"time_unit": "sentence", "space_hash": "abc", "other": 1}))

        def observed_sde(self):
            return stack(observed, observed)

    simulated = simulate(Posterior(), [0.0, 1.0], paths=3)
    assert simulated.state.values.tolist() == ["PC1", "PC2"]
    assert simulated.x.dtype == np.float32
    assert simulated.attrs["time_unit"] == "sentence"
    assert simulated.attrs["space_hash"] == "abc"
    assert "other" not in simulated.attrs
    assert simulated.attrs["paths_outside_data"] == simulated.sizes["sample"] * 3


def test_irregular_times_share_transitions_up_to_rounding(linear):
    times = np.concatenate([0.05 * np.arange(400), [30.0]])
    with precision.scope("float64"):
        from sdebayes.simulation.kernels import TimeGrid

        grid = TimeGrid.of(times, np.ones(400, int))
    assert grid.intervals.size == 2
    np.testing.assert_allclose(np.asarray(grid.intervals)[np.asarray(grid.which)], np.diff(times), atol=1e-13)


def test_simulation_can_be_saved(tmp_path, linear):
    simulated = simulate(linear, [0.0, 1.0], paths=2)
    simulated.to_netcdf(tmp_path / "paths.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "paths.nc", engine="h5netcdf") as read:
        xr.testing.assert_identical(read.load(), simulated)


def test_key_is_not_the_global_one(linear):
    before = jax.config.jax_enable_x64
    simulate(linear, [0.0, 1.0], paths=2)
    assert jax.config.jax_enable_x64 == before
