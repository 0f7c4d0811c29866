"""Kessler's expansion against the generator applied term by term, and its form as a sum of squares."""

from __future__ import annotations

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed

import sdebayes as sb
from sdebayes.dynamics import (
    SDE,
    BasisField,
    ConstantDiffusion,
    DiagonalDiffusion,
    FourierBasis,
    FullDiffusion,
    LinearDrift,
    ParametricDiffusion,
    ParametricDrift,
)
from sdebayes.schemes import LocalLinearization, Moments
from tests.schemes.test_linear_noise import DTS, errors, scalar
from tests.schemes.test_schemes import X, slope


@eqx.filter_jit
def transition(sde: SDE, x, t, dt):
    return Moments().transition(sde, x, t, dt)


@cache
def planar() -> SDE:
    """A drift and a factor without symmetry, both with a clock."""
    return SDE(
        ParametricDrift(
            lambda x, t, p: jnp.stack([x[0] * x[1] - x[0] ** 3 + t, jnp.sin(x[0]) - x[1] * t]), {}
        ),
        ParametricDiffusion(
            lambda x, t, p: jnp.array(
                [[1.0 + x[1] ** 2, 0.3 * x[0]], [x[0] * x[1], jnp.exp(0.3 * x[0]) + t]]
            ),
            {},
        ),
    )


def by_generator(sde: SDE, x: np.ndarray, t: float):
    """E X and Cov X as functions of Δt from φ + Lφ Δt + ½ L²φ Δt², with L applied by automatic differentiation."""

    def generator(phi):
        def applied(point, time):
            first = jax.jacfwd(phi)(point, time) @ sde.drift(point, time)
            second = jnp.tensordot(jax.hessian(phi)(point, time), sde.covariance(point, time), 2)
            return first + 0.5 * second + jax.jacfwd(phi, 1)(point, time)

        return applied

    def moments(point, _):
        return jnp.concatenate([point, jnp.outer(point, point).ravel()])

    once = generator(moments)
    terms = [
        np.asarray(jax.jit(function)(jnp.asarray(x), t)) for function in (moments, once, generator(once))
    ]

    def law(dt: float) -> tuple[np.ndarray, np.ndarray]:
        found = terms[0] + dt * terms[1] + 0.5 * dt**2 * terms[2]
        return found[:2], found[2:].reshape(2, 2) - np.outer(found[:2], found[:2])

    return law


def test_both_moments_are_those_of_the_generator_to_second_order(x64):
    sde, dts, differences = planar(), np.array([0.001, 0.002, 0.004]), []
    law = by_generator(sde, X, 0.4)
    for dt in dts:
        found, truth = transition(sde, jnp.asarray(X), 0.4, jnp.asarray(dt)), law(float(dt))
        np.testing.assert_allclose(found[0], truth[0], rtol=1e-12)
        differences.append(np.abs(np.asarray(found[1]) - truth[1]).max())
    assert slope(np.array(differences), dts) == pytest.approx(3, abs=0.05)


def test_geometric_brownian_motion(x64):
    """Var X = x² e²ᵐᵗ (eˢ²ᵗ − 1): the curvature of Σ, which the linear noise approximation leaves out, counts here."""
    m, s, x = -0.3, 0.8, 1.4
    found = errors(
        scalar(lambda x: m * x, lambda x: s * x),
        x,
        lambda dt: (x * np.exp(m * dt), x**2 * np.exp(2 * m * dt) * np.expm1(s**2 * dt)),
        scheme=Moments(),
    )
    for deviation in found:
        assert slope(np.abs(deviation), DTS) == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("dt", [1e-9, 0.1, 1.0, 30.0])
def test_the_covariance_is_positive_definite_at_any_step(dt, x64):
    rng = np.random.default_rng(0)
    step, sigma = jnp.asarray(dt), eqx.filter_jit(lambda sde, x: sde.covariance(x))
    for _ in range(5):
        drift = LinearDrift(jnp.asarray(rng.normal(size=(2, 2)) * rng.choice([1.0, 1 / dt])), jnp.zeros(2))
        for diffusion in (planar().diffusion, ConstantDiffusion(jnp.array([[0.5, 0.0], [0.2, 0.4]]))):
            sde = SDE(drift, diffusion)
            covariance = np.asarray(transition(sde, jnp.asarray(X), 0.0, step)[1]) / dt
            assert np.linalg.eigvalsh(covariance).min() > 1e-6
            if diffusion.constant:
                rest = covariance - np.asarray(sigma(sde, jnp.asarray(X))) / 6
                assert np.linalg.eigvalsh(rest).min() > -1e-12 * np.trace(rest)


@pytest.mark.thorough
def test_an_uncertain_state_is_averaged_over(x64):
    """m, F P Fᵀ + Q against E and Cov of X(Δt) from draws' own laws; left out are terms in P², P Δt² and Δt³."""
    sde, rng = planar(), np.random.default_rng(1)
    many = jax.jit(jax.vmap(lambda x, dt: Moments().transition(sde, x, 0.4, dt), (0, None)))
    carried = jax.jit(lambda P, dt: Moments().propagate(sde, jnp.asarray(X), P, 0.4, dt))
    errors = []
    for size in (0.01, 0.005):
        P = size * np.array([[0.5, -0.2], [-0.2, 0.3]])
        white = rng.normal(size=(200_000, 2))
        white = np.concatenate([white, -white])
        white = white @ np.linalg.inv(np.linalg.cholesky(np.cov(white.T, bias=True))).T
        points = jnp.asarray(X + white @ np.linalg.cholesky(P).T)
        means, noises = many(points, size)
        truth = np.cov(np.asarray(means).T, bias=True) + np.asarray(noises).mean(0)
        mean, F, Q = map(np.asarray, carried(P, size))
        np.testing.assert_allclose(mean, np.asarray(means).mean(0), rtol=2e-5)
        without = np.asarray(transition(sde, jnp.asarray(X), 0.4, jnp.asarray(size))[1])
        errors.append([np.abs(F @ P @ F.T + Q - truth).max(), np.abs(F @ P @ F.T + without - truth).max()])
    errors = np.array(errors)
    assert np.all(errors[:, 0] < 0.3 * errors[:, 1])


@pytest.mark.parametrize("kind", ["diagonal", "full"])
def test_fields_give_their_derivatives_and_tables(kind, x64):
    rng = np.random.default_rng(2)
    basis = FourierBasis(jnp.zeros(3), jnp.asarray(rng.normal(size=(4, 3))))
    field = BasisField(basis, jnp.asarray(0.3 * rng.normal(size=(8, 3 if kind == "diagonal" else 6))))
    if kind == "diagonal":
        diffusion = DiagonalDiffusion(scale=jnp.array([1.0, 2.0, 0.5]), field=field)
    else:
        factor = jnp.array([[1.0, 0.0, 0.0], [0.4, 0.8, 0.0], [-0.2, 0.1, 0.7]])
        diffusion = FullDiffusion(factor=factor, field=field)
    own = ParametricDiffusion(lambda x, t, p: diffusion(x), {})
    x, spread = jnp.array([0.3, -0.2, 0.9]), jnp.diag(jnp.array([0.2, 0.1, 0.4])) + 0.05
    table = diffusion.at(diffusion.tabulate(x, 2))
    elsewhere = jnp.full(3, 99.0)
    read = eqx.filter_jit(lambda one, x: (*one.expansion(x), one.mean_shift(x, 0.0, spread)))
    expected = read(own, x)
    for found, at in ((diffusion, x), (table, elsewhere)):
        for part, other in zip(read(found, at), expected, strict=True):
            np.testing.assert_allclose(part, other, rtol=1e-10, atol=1e-12)
    hessian = np.asarray(eqx.filter_jit(lambda one, x: jax.jacfwd(jax.jacfwd(one))(x))(diffusion, x))
    shift = 0.5 * np.einsum("ijkl,kl->ij", hessian, spread)
    np.testing.assert_allclose(expected[-1], shift, rtol=1e-10, atol=1e-12)


@pytest.mark.thorough
def test_tables_do_not_change_the_likelihood(x64):
    data, _ = sb.datasets.benchmark("multiplicative_double_well", 40, 0.02, seed=0)
    drift = sb.priors.GP(basis=sb.priors.HSGP(4))
    diffusion = sb.priors.Diagonal(sb.priors.GP(basis=sb.priors.HSGP(4)))
    model = sb.SDEModel(drift, diffusion, Moments(), sb.Exact()).scaled_to(data)

    observations = model.read(data)
    assert observations.table is not None
    plain = eqx.tree_at(lambda o: o.table, observations, None)
    drawn = seed(model.build, 0)()
    found, expected = (
        jax.jit(lambda o: model.likelihood.log_density(drawn, o))(one) for one in (observations, plain)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_additive_noise_is_near_local_linearization(x64):
    sde = SDE(planar().drift, ConstantDiffusion(jnp.array([[0.5, 0.0], [0.2, 0.4]])))
    dt = 0.01
    one, other = (
        scheme.transition(sde, jnp.asarray(X), 0.4, dt) for scheme in (Moments(), LocalLinearization())
    )
    np.testing.assert_allclose(one[0], other[0], atol=20 * dt**3)
    np.testing.assert_allclose(one[1], other[1], atol=20 * dt**3)
