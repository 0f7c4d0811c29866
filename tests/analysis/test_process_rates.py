"""How often the tests of fit reject, where the parameters are known only as far as a posterior knows them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import solve_continuous_lyapunov
from scipy.stats import binomtest

from sdebayes._core import precision
from sdebayes.analysis.process import fit_tests
from sdebayes.criticism import innovations
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ObservedSDE, ParametricDrift
from sdebayes.simulation import as_source, simulate

SETS, REPLICATES, PATHS, TIMES = 400, 99, 6, np.arange(40.0)
LEVELS = (0.05, 0.1)


def uncertain(count: int, spread: float, seed: int):
    """Draws of a noisy linear SDE in two states whose numbers vary by ``spread``."""
    generator = np.random.default_rng(seed)
    models = []
    with precision.scope("float64"):
        for _ in range(count):
            size = np.exp(spread * generator.normal(size=6))
            A = np.array([[0.3 * size[0], 0.2 * size[0]], [-0.1 * size[1], 0.15 * size[1]]])
            G = np.diag([0.7 * size[2], 0.5 * size[3]])
            P = solve_continuous_lyapunov(A, G @ G.T)
            sde = SDE(
                LinearDrift(jnp.asarray(A), spread * jnp.asarray(generator.normal(size=2))),
                ConstantDiffusion(jnp.asarray(G)),
            )
            noise = jnp.asarray(np.diag([0.5 * size[4], 0.3 * size[5]]))
            effect = jnp.asarray(np.diag([0.4, 0.1]))
            models.append(ObservedSDE(sde, sde.drift.location, jnp.asarray(P), jnp.eye(2), noise, effect))
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *models)


def p_values(source, data, seed: int) -> list[float]:
    judge = innovations.Judge.of(source, data)
    replicated = judge.replicated(REPLICATES, seed)
    return [
        float(fit_tests.stationarity_of(judge, data, replicated).p_value),
        float(fit_tests.markov_of(judge, data, replicated, 3).p_value),
        float(fit_tests.gaussian_of(judge, data, replicated).p_value),
    ]


def report(p: np.ndarray, names: tuple[str, ...]) -> dict[tuple[str, float], tuple[float, float, float]]:
    found = {}
    for name, column in zip(names, p.T, strict=True):
        for level in LEVELS:
            count = int((column <= level).sum())
            interval = binomtest(count, len(column)).proportion_ci(0.99, "wilson")
            found[name, level] = (count / len(column), interval.low, interval.high)
            print(f"{name} at {level}: {count}/{len(column)}, 99 % {interval.low:.3f}–{interval.high:.3f}")
    return found


NAMES = ("stationarity", "markov", "gaussian")


@pytest.mark.slow
def test_false_alarms_with_uncertain_parameters():
    """400 truths from the law of 99 draws, each with its data: no test rejects the right model too often."""
    source = as_source(uncertain(REPLICATES, 0.15, seed=0))
    truths = simulate(uncertain(SETS, 0.15, seed=1), TIMES, paths=PATHS, seed=2)["y"].values
    p = np.array([p_values(source, trajectories(y), seed) for seed, y in enumerate(truths)])
    for (name, level), (share, low, high) in report(p, NAMES).items():
        assert low <= level, (name, level, share, low, high)


@pytest.mark.slow
def test_false_alarms_of_a_nonlinear_process():
    """A double well seen through noise, judged by the extended Kalman filter, whose errors the replicates share."""
    with precision.scope("float64"):
        well = ObservedSDE(
            SDE(ParametricDrift(lambda x, t, p: x - x**3, {}), ConstantDiffusion(0.7 * jnp.eye(1))),
            jnp.zeros(1), jnp.eye(1), jnp.eye(1), 0.1 * jnp.eye(1), jnp.zeros((1, 1)),
        )  # fmt: skip
    times = 0.3 * TIMES
    data = trajectories(simulate(well, times, paths=PATHS)["y"].values[0], t=times)
    judge = innovations.Judge.of(well, data)
    made = judge.replicated(100, seed=3).values
    p = np.array([p_values(judge.source, data.assign(y=data.y.copy(data=y)), s) for s, y in enumerate(made)])
    for (name, level), (share, low, high) in report(p[:, 1:], NAMES[1:]).items():
        assert low <= level <= high, (name, level, share, low, high)


def violations(generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Data of one state, (6, 40, 1), each breaking one assumption of an OU of variance 1 and e⁻⁰·² a step."""
    rho, shape = np.exp(-0.2), (PATHS, TIMES.size)
    noise = np.sqrt(0.1) * generator.normal(size=shape)
    normal = generator.normal(size=shape)
    heavy = generator.standard_t(3, size=shape) / np.sqrt(3)
    right, tailed, memory = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    right[:, 0] = tailed[:, 0] = memory[:, 0] = normal[:, 0]
    first, second = rho * (1 + 0.5), -0.5  # AR(2) with the same value at lag 1
    scale = np.sqrt((1 - second**2) * (1 - rho**2))
    for k in range(1, TIMES.size):
        right[:, k] = rho * right[:, k - 1] + np.sqrt(1 - rho**2) * normal[:, k]
        tailed[:, k] = rho * tailed[:, k - 1] + np.sqrt(1 - rho**2) * heavy[:, k]
        memory[:, k] = first * memory[:, k - 1] + second * memory[:, k - 2] * (k > 1) + scale * normal[:, k]
    parts = {"none": right, "trend": right + 0.05 * TIMES, "AR(2)": memory, "Student-t": tailed}
    return {name: (part + noise)[..., None] for name, part in parts.items()}


@pytest.mark.slow
def test_power():
    """Each test finds its own violation in most of 100 small data sets."""
    with precision.scope("float64"):
        sde = SDE(LinearDrift(0.2 * jnp.eye(1), jnp.zeros(1)), ConstantDiffusion(np.sqrt(0.4) * jnp.eye(1)))
        one = ObservedSDE(sde, jnp.zeros(1), jnp.eye(1), jnp.eye(1), 0.1 * jnp.eye(1), jnp.zeros((1, 1)))
    source = as_source(one)
    generator = np.random.default_rng(0)
    sets = [violations(generator) for _ in range(100)]
    shares = {}
    for violation in sets[0]:
        p = np.array([p_values(source, trajectories(own[violation]), s) for s, own in enumerate(sets)])
        print(violation)
        shares[violation] = {
            name: found[0] for (name, level), found in report(p, NAMES).items() if level == 0.05
        }
    assert shares["trend"]["stationarity"] > 0.5
    assert shares["AR(2)"]["markov"] > 0.5
    assert shares["Student-t"]["gaussian"] > 0.5
    assert max(shares["none"].values()) < 0.15
