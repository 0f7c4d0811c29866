"""Calibration studies, with a sampler that is exact for one unknown: what is right passes, what is wrong is found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdebayes as sb
from sdebayes._core.errors import DataError, InferenceError, StoreError
from sdebayes.dynamics import LinearDrift
from sdebayes.inference import AbstractStrategy, Draws
from sdebayes.posterior.quantities import quantities

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

    def run(self, problem, key, *, precision, progress, checkpoint=None) -> Draws:
        keys = jax.random.split(key)
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
    "fault", [{"shrink": 0.6}, {"shrink": 1.7}, {"shift": 0.5}], ids=["narrow", "wide", "shifted"]
)
def test_wrong_draws_are_found(fault):
    found = study(Exact(**fault))
    assert float(found["overall_p_value"]) < 0.01
    assert float(found["share_of_band"].max()) > 1


def test_the_scheme_of_the_fit_is_not_to_blame_in_the_study_of_its_own_law_and_is_in_the_one_of_the_truth():
    """Euler–Maruyama at λΔt = 0.5 and 1 is biased; the exact scheme is not."""
    coarse = one_unknown(sb.schemes.EulerMaruyama()).scaled_to(DESIGN)
    own = sb.calibrate(coarse, DESIGN, Exact(), 200, progress=False)
    truth = sb.calibrate(coarse, DESIGN, Exact(), 200, progress=False, substeps=40)
    exact = study(substeps=40)
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
