"""Time reversal and mixing: exact p-values of flips, false alarms, power, and known spectral gaps."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binomtest

from sdebayes._core.errors import DataError
from sdebayes.analysis import process
from sdebayes.analysis.process import reversal
from sdebayes.data import trajectories
from sdebayes.datasets import benchmark
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ParametricDrift
from sdebayes.simulation import simulate


def linear(rates, factor) -> SDE:
    return SDE(LinearDrift(jnp.asarray(rates), jnp.zeros(len(rates))), ConstantDiffusion(jnp.asarray(factor)))


def noisy_paths(sde: SDE, count: int, paths: int, steps: int = 60, seed: int = 0) -> np.ndarray:
    """Data sets (sample, trajectory, time, state) with noise and a level of each trajectory."""
    x = simulate(sde, np.arange(float(steps)), paths=count * paths, seed=seed)["x"].values[0]
    generator = np.random.default_rng(seed)
    y = x + 0.5 * generator.normal(size=x.shape) + generator.normal(size=(len(x), 1, x.shape[-1]))
    return y.reshape(count, paths, steps, -1)


def test_reading_backwards_changes_every_sign():
    z = np.random.default_rng(0).normal(size=(5, 20, 3))
    for part in (reversal.cross_asymmetry, reversal.third_order_asymmetry):
        np.testing.assert_allclose(part(z[:, ::-1], 2), -part(z, 2), atol=1e-9)


@pytest.mark.parametrize("count", [80, pytest.param(400, marks=pytest.mark.slow)])
def test_false_alarms_at_five_percent(count):
    """A gradient drift with correlated noise, observed with noise and trajectory levels, data sets of 8."""
    sets = noisy_paths(linear(0.5 * np.eye(2), np.array([[1.0, 0.0], [0.5, 0.8]])), count, 8)
    p = np.array([float(process.reversibility(trajectories(y)).p_value) for y in sets])
    alarms = int((p <= 0.05).sum())
    interval = binomtest(alarms, count).proportion_ci(0.99, "wilson")
    assert interval.low <= 0.05 <= interval.high, (alarms, interval)


@pytest.mark.parametrize("paths", [8, 20])
def test_a_rotation_is_found(paths):
    y = noisy_paths(linear([[0.4, 0.5], [-0.5, 0.4]], np.eye(2)), 1, paths)[0]
    found = process.reversibility(trajectories(y))
    assert float(found.p_value) < 0.02
    assert float(found.term_p_value.sel(term="cross-covariance")) < 0.02
    assert float(found.term_p_value.sel(term="third order")) > 0.02
    assert float(found.asymmetry[0, 1]) > 0.05  # f = (.., +0.5 x1): the second state follows the first
    np.testing.assert_allclose(found.asymmetry, -found.asymmetry.values.T, atol=1e-12)


def test_a_sawtooth_is_found_in_one_state():
    """It climbs slowly and falls at once."""
    generator = np.random.default_rng(2)
    phase = generator.uniform(size=(10, 1)) + np.arange(80) / 8
    y = (phase % 1 + 0.2 * generator.normal(size=phase.shape))[..., None]
    found = process.reversibility(trajectories(y))
    assert float(found.p_value) < 0.02
    assert np.isnan(found.term_p_value.values[0])


def test_too_few_trajectories():
    y = noisy_paths(linear(np.eye(2), np.eye(2)), 1, 5)[0]
    with pytest.raises(DataError, match="5 trajectories"):
        process.reversibility(trajectories(y))
    with pytest.raises(DataError, match="lags=60"):
        process.reversibility(trajectories(np.repeat(y, 2, axis=0)), lags=60)


def test_mixing_time_of_linear_processes(rotation):
    """The eigenvalues of both draws are 0.5 ± 2i, 0.1 and twice these."""
    found = process.mixing_time(rotation)
    np.testing.assert_allclose(found, [10.0, 5.0], rtol=1e-6)
    assert np.isinf(process.mixing_time(linear(-np.eye(1), np.eye(1)))[0])


@pytest.mark.thorough
def test_mixing_time_of_simulated_paths():
    sde = SDE(ParametricDrift(lambda x, t, p: -jnp.array([0.5, 2.0]) * x, {}), ConstantDiffusion(jnp.eye(2)))
    found = process.mixing_time(sde, times=np.arange(0, 400, 0.5), x0=np.zeros(2), paths=64)
    assert float(found[0]) == pytest.approx(2.0, rel=0.06)
    with pytest.raises(DataError, match="evenly spaced"):
        process.mixing_time(sde, times=np.arange(16.0) ** 2, x0=np.zeros(2))


@pytest.mark.thorough
def test_mixing_time_of_a_double_well_is_its_spectral_gap():
    """The second eigenvalue of the generator, from a finite-difference matrix in detailed balance."""
    _, sde = benchmark("double_well_1d", 3, 0.1)
    x = np.linspace(-2, 2, 401)
    h, D = x[1] - x[0], 0.125
    potential = -(x**2) + 0.75 * x**4
    up = D / h**2 * np.exp(-(potential[1:] - potential[:-1]) / (2 * D))
    down = D / h**2 * np.exp((potential[1:] - potential[:-1]) / (2 * D))
    generator = np.diag(up, 1) + np.diag(down, -1)
    generator -= np.diag(generator.sum(axis=1))
    gap = np.sort(-np.linalg.eigvals(generator).real)[1]
    found = process.mixing_time(sde, times=np.arange(0, 30 / gap, 0.2 / gap), x0=np.zeros(1), paths=80)
    assert float(found[0]) == pytest.approx(1 / gap, rel=0.15)
