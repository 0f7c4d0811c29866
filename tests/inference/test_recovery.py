"""Recovery of rotating Ornstein–Uhlenbeck processes under noise: 90 % bands of the drift cover at their rate.

The data are simulated by NumPy from a law whose constants SciPy computes. One compiled program draws from the
posterior of any of the data sets, which have the same shape: the model's own NumPyro program with the observed values
as its argument, sampled by NumPyro's NUTS with the start and the mass matrix that the mode of another data set gives.
"""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from scipy import linalg

import sdebayes as sb
from sdebayes._core import precision
from sdebayes.inference.curvature import curvature_units
from sdebayes.inference.mode import find_mode
from sdebayes.inference.target import make_target
from sdebayes.likelihood import TrajectoryLaw
from sdebayes.model.rebuild import read_draw

SEEDS = 100
WARMUP, DRAWS = 100, 200
TRAJECTORIES, STEPS = 10, 50

TRUTHS = {
    2: (np.array([[0.25, 0.6], [-0.5, 0.2]]), np.array([0.5, -1.0]), np.array([0.4, 0.3])),
    3: (
        np.array([[0.3, 0.5, 0.0], [-0.5, 0.3, 0.2], [0.1, 0.0, 0.4]]),
        np.array([0.5, -1.0, 0.0]),
        np.array([0.4, 0.3, 0.5]),
    ),
}


class Truth:
    """A rotating OU process seen through noise and a trajectory effect."""

    def __init__(self, n: int) -> None:
        self.A, self.b, sigma = TRUTHS[n]
        self.P = linalg.solve_continuous_lyapunov(self.A, np.diag(sigma))
        self.noise_sd, self.effect_sd = 0.4 * np.sqrt(np.diag(self.P)), 0.3 * np.sqrt(np.diag(self.P))
        offsets = 0.8 * np.linalg.cholesky(self.P).T
        self.probes = self.b + np.vstack([np.zeros(n), offsets, -offsets])
        self.drift = (self.b - self.probes) @ self.A.T

    def simulate(self, seed: int):
        """Draw trajectories at unit steps, the first state from the stationary law."""
        rng, n = np.random.default_rng(seed), len(self.b)
        flow = linalg.expm(-self.A)
        start = np.linalg.cholesky(self.P)
        factor = np.linalg.cholesky(self.P - flow @ self.P @ flow.T)
        x = [rng.normal(size=(TRAJECTORIES, n)) @ start.T]
        for _ in range(STEPS - 1):
            x.append(x[-1] @ flow.T + rng.normal(size=(TRAJECTORIES, n)) @ factor.T)
        effect = self.effect_sd * rng.normal(size=(TRAJECTORIES, 1, n))
        noise = self.noise_sd * rng.normal(size=(TRAJECTORIES, STEPS, n))
        return sb.trajectories(list(self.b + np.stack(x, axis=1) + effect + noise))

    def model(self) -> sb.SDEModel:
        """A prior that has seen no data: constants of the right order only."""
        n = len(self.b)
        return sb.SDEModel(
            sb.priors.Linear(location=0.0, location_spread=2.0),
            sb.priors.Constant(time_constant=5.0),
            observation=sb.GaussianNoise(trajectory_effect=True, total_variance=np.full(n, 1.5), spread=1.0),
        )


def posterior_drift(truth: Truth) -> Callable[[np.ndarray, jax.Array], np.ndarray]:
    """Compile a function from observed values and a key to draws of the drift at the probes, (draw, point, state)."""
    data = truth.simulate(0)
    model = truth.model().scaled_to(data)
    observations = model.read(data)
    assert observations.shared
    target = make_target(model.program, model.build, model.read(data), jax.random.key(0))
    mode = find_mode(target, jax.random.key(1))
    factor = curvature_units(target, mode, target.dimension).factor

    @jax.jit
    def run(values: jax.Array, key: jax.Array) -> jax.Array:
        seen = eqx.tree_at(lambda o: o.values, observations, values)

        def program() -> None:
            law = TrajectoryLaw(model.build(), model.likelihood, seen)
            numpyro.sample("y", law, obs=values)

        def potential(z: jax.Array) -> jax.Array:
            value = numpyro.infer.util.potential_energy(program, (), {}, target.unravel(z))
            return jnp.where(jnp.isfinite(value), value, jnp.inf)

        kernel = numpyro.infer.NUTS(
            potential_fn=potential,
            inverse_mass_matrix=factor @ factor.T,
            dense_mass=True,
            adapt_mass_matrix=False,
            max_tree_depth=7,
        )
        state = kernel.init(key, WARMUP, init_params=mode.position)

        def step(state, _):
            state = kernel.sample(state, (), {})
            return state, state.z

        _, positions = jax.lax.scan(step, state, None, length=WARMUP + DRAWS)

        def drift(z: jax.Array) -> jax.Array:
            observed = read_draw(model, target.unravel(z)).observed
            return jax.vmap(observed.sde.drift)(jnp.asarray(truth.probes))

        return jax.lax.map(drift, positions[WARMUP:])

    return lambda values, key: np.asarray(run(jnp.asarray(values), key))


def wilson(share: float, count: int, z: float = 2.5758) -> tuple[float, float]:
    """Wilson's 99 % interval of a proportion; Wilson (1927), doi:10.1080/01621459.1927.10502953."""
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return centre - half, centre + half


def coverage(n: int, seeds: int) -> np.ndarray:
    """Share of the drift's components at the probes that the 90 % band of each data set covers, (seed,)."""
    truth = Truth(n)
    shares = []
    with precision.scope("float64"), precision.single_blas_thread():
        draw = posterior_drift(truth)
        for seed in range(seeds):
            values = truth.simulate(1000 + seed)["y"].values
            drift = draw(values, jax.random.key(seed))
            low, high = np.quantile(drift, [0.05, 0.95], axis=0)
            shares.append(np.mean((low <= truth.drift) & (truth.drift <= high)))
    return np.array(shares)


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 3])
def test_bands_of_the_drift_cover_at_their_rate(n):
    shares = coverage(n, SEEDS)
    low, high = wilson(float(shares.mean()), SEEDS)
    error = shares.std(ddof=1) / np.sqrt(SEEDS)
    print(f"{n} states: coverage {shares.mean():.3f} ± {error:.3f}, Wilson 99 % [{low:.3f}, {high:.3f}]")
    assert high >= 0.85, f"the 90 % bands cover {shares.mean():.1%} ({low:.1%} to {high:.1%})"
    assert low <= 0.95, f"the 90 % bands cover {shares.mean():.1%} ({low:.1%} to {high:.1%})"


def test_wilsons_interval():
    """Against the roots of (p − p̂)² = z² p (1 − p)/n."""
    for share, count in ((0.9, 100), (1.0, 20), (0.3, 7)):
        z = 2.5758
        roots = np.roots([1 + z**2 / count, -2 * share - z**2 / count, share**2])
        np.testing.assert_allclose(wilson(share, count), np.sort(roots), atol=1e-9)
