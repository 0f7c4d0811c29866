"""The density from sums over the data: the same as from the data themselves, and none where sums do not tell all."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdebayes as sb
from sdebayes.inference.sufficient_statistics import Statistics, shortest_program
from sdebayes.inference.sufficient_statistics.linear_drift import TransitionSums, transition_sums
from sdebayes.inference.target import density_of
from tests.cases import first_of

GP = sb.priors.GP(basis=sb.priors.HSGP(functions=4))
FULL, EULER = sb.priors.Constant(), sb.schemes.EulerMaruyama()


@pytest.fixture
def gaps(regression_data):
    """Unequal steps, and one that was not observed."""
    data = regression_data.copy(deep=True)
    data["y"][1, 7] = np.nan
    return data


def agree(model, data):
    """Compare value and slopes of the density from sums with those of the density from the data."""
    ready = model.scaled_to(data)
    observations = ready.read(data)
    program, sums, said = shortest_program(ready, observations)
    assert isinstance(sums, Statistics | TransitionSums)
    assert said.startswith("sums over")
    summed, direct = density_of(program, ready.build), density_of(ready.program, ready.build)
    for seed in range(3):
        z = jnp.asarray(0.7 * np.random.default_rng(seed).standard_normal(direct.dimension))
        found, expected = (
            density.value_and_gradient(z, jax.tree.map(jnp.asarray, read), density.no_whitening)
            for density, read in ((summed, sums), (direct, observations))
        )
        assert np.isfinite(expected[0])
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-10)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-8, atol=1e-8 * np.abs(expected[1]).max())


def reads_the_data(model, data) -> bool:
    ready = model.scaled_to(data)
    observations = ready.read(data)
    program, read, said = shortest_program(ready, observations)
    return program == ready.program and read is observations and said == ""


@pytest.mark.parametrize("drift", [sb.priors.Sparse(selection=sb.priors.Horseshoe()), GP, sb.priors.Linear()])
@pytest.mark.thorough
def test_value_and_slopes_are_those_of_the_data(x64, gaps, drift):
    agree(sb.SDEModel(drift, FULL, EULER, sb.Exact()), gaps)


@pytest.mark.parametrize(
    "model",
    [
        sb.SDEModel(GP, FULL, sb.schemes.LocalLinearization(), sb.Exact()),
        sb.SDEModel(sb.priors.Linear(), FULL, None, sb.Exact(innovations=sb.StudentT())),
        sb.SDEModel(sb.priors.Linear(), FULL, None, sb.GaussianNoise()),
        sb.SDEModel(GP, sb.priors.Diagonal(GP), EULER, sb.Exact()),
        sb.SDEModel(GP, FULL, EULER, sb.GaussianNoise()),
        sb.SDEModel(GP, FULL, EULER, sb.Exact(innovations=sb.StudentT())),
        sb.SDEModel(sb.priors.BNN(hidden=(3,)), FULL, EULER, sb.Exact()),
    ],
    ids=["scheme", "linear t", "linear noise", "diffusion", "noise", "innovations", "network"],
)
def test_there_are_none_where_the_likelihood_is_not_one_of_sums(x64, regression_data, model):
    assert reads_the_data(model, regression_data)


@pytest.fixture
def coarse():
    """Two different steps, two trajectories of unequal length, far from 0, and a step that was not observed."""
    rng = np.random.default_rng(0)
    paths = [np.cumsum(0.1 * rng.standard_normal((length, 2)), 0) + 100.0 for length in (60, 41)]
    paths[0][17] = np.nan
    return sb.trajectories(paths, [np.cumsum(rng.choice([0.1, 0.25], len(path))) for path in paths])


@pytest.mark.parametrize("drift", first_of([sb.priors.Linear(stable=False), sb.priors.Linear()]))
def test_a_linear_drift_has_sums_under_its_exact_law(x64, coarse, drift):
    agree(sb.SDEModel(drift, FULL, None, sb.Exact()), coarse)


def test_sums_of_a_linear_drift_keep_their_digits_where_x_tells_the_next(x64):
    """Next to no noise: sums of squares of the states themselves would lose fourteen digits of sixteen."""
    path = 1e3 + np.arange(50.0)[:, None] + 1e-4 * np.random.default_rng(0).standard_normal((50, 1))
    sums = transition_sums(
        sb.SDEModel(sb.priors.Linear(), FULL, None, sb.Exact())
        .scaled_to(data := sb.trajectories([path]))
        .read(data)
    )
    left = np.polynomial.polynomial.polyfit(path[:-1, 0] - path.mean(), path[1:, 0], 1, full=True)[1][0]
    np.testing.assert_allclose(sums.transitions.scatter[0, 0, 0], left[0], rtol=1e-6)


def test_there_are_none_where_every_step_differs(x64):
    rng = np.random.default_rng(0)
    data = sb.trajectories([rng.standard_normal((30, 2))], [np.cumsum(0.1 + rng.random(30))])
    assert reads_the_data(sb.SDEModel(sb.priors.Linear(), FULL, None, sb.Exact()), data)


def test_there_are_none_where_a_step_is_seen_in_part(x64, gaps):
    gaps["y"][2, 3, 0] = np.nan
    assert reads_the_data(sb.SDEModel(sb.priors.Linear(), FULL, EULER, sb.Exact()), gaps)


def test_there_are_none_in_single_precision(regression_data):
    assert jnp.result_type(float) == jnp.float32
    assert reads_the_data(sb.SDEModel(GP, FULL, EULER, sb.Exact()), regression_data)
