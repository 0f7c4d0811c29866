"""Data that are filled up to one of few shapes say what they said before, of every kind of model."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdebayes as sb
from sdebayes._core.precision import scope
from sdebayes.inference import Problem
from sdebayes.inference.regime_starts import with_hints
from sdebayes.likelihood.arrays import SMALL, of_few_shapes

FIELD = sb.priors.GP(basis=sb.priors.HSGP(functions=3))
NOISE, CORRELATED = sb.GaussianNoise(), sb.GaussianNoise(covariance="full", trajectory_effect=True)
REGIMES = sb.priors.Regimes(2, drift=sb.priors.Linear(), diffusion=sb.priors.Constant())
OWN = sb.priors.Linear(by_group=True), sb.priors.Constant(by_group=True)
MODELS = {
    "filter": sb.SDEModel(observation=CORRELATED),
    "independent filter": sb.SDEModel(sb.priors.Linear(diagonal=True), sb.priors.Constant("diagonal")),
    "exact": sb.SDEModel(observation=sb.Exact()),
    "Student-t noise": sb.SDEModel(observation=sb.StudentTNoise()),
    "Student-t innovations": sb.SDEModel(observation=sb.Exact(innovations=sb.StudentT())),
    "noise that varies": sb.SDEModel(
        observation=replace(NOISE, variance_function=sb.VarianceFunction("words"))
    ),
    "level": sb.SDEModel(observation=NOISE, level=(sb.Level("words"), sb.Level("t", knots=1))),
    "process, exact": sb.SDEModel(FIELD, observation=sb.Exact()),
    "process, Euler–Maruyama": sb.SDEModel(
        FIELD, sb.priors.Diagonal(FIELD), scheme=sb.schemes.EulerMaruyama(), observation=sb.Exact()
    ),
    "process behind noise": sb.SDEModel(FIELD, observation=NOISE),
    "groups": sb.SDEModel(*OWN, observation=sb.GaussianNoise(by_group=True)),
    "regimes, exact": sb.SDEModel(REGIMES, observation=sb.Exact()),
    "regimes behind noise": sb.SDEModel(REGIMES, observation=NOISE),
}
TIMES = {
    "alike": lambda length, rng: np.arange(float(length)),
    "irregular": lambda length, rng: np.cumsum(rng.gamma(2.0, 0.4, length)),
}


def data_of(times: str, lengths=(21, 17, 19, 9, 12, 18, 20, 8, 10, *[7] * 8)):
    rng = np.random.default_rng(4)
    values = [rng.standard_normal((n, 2)).cumsum(0) + 5 for n in lengths]
    for one in values[1::2] if times == "irregular" else ():
        one[4] = np.nan
    clocks = [TIMES[times](n, rng) for n in lengths]
    words = [rng.integers(1, 60, n) for n in lengths]
    groups = [f"g{k % 2}" for k in range(len(lengths))]
    return sb.trajectories(values, t=clocks, groups=groups, covariates={"words": words})


QUICK = {
    ("filter", "irregular"),
    ("exact", "alike"),
    ("level", "irregular"),
    ("process behind noise", "irregular"),
}
CASES = [
    pytest.param(name, times, marks=() if (name, times) in QUICK else pytest.mark.thorough)
    for name in MODELS
    for times in TIMES
]


@pytest.mark.parametrize(("name", "times"), CASES)
def test_densities_and_gradients_are_those_of_the_data(name, times):
    with scope("float64"):
        model = MODELS[name].scaled_to(data := data_of(times))
        problem = Problem(model, model.read(data), jax.random.key(0))
        own = problem.observations
        if model.regimes is not None:
            own = with_hints(own, model.regimes.n)
        filled = of_few_shapes(own)
        assert filled.times.shape == (17 if model.pooling else 18, 22)
        density, whitening = problem.density, problem.density.no_whitening
        for key in jax.random.split(jax.random.key(1), 2):
            v = 0.3 * density.draw_prior(key)
            value, gradient = density.value_and_gradient(v, jax.tree.map(jnp.asarray, own), whitening)
            again, likewise = density.value_and_gradient(v, jax.tree.map(jnp.asarray, filled), whitening)
            assert np.isfinite(value)
            np.testing.assert_allclose(again, value, rtol=1e-12)
            np.testing.assert_allclose(likewise, gradient, rtol=1e-8, atol=1e-8 * np.abs(gradient).max())


def test_small_data_have_few_shapes_and_large_ones_their_own():
    def shape(count: int, length: int) -> tuple[int, int]:
        data = sb.trajectories([np.arange(float(length))[:, None]] * count)
        return of_few_shapes(sb.SDEModel(sb.priors.Linear()).scaled_to(data).read(data)).times.shape

    assert len({shape(1, length) for length in range(64, 129)}) == 9
    assert shape(3, 15) == (3, 15)
    assert shape(9, 113) == (9, 120)
    assert shape(33, 43) == (36, 44)
    assert shape(1, SMALL + 1) == (1, SMALL + 1)
