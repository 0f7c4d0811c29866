"""The likelihood of independent states against that of any linear SDE, and which models have it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from operator import attrgetter

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdebayes as sb
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ObservedSDE
from sdebayes.likelihood import IndependentKalman, Kalman, PartlyIndependentKalman
from sdebayes.likelihood.arrays import read
from sdebayes.schemes import EulerMaruyama, LocalLinearization

SCHEME = LocalLinearization()
RATES, VARIANCES = np.array([0.2, 0.9, 2.0]), np.array([1.0, 0.5, 2.0])


def observed_sde() -> ObservedSDE:
    """Three states that do not touch each other, away from equilibrium at first."""
    sde = SDE(
        LinearDrift(jnp.diag(RATES), jnp.array([1.0, -0.5, 0.0])),
        ConstantDiffusion(jnp.diag(np.sqrt(2 * RATES * VARIANCES))),
    )
    start, noise, effect = (
        jnp.diag(jnp.array(x)) for x in ([1.5, 0.4, 0.7], [0.3, 1.0, 0.4], [0.5, 0.2, 0.9])
    )
    return ObservedSDE(sde, jnp.array([2.0, 0.0, -1.0]), start, jnp.eye(3), noise, effect)


def with_block() -> ObservedSDE:
    """The same three states, of which the first two turn, and share what moves them and where they begin."""
    model = observed_sde()
    matrix = model.sde.drift.matrix.at[0, 1].set(0.7).at[1, 0].set(-0.4)
    factor = model.sde.diffusion.factor.at[1, 0].set(0.3)
    start = model.initial_covariance.at[[0, 1], [1, 0]].set(0.2)
    return eqx.tree_at(
        lambda one: (one.sde.drift.matrix, one.sde.diffusion.factor, one.initial_covariance),
        model,
        (matrix, factor, start),
    )


def data_of(make_values, gaps: bool):
    values = make_values(0, [9, 4, 12], 3, missing=0.3 * gaps)
    if gaps:
        values[0][3:6] = np.nan
    times = [np.array([0.0, 0.5, 0.7, 2.0, 2.5, 3.0, 3.5, 4.0, 9.0]), np.arange(4.0), np.arange(12) * 0.5]
    data = sb.trajectories(values, t=times if gaps else 0.4)
    assert read(data).shared is not gaps
    return data


def answers(likelihood, data, left_out, sde=observed_sde) -> dict[str, tuple]:
    """Return all that a likelihood is asked, in one program."""

    def asked(model):
        sets = [jnp.asarray(data.values), jnp.asarray(data.values) + 1]
        return {
            "log density": (likelihood.log_density(model, data),),
            "one step": likelihood.one_step(model, data),
            "smooth": likelihood.smooth(model, data),
            "given past": likelihood.given_past(model, data),
            "given nothing": likelihood.given_nothing(model, data),
            "given others": likelihood.given_others(model, data, left_out),
            "innovations": sum(likelihood.innovations(model, data, sets), ()),
            "horizons": likelihood.horizons(model, data, 2, jnp.array([1, 3])),
            "draw": (likelihood.draw(model, data, jax.random.key(0)),),
        }

    return jax.tree.map(np.asarray, eqx.filter_jit(asked)(sde()))


@pytest.mark.parametrize(
    ("effect", "gaps"), [(True, False), (True, True), pytest.param(False, True, marks=pytest.mark.smoke)]
)
@pytest.mark.parametrize(
    ("own_kind", "sde"),
    [(IndependentKalman, observed_sde), (partial(PartlyIndependentKalman, coupled=2), with_block)],
    ids=["alone", "block"],
)
@pytest.mark.thorough
def test_all_that_is_asked_of_it_is_what_the_joint_filter_answers(
    make_values, effect, gaps, own_kind, sde, x64
):
    data = read(data_of(make_values, gaps))
    seen, inside = np.asarray(data.seen), np.asarray(data.seen).any(-1)
    left_out = np.zeros(inside.shape, bool)
    if gaps:
        left_out[[0, 2], [1, 7]] = True
    joint, own = (
        answers(kind(SCHEME, effect), data, jnp.asarray(left_out), sde) for kind in (Kalman, own_kind)
    )
    for name, found in own.items():
        places = seen if name == "innovations" else ... if name in ("horizons", "draw") else inside
        for mine, theirs in zip(found, joint[name], strict=True):
            assert mine.shape == theirs.shape
            np.testing.assert_allclose(mine[places], theirs[places], atol=1e-8)


@pytest.mark.thorough
def test_noise_that_goes_with_covariates_is_that_of_the_joint_filter(make_values, x64):
    data = read(data_of(make_values, gaps=False))
    terms = np.random.default_rng(0).normal(size=(*data.times.shape, 1))
    data = replace(data, noise_terms=terms, shared=False)
    slopes = jnp.array([0.5])
    model = eqx.tree_at(
        lambda one: one.noise_slopes, observed_sde(), slopes, is_leaf=lambda leaf: leaf is None
    )
    inside = np.asarray(data.seen).any(-1)

    def asked(likelihood):
        return eqx.filter_jit(
            lambda one: (*likelihood.given_past(one, data), *likelihood.given_others(one, data))
        )(model)

    for mine, theirs in zip(
        *(asked(kind(SCHEME, True)) for kind in (IndependentKalman, Kalman)), strict=True
    ):
        np.testing.assert_allclose(mine[inside], theirs[inside], atol=1e-8)
        assert np.abs(np.asarray(mine)[inside]).max() > 0


@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.thorough
def test_its_gradient_is_that_of_the_joint_filter(make_values, gaps, x64):
    data = read(data_of(make_values, gaps))

    def total(likelihood):
        return lambda model: likelihood.log_density(model, data).sum()

    mine, theirs = (
        eqx.filter_jit(jax.grad(total(kind(SCHEME, True))))(observed_sde())
        for kind in (IndependentKalman, Kalman)
    )
    for part in ("sde.drift.location", "initial_mean"):
        np.testing.assert_allclose(attrgetter(part)(mine), attrgetter(part)(theirs), atol=1e-8)
    for part in ("sde.drift.matrix", "sde.diffusion.factor", "noise_covariance", "effect_covariance"):
        one, other = (np.diag(attrgetter(part)(found)) for found in (mine, theirs))
        np.testing.assert_allclose(one, other, atol=1e-8)


DIAGONAL = {"drift": sb.priors.Linear(diagonal=True), "diffusion": sb.priors.Constant("diagonal")}


def test_models_of_independent_states_have_it():
    for noise in (None, "isotropic", "diagonal", 0.3, np.array([0.1, 0.2])):
        for effect in ({}, {"trajectory_effect": True, "effect_covariance": "isotropic"}):
            observation = sb.GaussianNoise(covariance=noise, **effect)
            found = sb.SDEModel(**DIAGONAL, observation=observation, scheme=EulerMaruyama()).likelihood
            assert found == IndependentKalman(EulerMaruyama(), bool(effect))
    assert isinstance(sb.SDEModel(**DIAGONAL, initial="free").likelihood, IndependentKalman)


def test_a_few_coupled_states_are_filtered_beside_the_others():
    coupled = {**DIAGONAL, "drift": sb.priors.Linear(coupled=2), "observation": sb.GaussianNoise()}
    assert sb.SDEModel(**coupled, scheme=EulerMaruyama()).likelihood == PartlyIndependentKalman(
        EulerMaruyama(), coupled=2
    )
    for other in ({"diffusion": sb.priors.Constant()}, {"observation": sb.GaussianNoise(covariance="full")}):
        assert type(sb.SDEModel(**coupled | other).likelihood) is Kalman


@pytest.mark.parametrize(
    "other",
    [
        {"drift": sb.priors.Linear()},
        {"diffusion": sb.priors.Constant()},
        {"observation": sb.GaussianNoise(covariance="full")},
        {"observation": sb.GaussianNoise(covariance=np.array([[1.0, 0.5], [0.5, 1.0]]))},
        {"observation": sb.GaussianNoise(matrix=np.eye(2))},
        {"observation": sb.GaussianNoise(trajectory_effect=True, effect_covariance=sb.LowRank(1))},
        {"initial": (np.zeros(2), np.array([[1.0, 0.5], [0.5, 1.0]]))},
    ],
)
def test_a_model_in_which_anything_couples_states_has_not(other):
    assert type(sb.SDEModel(**DIAGONAL | other).likelihood) is Kalman


def test_nonlinear_heavy_tailed_and_exact_models_have_their_own():
    for other in (
        {"drift": sb.priors.GP()},
        {"observation": sb.StudentTNoise()},
        {"observation": sb.Exact()},
    ):
        assert not isinstance(sb.SDEModel(**DIAGONAL | other).likelihood, Kalman)
