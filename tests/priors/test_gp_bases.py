"""Bases of Gaussian processes against the exact process, by moments."""

from __future__ import annotations

import numpy as np
import pytest

from sdebayes.priors import (
    GP,
    HSGP,
    Inducing,
    Matern32,
    Matern52,
    RandomFourier,
    SquaredExponential,
)
from tests.cases import first_of
from tests.priors.processes import KERNELS, MIDDLE, UNIT, exact, implied, named, normal_states


@pytest.fixture(autouse=True)
def _double(x64):
    """Everything here in double precision."""


@pytest.mark.parametrize(
    ("kernel", "n", "functions"),
    [
        (SquaredExponential(), 1, 40),
        (SquaredExponential(), 2, 24),
        (SquaredExponential(), 3, 14),
        (Matern32(), 1, 80),
        (Matern32(), 2, 24),
        (Matern52(), 2, 24),
        (Matern52(), 3, 12),
    ],
)
def test_the_box_has_the_kernels_covariance_around_the_data(kernel, n, functions):
    prior = GP(kernel=kernel, basis=HSGP(functions)).scaled_to(normal_states(n))
    x = MIDDLE[:n] + 0.7 * (normal_states(n).points[:40] - MIDDLE[:n])
    ratio = prior.basis.shortest_lengthscale(kernel, n) / UNIT[:n]
    lengthscale = np.maximum(1.2 * ratio, 0.8)
    expected = exact(kernel, x, x, UNIT[:n] * lengthscale)
    tolerance = 0.01 if isinstance(kernel, SquaredExponential) else 0.05
    np.testing.assert_allclose(implied(prior, lengthscale, x), expected, atol=tolerance)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_default_box_has_the_prior_variance_it_says(n):
    """At the prior median of the length-scale, at points where the data are."""
    prior = GP().scaled_to(normal_states(n))
    variance = np.diag(implied(prior, prior.lengthscale_median, normal_states(n).points))
    assert np.all(variance < 1.001)
    assert np.mean(variance) > 0.96
    assert np.quantile(variance, 0.05) > 0.85


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_trend_adds_the_polynomial_kernel_it_says_up_to_the_edge(n):
    """The variance with the monomials is that without, and c² Σ_k Π_j v_j^2k_j; beyond 4/3 of the box it is 0."""
    with_trend, without = (GP(basis=HSGP(trend=trend)).scaled_to(normal_states(n)) for trend in (0.3, 0.0))
    half_length = with_trend.basis.half_length
    x = MIDDLE[:n] + half_length * np.random.default_rng(0).uniform(-1, 1, (30, n))
    both, sines = (np.diag(implied(prior, prior.lengthscale_median, x)) for prior in (with_trend, without))
    v = (x - MIDDLE[:n]) / (np.sqrt(n) * UNIT[:n])
    squares = [np.prod(v**k, -1) ** 2 for k in np.ndindex(*[4] * n) if sum(k) in (2, 3)]
    np.testing.assert_allclose(both - sines, 0.3**2 * np.sum(squares, 0), rtol=1e-8, atol=1e-12)
    beyond = MIDDLE[:n] + 1.34 * half_length
    np.testing.assert_array_equal(implied(with_trend, with_trend.lengthscale_median, beyond[None]), 0.0)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_trend_is_small_where_most_data_are(n):
    prior = GP(basis=HSGP(trend=0.2)).scaled_to(normal_states(n))
    variance = np.diag(implied(prior, prior.lengthscale_median, normal_states(n).points))
    assert 0.96 < np.median(variance) < 1.05


@pytest.mark.parametrize("kernel", KERNELS, ids=named)
@pytest.mark.parametrize("n", [2, 8])
def test_random_features_have_the_kernels_covariance(kernel, n):
    """For one seed up to Monte-Carlo error; closer on average over seeds, in the closed form of the frequencies."""
    x = normal_states(n).points[:40]
    lengthscale = np.sqrt(n) * np.linspace(0.8, 1.2, n)
    expected = exact(kernel, x, x, UNIT[:n] * lengthscale)
    angle = (x[:, None] - x) / (UNIT[:n] * lengthscale)
    closed = []
    for number in range(40):
        prior = GP(kernel=kernel, basis=RandomFourier(200, seed=number)).scaled_to(normal_states(n))
        closed.append(np.mean(np.cos(angle @ prior.basis.frequencies.T), -1))
    np.testing.assert_allclose(implied(prior, lengthscale, x), closed[-1], atol=1e-9)
    single = np.sqrt(np.mean((np.array(closed) - expected) ** 2, (1, 2)))
    assert np.all(single < 1 / np.sqrt(2 * 100))
    assert np.sqrt(np.mean((np.mean(closed, 0) - expected) ** 2)) < 2.5 / np.sqrt(2 * 100 * 40)


def test_random_directions_are_orthogonal_in_blocks():
    prior = RandomFourier(48).scaled_to(normal_states(8), MIDDLE, UNIT, SquaredExponential())
    for block in prior.frequencies.reshape(3, 8, 8):
        gram = block @ block.T
        np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-12)


@pytest.mark.parametrize(
    ("kernel", "n"), first_of([(Matern32(), 3), (SquaredExponential(), 1), (Matern52(), 8)])
)
def test_inducing_points_have_nystroms_covariance(kernel, n):
    scale = normal_states(n)
    prior = GP(kernel=kernel, basis=Inducing(25)).scaled_to(scale)
    x, z, unit = scale.points[:40], prior.basis.points, UNIT[:n] * 1.3
    K = exact(kernel, z, z, unit) + np.sqrt(np.finfo(float).eps) * np.eye(25)
    across = exact(kernel, x, z, unit)
    covariance = implied(prior, np.full(n, 1.3), x)
    np.testing.assert_allclose(covariance, across @ np.linalg.solve(K, across.T), atol=1e-6)
    assert np.all(np.diag(covariance) < 1 + 1e-6)
    np.testing.assert_allclose(np.diag(implied(prior, np.full(n, 1.3), z)), 1, atol=1e-4)
    np.testing.assert_allclose(
        implied(prior, np.full(n, 1.3), MIDDLE[:n] + 100 * UNIT[None, :n]), 0, atol=1e-12
    )


def test_centres_do_not_depend_on_units_and_are_never_more_than_the_data():
    scale = normal_states(2)
    centres = [
        Inducing(10).scaled_to(scale, scale.location, UNIT[:2] * factor, KERNELS[0]).points
        for factor in (1.0, 2.0)
    ]
    np.testing.assert_allclose(np.sort(centres[0], 0), np.sort(centres[1], 0), rtol=1e-6)
    few = normal_states(2, count=4)
    assert GP(basis=Inducing(10)).scaled_to(few).basis.count(2) == 4
