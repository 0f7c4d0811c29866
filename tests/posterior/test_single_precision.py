"""A fit in single precision, and everything that is computed from it."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import sdebayes as sb
from sdebayes._core.precision import scope
from sdebayes.inference.target import density_of


@pytest.fixture(scope="module")
def single(exact_training) -> sb.Posterior:
    model = sb.SDEModel(diffusion=sb.priors.Constant("full"), observation=sb.Exact())
    strategy = sb.Laplace(draws=500)
    return sb.fit(model, exact_training, strategy, seed=0, precision="float32", progress=False)


@pytest.mark.thorough
def test_results_are_in_single_precision(single, held_out, tmp_path):
    assert single.precision == "float32"
    for name in ("posterior", "unconstrained", "log_likelihood", "log_prior"):
        for variable, array in single.data[name].to_dataset().items():
            assert array.dtype == np.float32, (name, variable)
    assert single.drift(np.zeros(2)).dtype == np.float32
    assert single.covariance(np.zeros(2)).dtype == np.float32
    assert single.log_score(held_out).dtype == np.float32
    assert single.predict(held_out, samples=2)["mean"].dtype == np.float32
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(single.observed_sde()))
    loaded = sb.load(single.to_netcdf(tmp_path / "single.nc"))
    np.testing.assert_array_equal(loaded.log_score(held_out), single.log_score(held_out))


@pytest.mark.thorough
def test_draws_agree_with_those_in_double_precision(single, exact):
    for name in ("equilibrium", "drift_matrix", "diffusion_covariance"):
        one, two = (p.data["posterior"][name].stack(sample=("chain", "draw")) for p in (single, exact))
        error = one.std("sample") * np.sqrt(2 / 500)
        assert bool(np.all(np.abs(one.mean("sample") - two.mean("sample")) < 4 * error)), name


def test_a_prior_is_read_in_one_precision_after_the_other(exact_training):
    model = sb.SDEModel(sb.priors.GP(), observation=sb.Exact()).scaled_to(exact_training)
    kinds = []
    for precision in ("float64", "float32", "float64"):
        with scope(precision):
            kinds.append(density_of(model.program, model.build).draw_prior(jax.random.key(0)).dtype)
    assert kinds == [np.float64, np.float32, np.float64]
