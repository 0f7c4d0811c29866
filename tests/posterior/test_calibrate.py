"""Calibration studies, with a sampler that is exact for one unknown: what is right passes, what is wrong is found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import dask
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import DataError, InferenceError, ModelError, StoreError
from sdebayes.dynamics import ConstantDiffusion, LinearDrift, ObservedSDE
from sdebayes.inference import AbstractStrategy, Draws
from sdebayes.posterior.calibration_study import scaled_anew
from sdebayes.posterior.quantities import quantities
from tests.cases import first_of

GRID = np.linspace(-6, 6, 1001)


@lru_cache
def on_grid(density):
    """From data to the potential on the grid, compiled once."""
    return jax.jit(
        lambda data: jax.vmap(lambda z: density.potential(z[None], data, density.no_whitening))(
            jnp.asarray(GRID)
        )
    )


@dataclass(frozen=True)
class Exact(AbstractStrategy):
    """Independent draws of a posterior of one unknown, from its density on a grid; then a fault, if one is wanted."""

    shrink: float = 1.0
    shift: float = 0.0
    failing: float = 0.0

    def run(self, problem, options) -> Draws:
        keys = jax.random.split(options.key)
        if jax.random.uniform(keys[0]) < self.failing:
            raise InferenceError("This one fails.")
        target = problem.target
        potential = np.asarray(on_grid(target.density)(target.data))
        weights = np.cumsum(np.exp(potential.min() - potential))
        uniform = np.asarray(jax.random.uniform(keys[1], (100,)))
        draws = np.interp(uniform * weights[-1], weights, GRID)
        draws = draws.mean() + self.shrink * (draws - draws.mean()) + self.shift * draws.std()
        return Draws(draws[None, :, None], {})

    @staticmethod
    def findings(tree, parts):
        return []


def one_unknown(scheme=None, observation=None) -> sb.SDEModel:
    """An OU process of known drift, with unknown Σ: two decades wide, so that the data decide."""
    drift = sb.priors.Fixed(LinearDrift(jnp.eye(1), jnp.zeros(1)))
    return sb.SDEModel(drift, sb.priors.Constant("diagonal"), scheme, observation or sb.Exact())


def design(steps: int = 30, dt: float = 0.5):
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(n, 1)) for n in (steps, steps // 2)]
    values[0][5:8] = np.nan
    return sb.trajectories(values, t=[np.cumsum(rng.choice([dt, 2 * dt], size=len(v))) for v in values])


DESIGN = design()
MODEL = one_unknown().scaled_to(DESIGN)


def study(strategy=None, n: int = 200, **arguments):
    return sb.calibrate(MODEL, DESIGN, strategy or Exact(), n, progress=False, **arguments)


@pytest.fixture(scope="module")
def right():
    return study()


def test_ranks_of_an_exact_sampler_are_uniform(right):
    assert dict(right.sizes) == {"replicate": 200, "quantity": 2, "nominal": 3}
    assert list(right["quantity"].values) == ["covariance x1·x1", "log-likelihood"]
    assert float(right["overall_p_value"]) > 0.05
    assert bool((right["share_of_band"] < 1).all())
    assert bool(((right["lower"] <= right["nominal"]) & (right["nominal"] <= right["upper"])).all())
    assert bool(((right["pit"] > 0) & (right["pit"] < 1)).all())
    assert bool(((right["rank"] >= 0) & (right["rank"] <= 99)).all())
    assert not right["failed"].any()
    np.testing.assert_allclose(right["effective_draws"].mean(), 100, rtol=0.1)
    z = (right["truth"] - right["mean"]).sel(quantity="covariance x1·x1") / right["standard_deviation"].isel(
        quantity=0
    )
    assert abs(float(z.mean())) < 4 / np.sqrt(200)


@pytest.mark.parametrize(
    "fault", first_of([{"shrink": 0.6}, {"shrink": 1.7}, {"shift": 0.5}]), ids=["narrow", "wide", "shifted"]
)
def test_wrong_draws_are_found(fault):
    found = study(Exact(**fault), n=100)
    assert float(found["overall_p_value"]) < 0.01
    assert float(found["share_of_band"].max()) > 1


@pytest.mark.slow
def test_the_scheme_of_the_fit_is_not_to_blame_in_the_study_of_its_own_law_and_is_in_the_one_of_the_truth():
    """Euler–Maruyama at λΔt = 0.5 and 1 is biased; the exact scheme is not."""
    coarse = one_unknown(sb.schemes.EulerMaruyama()).scaled_to(DESIGN)
    own = sb.calibrate(coarse, DESIGN, Exact(), 60, progress=False)
    truth = sb.calibrate(coarse, DESIGN, Exact(), 100, progress=False, substeps=40)
    exact = study(n=60, substeps=40)
    assert float(own["overall_p_value"]) > 0.05
    assert float(truth["overall_p_value"]) < 1e-3
    assert float(exact["overall_p_value"]) > 0.05
    assert "40 steps" in truth.attrs["data_law"]


def test_more_data_sets_leave_the_first_ones_as_they_are(right, tmp_path):
    few = study(n=6, checkpoint=tmp_path)
    np.testing.assert_array_equal(few["truth"], right["truth"][:6])
    np.testing.assert_array_equal(few["mean"], right["mean"][:6])
    (tmp_path / "replicate-2.npz").unlink()
    more = study(n=8, checkpoint=tmp_path)
    np.testing.assert_array_equal(more["mean"], right["mean"][:8])
    with pytest.raises(StoreError, match="another study"):
        study(n=8, checkpoint=tmp_path, seed=1)
    (tmp_path / "replicate-1.npz").write_bytes(b"broken")
    with pytest.raises(StoreError, match="delete it"):
        study(n=8, checkpoint=tmp_path)


def test_data_sets_are_the_same_as_tasks_of_a_scheduler():
    alone = study(n=6)
    with dask.config.set(scheduler="threads", num_workers=2):
        xr.testing.assert_identical(study(n=6), alone)


def test_failures_are_counted_and_the_others_judged():
    found = study(Exact(failing=0.3), n=20)
    assert 0 < int(found["failed"].sum()) < 20
    assert bool(found["pit"].isnull().any("quantity").equals(found["failed"]))
    assert set(found["message"].values) == {"", "InferenceError: This one fails."}
    with pytest.raises(InferenceError, match=r"None of 3 data sets could be fitted.*This one fails"):
        study(Exact(failing=1.0), n=3)


def test_quantities_are_named_after_states_and_places():
    data = sb.trajectories([np.random.default_rng(0).normal(size=(30, 2))])
    model = sb.SDEModel(
        sb.priors.Linear(), sb.priors.Diagonal(), observation=sb.GaussianNoise(trajectory_effect=True)
    )
    found = quantities(model.scaled_to(data), ((0.0, 0.0),))
    assert found.labels == [
        "drift x1 at point 1",
        "drift x2 at point 1",
        "covariance x1·x1 at point 1",
        "covariance x2·x1 at point 1",
        "covariance x2·x2 at point 1",
        "noise variance x1",
        "noise variance x2",
        "effect variance x1",
        "effect variance x2",
        "log-likelihood",
    ]


def test_wrong_input_is_refused_before_anything_is_fitted():
    for wrong in ({"n": 0}, {"draws": 0}, {"substeps": 0}, {"points": [0.0]}, {"points": [[np.nan]]}):
        with pytest.raises(DataError, match=next(iter(wrong))):
            study(**wrong)


def start_at(x: float) -> ObservedSDE:
    """The OU process f = −x, Σ = 2, from one place; its stationary sd is 1."""
    sde, zero = OU, jnp.zeros((1, 1))
    return ObservedSDE(sde, jnp.array([x]), 1e-12 * jnp.eye(1), jnp.eye(1), zero, zero)


OU = sb.SDE(LinearDrift(jnp.eye(1), jnp.zeros(1)), ConstantDiffusion(jnp.sqrt(2.0) * jnp.eye(1)))


@pytest.fixture(scope="module")
def eight_paths():
    """A stable linear model under the stationary law, and times of eight paths of a hundred steps."""
    rng = np.random.default_rng(0)
    values = [2.5 * np.exp(-0.1 * np.arange(100))[:, None] + rng.normal(size=(100, 1)) for _ in range(8)]
    return sb.SDEModel(sb.priors.Linear(), observation=sb.Exact()), sb.trajectories(values, t=0.1)


def drift_coverage(found) -> float:
    """Coverage of the worst drift by 90 % intervals."""
    return float(found["coverage"].sel(nominal=0.9).where(found["part"] == "drift").min())


@pytest.mark.slow
def test_a_start_far_from_equilibrium_is_seen_by_given_truths_and_not_by_those_of_the_prior(eight_paths):
    """The stationary law makes of the paths' fall from five standard deviations a slow drift."""
    model, data = eight_paths
    strategy, places = sb.Laplace(draws=100), [[-1.0], [0.0], [1.0]]

    def study(**arguments):
        return sb.calibrate(model, data, strategy, 8, points=places, progress=False, **arguments)

    own, near, far = study(), study(truth=OU), study(truth=start_at(5.0))
    assert drift_coverage(own) > 0.7
    assert drift_coverage(near) > 0.7
    assert drift_coverage(far) < 0.3
    assert "overall_p_value" in own
    assert not {"rank", "pit", "p_value", "share_of_band", "overall_p_value"} & set(far)
    assert "log-likelihood" not in far["quantity"]
    worst = abs(far["bias"] / far["bias_error"]).where(far["part"] == "drift").max()
    assert float(worst) > 4
    np.testing.assert_allclose(far["truth"].isel(quantity=slice(3)), [[1.0, 0.0, -1.0]] * 8, atol=1e-12)


@pytest.mark.thorough
def test_a_prior_scaled_to_the_data_themselves_is_seen_where_each_is_scaled_anew():
    """With a spread far below what the data tell, the prior follows each data set's own estimate."""
    model = sb.SDEModel(MODEL.drift, sb.priors.Constant("diagonal", spread=0.02), observation=sb.Exact())
    frozen = sb.calibrate(model, DESIGN, Exact(), 25, progress=False)
    anew = sb.calibrate(model, DESIGN, Exact(), 2, progress=False, rescale=True)
    assert float(frozen["overall_p_value"]) > 0.01
    assert float(anew["coverage"].sel(nominal=0.9, quantity="covariance x1·x1")) < 0.5
    assert anew.attrs["scaled_to"] == "each data set"
    with pytest.raises(ModelError, match="before scaled_to"):
        study(rescale=True)


def test_each_data_set_is_scaled_by_its_own_values():
    model = sb.SDEModel(MODEL.drift, sb.priors.Constant("diagonal"), observation=sb.Exact())
    values = 2.0 * np.asarray(MODEL.read(DESIGN).values)
    scaled, data = scaled_anew(model, DESIGN, MODEL.read(DESIGN))(values)
    np.testing.assert_allclose(scaled.diffusion.rate, 4.0 * MODEL.diffusion.rate)
    np.testing.assert_array_equal(data.values, values)


@pytest.mark.thorough
def test_given_truths_may_be_functions_posteriors_and_nonlinear():
    key_dependent = lambda key: ObservedSDE(  # noqa: E731
        sb.SDE(
            LinearDrift(jnp.eye(1), jnp.zeros(1)),
            ConstantDiffusion((1.0 + jax.random.uniform(key)) * jnp.eye(1)),
        ),
        jnp.zeros(1),
        jnp.eye(1),
        jnp.eye(1),
        jnp.zeros((1, 1)),
        jnp.zeros((1, 1)),
    )
    found = study(n=4, truth=key_dependent)
    assert len(np.unique(found["truth"].sel(quantity="covariance x1·x1"))) == 4
    cubic = sb.SDE(lambda x, t: -(x**3), ConstantDiffusion(jnp.eye(1)))
    start = ObservedSDE(cubic, jnp.zeros(1), jnp.eye(1), jnp.eye(1), jnp.zeros((1, 1)), jnp.zeros((1, 1)))
    np.testing.assert_allclose(study(n=2, truth=start)["truth"], 1.0)
    posterior = sb.fit(MODEL, DESIGN, Exact(), progress=False)
    drawn = study(n=3, truth=posterior)["truth"].sel(quantity="covariance x1·x1")
    assert set(drawn.values) <= set(np.asarray(posterior.covariance(np.zeros(1))).ravel())


def test_a_truth_that_does_not_fit_is_refused(untyped):
    with pytest.raises(ModelError, match="initial_mean"):
        study(truth=sb.SDE(lambda x, t: -(x**3), ConstantDiffusion(jnp.eye(1))))
    with pytest.raises(ModelError, match="2 states"):
        study(truth=sb.SDE(LinearDrift(jnp.eye(2), jnp.zeros(2)), ConstantDiffusion(jnp.eye(2))))
    with pytest.raises(ModelError, match="truth='ornstein_uhlenbeck' must be"):
        study(truth="ornstein_uhlenbeck")


def test_a_study_of_given_truths_is_resumed_and_not_mixed_with_another(tmp_path):
    first = study(n=3, truth=OU, checkpoint=tmp_path)
    more = study(n=5, truth=OU, checkpoint=tmp_path)
    np.testing.assert_array_equal(more["mean"][:3], first["mean"])
    with pytest.raises(StoreError, match="another study"):
        study(n=5, truth=start_at(5.0), checkpoint=tmp_path)
    with pytest.raises(StoreError, match="another study"):
        study(n=5, checkpoint=tmp_path)
