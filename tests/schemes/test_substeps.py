"""A scheme within a step against laws of which the two moments are a closed system, and against finer grids."""

from __future__ import annotations

import re

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.posterior.serialization import decode, encode
from sdebayes.schemes import EulerMaruyama, LinearNoise, LocalLinearization, Moments, Substeps
from tests.schemes.fokker_planck import GridLaw
from tests.schemes.test_linear_noise import errors, scalar
from tests.schemes.test_schemes import X, exact_law, ornstein_uhlenbeck, slope

PARTS = np.array([4.0, 8.0, 16.0])


@pytest.mark.parametrize(("scheme", "order"), [(EulerMaruyama(), -1), (Moments(), -2)], ids=repr)
def test_a_linear_sde_is_approached_with_the_number_of_parts(scheme, order, x64):
    truth = exact_law(X, 0.5)
    laws = [
        Substeps(scheme, int(n)).transition(ornstein_uhlenbeck(), jnp.asarray(X), 0.0, 0.5) for n in PARTS
    ]
    for k in range(2):
        deviation = np.array([np.abs(law[k] - truth[k]).max() for law in laws])
        assert slope(deviation, PARTS) == pytest.approx(order, abs=0.25)


def test_parts_of_an_exact_law_make_the_exact_law(x64):
    scheme = Substeps(LocalLinearization(), 3)
    assert scheme.exact_when_linear
    law = scheme.transition(ornstein_uhlenbeck(), jnp.asarray(X), 0.0, 1.5)
    for found, exact in zip(law, exact_law(X, 1.5), strict=True):
        np.testing.assert_allclose(found, exact, rtol=1e-10)


@pytest.mark.thorough
def test_geometric_brownian_motion_whose_two_moments_are_closed(x64):
    """Only a scheme that averages Σ over the state's spread finds the variance, whatever the number of parts."""
    m, s, x, dt = -0.3, 0.8, 1.4, 0.5
    sde = scalar(lambda x: m * x, lambda x: s * x)
    variance = x**2 * np.exp(2 * m * dt) * np.expm1(s**2 * dt)

    def relative(scheme) -> float:
        found = errors(sde, x, lambda _: (x * np.exp(m * dt), variance), [dt], scheme)
        return abs(found[1][0]) / variance

    found = [relative(Substeps(Moments(), int(n))) for n in PARTS]
    assert slope(np.array(found), PARTS) == pytest.approx(-2, abs=0.3)
    assert found[-1] < 1e-3
    assert relative(Substeps(LinearNoise(), 16)) > 0.05


@pytest.mark.thorough
def test_a_double_well_over_a_long_step(x64):
    """dX = (X − X³) dt + √½ dW over Δt = 0.4, in standard deviations and relative to the variance."""
    law = GridLaw(lambda x: x - x**3, 0.5, 0.4, (-3.0, 3.0, 601))
    sde = scalar(lambda x: x - x**3, lambda x: jnp.sqrt(0.5) + 0 * x)
    worst = {}
    for scheme in (Moments(), Substeps(Moments(), 4), EulerMaruyama(), Substeps(EulerMaruyama(), 16)):
        deviations = []
        for start in (300, 350, 400, 440):
            mean, variance = law.moments(start)
            found = errors(sde, law.x[start], lambda _, m=mean, v=variance: (m, v), [0.4], scheme)
            deviations.append(max(abs(found[0][0]) / np.sqrt(variance), abs(found[1][0]) / variance))
        worst[scheme.title] = max(deviations)
    assert worst["Moments in 4 parts of each step"] < min(0.25, worst["Moments"] / 2)
    assert worst["EulerMaruyama in 16 parts of each step"] < worst["EulerMaruyama"] / 5


def test_the_parts_carry_what_a_whole_step_is_given(x64):
    """The covariance at the end from P is F P Fᵀ + Q: two parts at once or one after the other."""
    sde = scalar(lambda x: x - x**3, lambda x: 1 + 0.2 * x**2)
    m, P = jnp.array([0.4]), jnp.array([[0.1]])
    once = Substeps(Moments(), 2).propagate(sde, m, P, 0.0, 0.2)
    first, F, Q = Moments().propagate(sde, m, P, 0.0, 0.1)
    second, last, added = Moments().propagate(sde, first, F @ P @ F.T + Q, 0.1, 0.1)
    np.testing.assert_allclose(once[0], second, rtol=1e-12)
    np.testing.assert_allclose(once[1], last @ F, rtol=1e-12)
    np.testing.assert_allclose(once[2], last @ Q @ last.T + added, rtol=1e-12)


@pytest.mark.parametrize(
    ("scheme", "n", "message"),
    [(Moments(), 0, "n=0 must be"), (Moments(), 1.5, "n=1.5 must be"), ("Euler", 2, "'Euler'")],
)
def test_what_makes_no_parts_is_refused(scheme, n, message, untyped):
    with pytest.raises(ModelError, match=re.escape(message)):
        Substeps(scheme, n)


def test_a_model_asks_the_scheme_of_the_parts():
    multiplicative = sb.priors.Parametric(lambda x, t, p: jnp.diag(x) * p["s"], {"s": dist.LogNormal(0, 1)})
    with pytest.raises(ModelError, match="LocalLinearization in 2 parts of each step needs additive noise"):
        sb.SDEModel(
            sb.priors.Linear(stable=False), multiplicative, Substeps(LocalLinearization(), 2), sb.Exact()
        )


@pytest.mark.parametrize("scheme", [Moments(), Substeps(LinearNoise(steps=2), 3)], ids=repr)
def test_a_model_with_it_is_stored(scheme):
    model = sb.SDEModel(scheme=scheme, observation=sb.Exact())
    assert f"Scheme: {scheme.title}" in model.describe()
    assert decode(encode(model)).scheme == scheme
