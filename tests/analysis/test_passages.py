"""Exit times, committors, transition rates and time scales against closed forms."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import cumulative_trapezoid, trapezoid
from scipy.stats import norm

from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space import Ball, Box, committor, exit_time, time_scales, transition_rates
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ParametricDiffusion, ParametricDrift


def well(x, t, p):
    return x - x**3


def double_well(variance: float) -> SDE:
    return SDE(ParametricDrift(well, {}), ConstantDiffusion(jnp.sqrt(variance) * jnp.eye(1)))


def wells(*variances: float) -> SDE:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(double_well, variances))


def potential(x: np.ndarray, variance: float) -> np.ndarray:
    """2V/σ² of V = x⁴/4 − x²/2, whose exponential is the scale density of the double well."""
    return 2 * (x**4 / 4 - x**2 / 2) / variance


def passage_time(start: np.ndarray, end: float, variance: float) -> np.ndarray:
    """Mean time from start to end > start: (2/σ²) ∫_start^end e^ψ(y) ∫_−∞^y e^−ψ(z) dz dy."""
    x = np.linspace(-3, end, 20001)
    inner = cumulative_trapezoid(np.exp(-potential(x, variance)), x, initial=0)
    outer = cumulative_trapezoid(np.exp(potential(x, variance)) * inner, x, initial=0)
    return 2 / variance * np.interp(start, x, outer[-1] - outer)


@dataclass(frozen=True)
class Ellipse:
    """The points with xᵀ Σ⁻¹ x < size, or those beyond."""

    covariance: tuple
    size: float = 1.0
    beyond: bool = False

    n_states = 2

    @property
    def limits(self) -> np.ndarray:
        reach = np.sqrt(self.size * np.diag(self.covariance))
        return np.stack([-reach, reach], axis=1)

    def contains(self, points) -> np.ndarray:
        points = np.asarray(points)
        square = np.einsum("...i,ij,...j->...", points, np.linalg.inv(self.covariance), points)
        return np.asarray(square > self.size if self.beyond else square < self.size)


def brownian(covariance) -> SDE:
    factor = jnp.asarray(np.linalg.cholesky(covariance))
    return SDE(ParametricDrift(lambda x, t, p: 0 * x, {}), ConstantDiffusion(factor))


@pytest.mark.parametrize("correlation", [0.0, 0.7, -0.95])
def test_correlated_noise_leaves_an_ellipse(correlation):
    """τ = (1 − xᵀ Σ⁻¹ x)/2: the boundary is not on the grid and is met nevertheless."""
    covariance = ((1.0, correlation * 1.5), (correlation * 1.5, 2.25))
    found = exit_time(brownian(covariance), Ellipse(covariance), [[0.0, 0.0], [0.3, 0.2]]).isel(sample=0)
    x, y = np.meshgrid(found.grid_x1, found.grid_x2, indexing="ij")
    points = np.stack([x, y], axis=-1)
    exact = 0.5 * (1 - np.einsum("...i,ij,...j->...", points, np.linalg.inv(covariance), points))
    inside = exact > 0
    np.testing.assert_array_equal(found.exit_time_field.notnull(), inside)
    np.testing.assert_allclose(found.exit_time_field.values[inside], exact[inside], atol=4e-3)
    start = np.array([0.3, 0.2])
    there = 0.5 * (1 - start @ np.linalg.inv(covariance) @ start)
    np.testing.assert_allclose(found.exit_time, [0.5, max(there, 0.0)], atol=4e-3)


def test_exit_time_of_the_double_well_is_the_double_integral():
    """Draws with different noise, from the left well over the barrier to x = 0.3."""
    starts = np.array([[-1.2], [-0.5], [0.1], [0.5]])
    found = exit_time(wells(0.2, 0.5), Box([-np.inf], [0.3]), starts, limits=[(-2.5, 0.8)], points=401)
    for own, variance in zip(found.exit_time.values, (0.2, 0.5), strict=True):
        np.testing.assert_allclose(own[:3], passage_time(starts[:3, 0], 0.3, variance), rtol=2e-3)
        assert own[3] == 0
    assert found.exit_time.dims == ("sample", "point")
    with pytest.raises(DataError, match="not on the grid"):
        exit_time(wells(0.2, 0.5), Box([-np.inf], [0.3]), [9.0], limits=[(-2.5, 0.8)])


def test_exit_time_with_noise_that_depends_on_the_state():
    """Itô, f = 0 and Σ = (1 + x)² in (0, 1): τ = 2 ln(1 + x) − 2 x ln 2, of which (1 + x)² τ″/2 = −1."""
    sde = SDE(
        ParametricDrift(lambda x, t, p: 0 * x, {}), ParametricDiffusion(lambda x, t, p: (1 + x)[:, None], {})
    )
    found = exit_time(sde, Box([0.0], [1.0]), points=201).isel(sample=0)
    inside = found.exit_time_field.notnull().values
    x = found.grid_x1.values[inside]
    exact = 2 * np.log1p(x) - 2 * np.log(2) * x
    np.testing.assert_allclose(found.exit_time_field.values[inside], exact, atol=2e-5)


def test_committor_of_the_double_well_is_an_integral():
    """q(x) = ∫_a^x e^ψ/∫_a^b e^ψ, between boundaries that are not on the grid."""
    found = committor(
        wells(0.2, 0.5), Box([-5.0], [-0.9]), Box([1.05], [5.0]), limits=[(-2.0, 2.0)], points=201
    )
    x = np.linspace(-0.9, 1.05, 4001)
    for own, variance in zip(found.committor, (0.2, 0.5), strict=True):
        scale = cumulative_trapezoid(np.exp(potential(x, variance)), x, initial=0)
        exact = np.interp(found.grid_x1, x, scale / scale[-1])
        np.testing.assert_allclose(own, exact, atol=1e-3)


def test_committor_of_brownian_motion_in_a_ring():
    """q = ln(r/½)/ln 3 between the circles of radius ½ and 1½."""
    identity = ((1.0, 0.0), (0.0, 1.0))
    beyond = Ellipse(identity, 1.5**2, beyond=True)
    found = committor(brownian(identity), Ball([0.0, 0.0], 0.5), beyond, limits=[(-1.7, 1.7)] * 2)
    r = np.hypot(found.grid_x1.values[:, None], found.grid_x2.values)
    exact = np.clip(np.log(r / 0.5) / np.log(3), 0, 1)
    np.testing.assert_allclose(found.committor.isel(sample=0), exact, atol=5e-3)


LEFT, RIGHT = Box([-5.0], [-0.8]), Box([0.8], [5.0])


def test_passage_times_and_rates_of_the_double_well():
    """The mean first passage time is the double integral; the flux is that of the scale function."""
    found = transition_rates(wells(0.2, 0.4), LEFT, RIGHT, limits=[(-2.5, 2.5)], points=501)
    x = np.linspace(-2.5, 2.5, 20001)
    for variance, own in zip((0.2, 0.4), found.sample, strict=True):
        one = found.sel(sample=own)
        law = np.exp(-potential(x, variance))
        law /= trapezoid(law, x)
        left = x < -0.8
        expected = trapezoid((passage_time(x, 0.8, variance) * law)[left], x[left]) / trapezoid(
            law[left], x[left]
        )
        np.testing.assert_allclose(one.passage_time, expected, rtol=0.02)
        middle = np.abs(x) < 0.8
        flux = 0.5 * variance / trapezoid((1 / law)[middle], x[middle])
        np.testing.assert_allclose(one.reactive_flux, flux, rtol=0.02)
        np.testing.assert_allclose(one.rate, 2 * flux, rtol=0.02)
        np.testing.assert_allclose(one.probability_a, trapezoid(law[left], x[left]), rtol=0.02)
    np.testing.assert_allclose(found.rate, found.rate_back, rtol=5e-3)


def test_rates_tend_to_those_of_kramers():
    """k = √(V''(−1)|V''(0)|)/2π · exp(−2ΔV/σ²), with a relative error that falls like the noise, down to 10⁻²²."""
    variances = np.array([0.1, 0.06, 0.04, 0.01])
    found = transition_rates(wells(*variances), LEFT, RIGHT, limits=[(-2.0, 2.0)], points=401)
    kramers = np.sqrt(2) / (2 * np.pi) * np.exp(-0.5 / variances)
    error = np.abs(found.rate.values / kramers - 1)
    assert (error < 2.5 * variances).all()
    assert (np.diff(error) < 0).all()
    np.testing.assert_allclose((found.rate * found.passage_time)[:3], 1, atol=0.1)


def test_rates_into_and_out_of_a_region_that_is_almost_never_visited():
    """From a region of probability 10⁻¹⁸ the rate back is right; from one that underflows there is none."""
    spring = SDE(LinearDrift(jnp.eye(1), jnp.zeros(1)), ConstantDiffusion(jnp.eye(1)))
    near, far = Box([-9.0], [0.0]), Box([6.0], [9.0])
    found = transition_rates(spring, near, far, limits=[(-4.0, 7.0)], points=11001).isel(sample=0)
    x = np.linspace(0, 6, 20001)
    law = np.exp(-(x**2)) / np.sqrt(np.pi)
    flux = 0.5 / trapezoid(1 / law, x)
    np.testing.assert_allclose(found.reactive_flux, flux, rtol=0.02)
    hit = cumulative_trapezoid(1 / law, x, initial=0) / trapezoid(1 / law, x)
    from_far = trapezoid(law * hit, x) + norm.sf(6 * np.sqrt(2))
    np.testing.assert_allclose(found.rate_back, flux / from_far, rtol=0.02)
    nowhere = transition_rates(spring, near, Box([37.0], [39.0]), limits=[(-4.0, 40.0)], points=441).isel(
        sample=0
    )
    assert float(nowhere.reactive_flux) == 0
    assert np.isnan(nowhere.rate_back)
    assert np.isfinite(nowhere.probability_a)


@pytest.mark.thorough
def test_reactive_flux_against_counted_passages():
    """With a rotation the process does not keep detailed balance: committors forward and back differ."""
    from sdebayes.simulation import simulate

    sde = SDE(LinearDrift(jnp.array([[1.0, 2.0], [-2.0, 1.0]]), jnp.zeros(2)), ConstantDiffusion(jnp.eye(2)))
    a, b = Box([-9.0, -9.0], [-0.6, 9.0]), Box([0.6, -9.0], [9.0, 9.0])
    found = transition_rates(sde, a, b, points=121).isel(sample=0)
    paths = simulate(sde, np.arange(0, 20, 0.005), paths=100).x.values[0]
    place = np.where(a.contains(paths), 1, np.where(b.contains(paths), 2, 0))
    last = np.maximum.accumulate(np.where(place > 0, np.arange(place.shape[1]), 0), axis=1)
    last = np.take_along_axis(place, last, axis=1)
    passages = ((last[:, :-1] == 1) & (last[:, 1:] == 2)).sum(axis=1) / 20
    error = passages.std() / np.sqrt(len(passages))
    assert abs(passages.mean() - float(found.reactive_flux)) < 4 * error + 0.03 * passages.mean()


def test_slowest_rates_of_a_turning_linear_process():
    """The eigenvalues are the sums of those of the drift: −½ ± 2i, −1 (twice the real part), −1 ± 4i, …"""
    sde = SDE(LinearDrift(jnp.array([[0.5, 1.0], [-1.0, 0.5]]), jnp.zeros(2)), ConstantDiffusion(jnp.eye(2)))
    found = time_scales(sde, 3, points=81).isel(sample=0)
    np.testing.assert_allclose(found.real_part, [-0.5, -0.5, -1.0], rtol=0.03)
    np.testing.assert_allclose(found.imaginary_part, [1.0, -1.0, 0.0], atol=0.02)
    np.testing.assert_allclose(found.time_constant, [2.0, 2.0, 1.0], rtol=0.03)


def test_slowest_rate_of_one_state():
    """Ornstein–Uhlenbeck: −a, −2a, −3a."""
    sde = SDE(LinearDrift(jnp.array([[0.7]]), jnp.ones(1)), ConstantDiffusion(jnp.eye(1)))
    found = time_scales(sde, 3, limits=[(-6.0, 9.0)], points=201).isel(sample=0)
    np.testing.assert_allclose(found.real_part, [-0.7, -1.4, -2.1], rtol=0.02)
    assert np.isinf(found.period).all()


def test_the_slowest_scale_of_two_wells_is_the_exchange():
    """λ₁ → −2k for two equal wells."""
    found = time_scales(wells(0.05), 1, limits=[(-2.0, 2.0)], points=401)
    rate = transition_rates(wells(0.05), LEFT, RIGHT, limits=[(-2.0, 2.0)], points=401).rate
    np.testing.assert_allclose(-found.real_part[:, 0], 2 * rate, rtol=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exit_time(wells(0.2), Ball([0.0, 0.0], 1.0)), "A region has 2 states"),
        (lambda: exit_time(wells(0.2), Ball([0.0], 1.0), limits=[(2.0, 3.0)]), "None of the"),
        (lambda: exit_time(wells(0.2), Ball([0.0], 9.0), limits=[(2.0, 3.0)]), "All of the"),
        (lambda: exit_time(wells(0.2), Ball([0.0], 1.0), [0.0, 0.0]), "states"),
        (lambda: committor(wells(0.2), LEFT, Ball([-1.0], 1.0), limits=[(-2.0, 2.0)]), "overlap"),
        (lambda: committor(wells(0.2), LEFT, RIGHT, limits=[(-2.0, 0.0)]), "region b"),
        (lambda: committor(wells(0.2), LEFT, RIGHT), "Pass limits"),
        (lambda: time_scales(wells(0.2), 0, limits=[(-2.0, 2.0)]), "count"),
    ],
)
def test_arguments_that_cannot_be_used(call, message):
    with pytest.raises(DataError, match=message):
        call()


def test_more_than_two_states_do_not_fit_a_grid(rotation):
    with pytest.raises(DataError, match="1 or 2 states"):
        time_scales(rotation)
