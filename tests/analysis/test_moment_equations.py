"""Moment equations against closed forms and against simulation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes._core.errors import DataError, ModelError
from sdebayes.analysis import moments
from sdebayes.analysis.moments.cubature import fifth_degree_rule, third_degree_points
from sdebayes.dynamics import (
    SDE,
    ConstantDiffusion,
    LinearDrift,
    ObservedSDE,
    ParametricDiffusion,
    ParametricDrift,
)
from sdebayes.simulation import simulate

TIMES = np.array([0.0, 0.5, 1.0, 3.0])
GROWTH, VOLATILITY = 0.3, 0.4
GEOMETRIC = SDE(
    LinearDrift(-GROWTH * jnp.eye(1), jnp.zeros(1)),
    ParametricDiffusion(lambda x, t, p: VOLATILITY * x[:, None], {}),
)


def ornstein_uhlenbeck(rate: float) -> SDE:
    return SDE(LinearDrift(jnp.array([[rate]]), jnp.array([2.0])), ConstantDiffusion(jnp.array([[0.6]])))


def test_an_ornstein_uhlenbeck_process_forgets_its_start():
    rates = np.array([0.5, 1.5])
    draws = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(ornstein_uhlenbeck, rates))
    found = moments.moment_equations(draws, TIMES, [5.0], [[0.7]])
    decay = np.exp(-rates[:, None] * TIMES)
    stationary = 0.36 / (2 * rates[:, None])
    np.testing.assert_allclose(found["mean"][:, :, 0], 2 + 3 * decay, rtol=1e-6)
    np.testing.assert_allclose(
        found["covariance"][:, :, 0, 0], stationary + (0.7 - stationary) * decay**2, rtol=1e-6
    )
    assert found.attrs["closure"] == "exact"


def test_the_closure_agrees_with_the_exact_transitions():
    rates = jnp.array([[0.5, 1.0, 0.0], [-1.0, 0.5, 0.5], [0.0, -0.5, 1.0]])
    factor = jnp.array([[1.0, 0.0, 0.0], [0.3, 0.5, 0.0], [0.0, 0.2, 0.1]])
    linear = SDE(LinearDrift(rates, jnp.ones(3)), ConstantDiffusion(factor))
    by_hand = SDE(
        ParametricDrift(lambda x, t, p: p["A"] @ (1 - x), {"A": rates}),
        ParametricDiffusion(lambda x, t, p: p["G"], {"G": factor}),
    )
    exact, closed = (
        moments.moment_equations(sde, TIMES, [3.0, 0.0, -1.0], substeps=80) for sde in (linear, by_hand)
    )
    assert closed.attrs["closure"] == "gaussian"
    np.testing.assert_allclose(closed["mean"], exact["mean"], atol=1e-6)
    np.testing.assert_allclose(closed["covariance"], exact["covariance"], atol=1e-6)


def test_geometric_brownian_motion_has_its_closed_form():
    found = moments.moment_equations(GEOMETRIC, TIMES, [2.0])
    second = 4 * np.exp((2 * GROWTH + VOLATILITY**2) * TIMES)
    np.testing.assert_allclose(found["mean"][0, :, 0], 2 * np.exp(GROWTH * TIMES), rtol=1e-6)
    np.testing.assert_allclose(
        found["covariance"][0, :, 0, 0], second - 4 * np.exp(2 * GROWTH * TIMES), rtol=2e-5
    )


@pytest.mark.thorough
def test_a_cubic_drift_stays_near_the_simulation():
    sde = SDE(ParametricDrift(lambda x, t, p: -x - x**3, {}), ConstantDiffusion(0.8 * jnp.eye(1)))
    times = np.array([0.0, 0.2, 0.5, 1.5])
    closed = moments.moment_equations(sde, times, [1.5])
    paths = 4000
    x = simulate(sde, times, x0=[1.5], paths=paths, substeps=200, seed=1)["x"].values[0, :, 1:, 0]
    error = x.std(0, ddof=1) / np.sqrt(paths)
    assert np.all(np.abs(closed["mean"][0, 1:, 0] - x.mean(0)) < 4 * error + 0.01)
    np.testing.assert_allclose(closed["covariance"][0, 1:, 0, 0], x.var(0), rtol=0.12)


def test_observations_vary_more_than_states():
    one = jnp.eye(1)
    observed = ObservedSDE(ornstein_uhlenbeck(0.5), jnp.zeros(1), 2 * one, one, 0.3 * one, 0.2 * one)
    found = moments.moment_equations(observed, TIMES)
    np.testing.assert_allclose(found["covariance"][0, 0], [[2.0]])
    np.testing.assert_allclose(found["observed_covariance"] - found["covariance"], 0.5, rtol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_the_rule_averages_polynomials_of_degree_five(n):
    points, weights = fifth_degree_rule(n)
    x, y = points[:, 0], points[:, -1]
    assert weights.sum() == pytest.approx(1)
    assert weights @ x**2 == pytest.approx(1)
    assert weights @ x**4 == pytest.approx(3)
    assert weights @ (x**2 * y**2) == pytest.approx(1 if n > 1 else 3)
    assert weights @ (x**3 * y**2) == pytest.approx(0)
    few = third_degree_points(n)
    np.testing.assert_allclose(few.T @ few / len(few), np.eye(n))
    np.testing.assert_allclose((few**3).mean(0), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ModelError, "Pass mean0 of shape"),
        ({"mean0": [1.0, 2.0]}, DataError, "mean0 must be finite numbers of shape"),
        ({"mean0": [1.0], "covariance0": [[-1.0]]}, DataError, "no covariance matrix"),
        ({"mean0": [1.0], "substeps": 0}, DataError, "substeps=0"),
        ({"mean0": [1.0], "times": [1.0, 0.0]}, DataError, "increase strictly"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        moments.moment_equations(GEOMETRIC, **({"times": TIMES} | arguments))
