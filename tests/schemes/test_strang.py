"""Strang splitting against exact normal laws, the Fokker–Planck equation and its own draws."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed
from scipy.stats import kstest, multivariate_normal

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.dynamics import SDE, BasisField, ConstantDiffusion, FieldDrift, FourierBasis, LinearDrift
from sdebayes.posterior.serialization import decode, encode
from sdebayes.schemes import LinearNoise, LocalLinearization, Strang, Substeps
from tests.schemes.fokker_planck import GridLaw
from tests.schemes.test_schemes import A, B, G, X, exact_law, ornstein_uhlenbeck

VARIANCE = 0.5


def double_well() -> SDE:
    """dX = (X − X³) dt + √½ dW, which names no linear part."""
    return SDE(
        sb.dynamics.ParametricDrift(lambda x, t, p: x - x**3, {}),
        ConstantDiffusion(jnp.sqrt(VARIANCE) * jnp.eye(1)),
    )


def waves() -> SDE:
    """A linear part of its own and a field in two states."""
    rng = np.random.default_rng(3)
    basis = FourierBasis(jnp.zeros(2), jnp.asarray(rng.normal(size=(3, 2))))
    field = BasisField(basis, jnp.asarray(0.5 * rng.normal(size=(6, 2))))
    return SDE(
        FieldDrift(LinearDrift(jnp.asarray(A), jnp.asarray(B)), field), ConstantDiffusion(jnp.asarray(G))
    )


@pytest.mark.parametrize("dt", [0.01, 0.3, 1.0])
def test_a_linear_sde_has_its_exact_density(dt, x64):
    following = np.array([0.2, 0.4])
    found = Strang().log_density(ornstein_uhlenbeck(), jnp.asarray(X), jnp.asarray(following), 0.0, dt)
    mean, covariance = exact_law(X, dt)
    np.testing.assert_allclose(found, multivariate_normal(mean, covariance).logpdf(following), rtol=1e-9)


def test_a_double_well_against_the_fokker_planck_equation(x64):
    """Kullback–Leibler divergence from the exact law over Δt = 0.05: a fraction of the normal schemes'."""
    law = GridLaw(lambda x: x - x**3, VARIANCE, 0.05, (-3.0, 3.0, 601))
    width = law.x[1] - law.x[0]
    points = jnp.asarray(law.x[:, None])
    divergence = {}
    for scheme in (LocalLinearization(), LinearNoise(), Strang()):
        each = jax.jit(
            jax.vmap(lambda y, x, s=scheme: s.log_density(double_well(), x, y, 0.0, 0.05), (0, None))
        )
        worst = []
        for start in (300, 350, 400, 440):
            exact = law.kernel[:, start]
            ours = np.asarray(each(points, points[start]))
            keep = exact > 1e-12
            worst.append(np.sum(exact[keep] * (np.log(exact[keep] / width) - ours[keep])))
            inside = np.abs(law.x) < 2.2
            assert np.exp(ours[inside]).sum() * width == pytest.approx(1, abs=1e-3)
        divergence[scheme.title] = max(worst)
    assert divergence["Strang"] < 0.4 * min(divergence["LinearNoise"], divergence["LocalLinearization"])


def test_the_density_of_a_field_integrates_to_one(x64):
    sde, dt = waves(), 0.1
    mean, covariance = Strang().transition(sde, jnp.asarray(X), 0.0, dt)
    factor, nodes = np.linalg.cholesky(covariance), np.linspace(-6, 6, 81)
    white = np.stack(np.meshgrid(nodes, nodes), -1).reshape(-1, 2)
    points = np.asarray(mean) + white @ factor.T
    each = jax.jit(jax.vmap(lambda y: Strang().log_density(sde, jnp.asarray(X), y, 0.0, dt)))
    weights = (
        np.exp(np.asarray(each(jnp.asarray(points)))) * np.linalg.det(factor) * (nodes[1] - nodes[0]) ** 2
    )
    assert weights.sum() == pytest.approx(1, abs=1e-4)
    centre = weights @ points
    spread = (points - centre).T @ ((points - centre) * weights[:, None])
    np.testing.assert_allclose(mean, centre, atol=0.02 * np.sqrt(spread.max()))
    np.testing.assert_allclose(covariance, spread, atol=0.03 * spread.max())


def test_draws_follow_the_density(x64):
    sde, x, dt = double_well(), jnp.array([0.9]), 0.2
    white = np.random.default_rng(4).normal(size=(20_000, 1))
    draws = np.asarray(jax.jit(jax.vmap(lambda z: Strang().draw(sde, x, 0.0, dt, z)))(jnp.asarray(white)))
    grid = np.linspace(-1.5, 2.5, 4001)
    density = jax.jit(jax.vmap(lambda y: Strang().log_density(sde, x, y, 0.0, dt)))(
        jnp.asarray(grid[:, None])
    )
    distribution = np.cumsum(np.exp(density)) * (grid[1] - grid[0])
    assert kstest(np.interp(draws[:, 0], grid, distribution), "uniform").pvalue > 1e-3


def test_what_needs_a_normal_law_is_refused():
    with pytest.raises(ModelError, match=r"Strang is a density.*GaussianNoise.*sdebayes\.Exact\(\)"):
        sb.SDEModel(sb.priors.GP(), scheme=Strang())
    with pytest.raises(ModelError, match="Strang is a density between two known states"):
        Substeps(Strang(), 2)
    with pytest.raises(ModelError, match="Strang needs additive noise"):
        sb.SDEModel(sb.priors.GP(), sb.priors.Diagonal(sb.priors.GP()), Strang(), sb.Exact())


def test_a_model_with_it_is_stored_and_has_the_density(x64):
    data, _ = sb.datasets.benchmark("double_well_1d", 40, 0.1, seed=0)
    prior = sb.priors.GP(basis=sb.priors.HSGP(4))
    model = sb.SDEModel(prior, scheme=Strang(), observation=sb.Exact()).scaled_to(data)
    again = decode(encode(model))
    assert isinstance(again.scheme, Strang)
    drawn, observations = seed(again.build, 0)(), again.read(data)
    found = jax.jit(lambda o: again.likelihood.log_density(drawn, o))(observations)
    x = jnp.asarray(data["y"].values[0])
    later = jax.jit(jax.vmap(lambda a, b: Strang().log_density(drawn.sde, a, b, 0.0, 0.1)))(x[:-1], x[1:])
    np.testing.assert_allclose(found[0, 1:], later, rtol=1e-9)
    first = multivariate_normal(drawn.initial_mean, drawn.initial_covariance).logpdf(x[0])
    assert float(found[0, 0]) == pytest.approx(first)
