"""The rate matrix of the Fokker–Planck operator, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space.cell_grid import CellGrid
from sdebayes.analysis.phase_space.generator import (
    absorbed,
    bernoulli,
    currents,
    decomposition,
    rate_matrix,
    stationary_law,
)


def plane(points: int, reach: float = 4.0) -> CellGrid:
    return CellGrid((np.linspace(-reach, reach, points), np.linspace(-0.8 * reach, 0.9 * reach, points - 4)))


def random_covariances(count: int, seed: int = 0) -> np.ndarray:
    factor = np.random.default_rng(seed).normal(size=(count, 2, 2))
    return factor @ factor.swapaxes(-1, -2) + 1e-2 * np.eye(2)


def test_sums_of_whole_vectors_give_the_matrix_back():
    metric = random_covariances(300)
    terms = decomposition(metric)
    assert all((weights >= 0).all() for weights, _ in terms)
    total = sum(w[:, None, None] * e[:, :, None] * e[:, None, :] for w, e in terms)
    np.testing.assert_allclose(total, metric, atol=1e-10)


def test_bernoulli_function():
    np.testing.assert_allclose(bernoulli(np.array([0.0, 1e-9, 2.0])), [1, 1, 2 / (np.e**2 - 1)], rtol=1e-8)
    np.testing.assert_allclose(bernoulli(np.array([-1e4, 1e4])), [1e4, 0.0], atol=1e-200)


def test_rates_are_not_negative_and_mass_is_kept():
    cells = plane(21)
    x = cells.centres
    rates = rate_matrix(cells, np.sin(3 * x) * 5, random_covariances(len(x)))
    off = rates.toarray() - np.diag(rates.diagonal())
    assert off.min() >= 0
    np.testing.assert_allclose(rates.sum(axis=1), 0, atol=1e-9 * off.max())


@pytest.mark.parametrize("correlation", [0.0, 0.6, -0.9])
def test_the_generator_of_a_smooth_function_has_an_error_of_second_order(correlation):
    """L u for u = sin(x + y/2), f = (y − x³, x/2), Σ(x) with correlation."""
    errors = []
    for points in (41, 81):
        cells = plane(points, 2.0)
        x, y = cells.centres.T
        scale = 1 + 0.3 * np.sin(x) * np.cos(y)
        covariance = scale[:, None, None] * np.array([[1.0, correlation], [correlation, 1.0]])
        drift = np.stack([y - x**3, 0.5 * x], axis=-1)
        rates = rate_matrix(cells, drift, covariance)
        phase = x + 0.5 * y
        second = np.array([[1, 0.5], [0.5, 0.25]])
        exact = drift @ [1.0, 0.5] * np.cos(phase) - 0.5 * (covariance * second).sum((1, 2)) * np.sin(phase)
        inner = np.all(np.abs(cells.centres) < 1.0, axis=-1)
        errors.append(np.abs(rates @ np.sin(phase) - exact)[inner].max())
    assert errors[1] < errors[0] / 3
    assert errors[1] < 5e-3


def test_multiplicative_noise_in_one_state():
    """Itô: p ∝ Σ⁻¹ exp ∫2f/Σ; f = −x and Σ = 2(1 + x²) give p ∝ (1 + x²)^(−3/2)."""
    cells = CellGrid((np.linspace(-10, 10, 801),))
    x = cells.centres[:, 0]
    rates = rate_matrix(cells, -x[:, None], (2 * (1 + x**2))[:, None, None])
    exact = (1 + x**2) ** -1.5
    np.testing.assert_allclose(stationary_law(rates), exact / exact.sum(), rtol=1e-3)


def test_small_probabilities_are_accurate():
    """Double well with little noise: p ∝ exp(−2V/σ²) down to 10⁻⁴³ of its height."""
    cells = CellGrid((np.linspace(-2, 2, 401),))
    x = cells.centres[:, 0]
    noise = 0.2**2
    rates = rate_matrix(cells, (x - x**3)[:, None], np.full((len(x), 1, 1), noise))
    potential = -2 * (x**2 / 2 - x**4 / 4) / noise
    law = stationary_law(rates)
    np.testing.assert_allclose(np.log(law / law.max()), potential.min() - potential, atol=0.02)


def test_current_of_a_rotation():
    """f = (−x + 2y, −2x − y), Σ = 2I: p is standard normal and J = (2y, −2x) p."""
    cells = CellGrid((np.linspace(-4, 4, 81), np.linspace(-4, 4, 81)))
    x, y = cells.centres.T
    drift = np.stack([-x + 2 * y, -2 * x - y], axis=-1)
    rates = rate_matrix(cells, drift, np.broadcast_to(2 * np.eye(2), (len(x), 2, 2)))
    density = stationary_law(rates) / cells.volume
    exact = np.exp(-0.5 * (x**2 + y**2)) / (2 * np.pi)
    np.testing.assert_allclose(density, exact, atol=2e-3 * exact.max())
    turning = np.stack([2 * y, -2 * x], axis=-1) * exact[:, None]
    np.testing.assert_allclose(currents(cells, rates, density), turning, atol=4e-3 * np.abs(turning).max())


def test_time_to_leave_an_interval():
    """Brownian motion with Σ = 1 leaves (−1, 1) from x after 1 − x² on average."""
    cells = CellGrid((np.linspace(-1, 1, 101),))
    x = cells.centres[:, 0]
    rates = rate_matrix(cells, np.zeros((101, 1)), np.ones((101, 1, 1)))
    free = ~cells.outermost()
    np.testing.assert_allclose(absorbed(rates, free, np.ones(101), np.zeros(101)), 1 - x**2, atol=1e-9)


def test_noise_in_one_state_only_still_gives_rates():
    """dx = y dt, dy = (−x − y) dt + dW·√2: standard normal, with a little numerical noise in x."""
    cells = CellGrid((np.linspace(-4, 4, 121), np.linspace(-4, 4, 121)))
    x, y = cells.centres.T
    covariance = np.broadcast_to(np.diag([0.0, 2.0]), (len(x), 2, 2))
    law = stationary_law(rate_matrix(cells, np.stack([y, -x - y], axis=-1), covariance))
    np.testing.assert_allclose([law @ x**2, law @ y**2], 1, atol=0.1)


def test_no_noise_has_no_density():
    cells = plane(11)
    nothing = np.zeros((len(cells.centres), 2))
    with pytest.raises(DataError, match="noise vanishes"):
        rate_matrix(cells, nothing, nothing[:, :, None] * np.zeros((1, 1, 2)))
    with pytest.raises(DataError, match="not finite"):
        rate_matrix(cells, nothing + np.inf, random_covariances(len(nothing)))


def test_the_law_is_found_from_a_calm_corner_that_is_all_but_never_visited():
    """f = −0.9 tanh x fades in one corner, the cell left most slowly, where the density is below e^−100 of its peak."""
    cells = CellGrid((np.linspace(-3.5, 3.5, 51),) * 2)
    fading = 1 - np.exp(-((np.linalg.norm(cells.centres + 3.5, axis=1) / 0.44) ** 2))
    drift = -0.9 * np.tanh(cells.centres) * fading[:, None]
    rates = rate_matrix(cells, drift, np.broadcast_to(0.06 * np.eye(2), (len(drift), 2, 2)))
    exact = np.prod(np.cosh(cells.centres) ** -30.0, axis=1)
    np.testing.assert_allclose(
        stationary_law(rates), exact / exact.sum(), atol=0.02 * exact.max() / exact.sum()
    )
