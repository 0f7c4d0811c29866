"""Simulation-based calibration: ranks of the truth among posterior draws of data from the fitted likelihood's own law.

Truth, data and draws come from the model's prior, sequential law and posterior, so that every rank is uniform if the
sampler is right: Talts, Betancourt, Simpson, Vehtari & Gelman (2018), arXiv 1804.06788. Ranked are drift and Σ at
fixed places and the log-likelihood (Modrák et al. 2023, doi:10.1214/23-BA1404); the band holds the whole empirical
distribution function of the ranks (Säilynoja, Bürkner & Vehtari 2022, doi:10.1007/s11222-022-10090-6).
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed, trace

import sdebayes as sb
from sdebayes._core import precision
from sdebayes.inference.strategy import Problem
from sdebayes.inference.target import Target, make_target
from sdebayes.model import likelihood
from sdebayes.model.generate import generate
from sdebayes.model.observations import Observations
from sdebayes.model.rebuild import constrained_sites, per_draw, rebuild

STEPS, DT, KEPT = 60, 0.2, 49
PLACES = jnp.array([[-1.0], [0.0], [1.0]])
BAND = 0.99
DRIFTS = {
    "GP": sb.priors.GP(basis=sb.priors.HSGP(functions=6)),
    "BNN": sb.priors.BNN(hidden=(4,)),
}


class Study:
    """One model, frozen at a reference: every fit shares its compiled code."""

    def __init__(self, drift: str) -> None:
        reference, _ = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 400, DT, seed=0)
        model = sb.SDEModel(DRIFTS[drift], sb.priors.Constant(), observation=sb.Exact())
        self.model = model.scaled_to(reference)
        observations = self.read(reference["y"].values[0, :STEPS])
        self.target = make_target(self.model.program, self.model.build, observations, jax.random.key(0))

        def draw(key):
            with seed(rng_seed=key), trace():
                observed = self.model.build()
            return observed, generate(observed, self.model.discretization, observations, key)

        def quantities(observed, data):
            terms = likelihood.log_density(observed, self.model.discretization, self.model.observation, data)
            sde = observed.sde
            values = [
                jax.vmap(sde.drift)(PLACES).ravel(),
                sde.covariance(PLACES[0]).ravel(),
                terms.sum()[None],
            ]
            return jnp.concatenate(values)

        self.draw = jax.jit(draw)
        self.true_quantities = eqx.filter_jit(quantities)
        self.quantities = per_draw(
            lambda z, data: quantities(
                rebuild(self.model, constrained_sites(self.model, self.target.density.unravel(z))), data
            )
        )

    def read(self, values: np.ndarray) -> Observations:
        """Read states, (time, state), at the study's times."""
        return self.model.read(sb.trajectories([values], t=[DT * np.arange(STEPS)]))

    def ranks(self, number: int, strategy: sb.NUTS) -> np.ndarray:
        """Draw truth and data, and return the rank of each true quantity among the posterior's, (quantity,)."""
        truth, values = self.draw(jax.random.key(1000 + number))
        data = self.read(np.asarray(values[0]))
        target = Target(self.target.density, data, self.target.start)
        problem = Problem(self.model, data, target)
        draws = strategy.run(problem, jax.random.key(number), precision="float64", progress=False)
        positions = draws.position.reshape(-1, target.dimension)
        kept = positions[np.linspace(0, len(positions) - 1, KEPT).astype(int)]
        true = np.asarray(self.true_quantities(truth, data))
        return np.sum(self.quantities(kept, data) < true, axis=0)


def band(count: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Bounds that hold the number of uniform ranks at most 0, 1, …, KEPT together with a probability, (rank,)."""
    rng = np.random.default_rng(0)
    ranks = rng.integers(0, KEPT + 1, (4000, count))
    below = np.sum(ranks[:, :, None] <= np.arange(KEPT), axis=1)
    order = np.sort(below, axis=0)
    cut = next(
        cut
        for cut in range(200, -1, -1)
        if np.mean(np.all((order[cut] <= below) & (below <= order[-1 - cut]), axis=1)) >= level
    )
    return order[cut], order[-1 - cut]


def outside(ranks: np.ndarray, level: float = BAND) -> list[int]:
    """Which quantities have ranks, (data set, quantity), whose distribution leaves the band."""
    count, quantities = ranks.shape
    low, high = band(count, 1 - (1 - level) / quantities)
    below = np.sum(ranks[:, None, :] <= np.arange(KEPT)[:, None], axis=0)
    inside = (low[:, None] <= below) & (below <= high[:, None])
    return list(np.flatnonzero(~inside.all(axis=0)))


def study(drift: str, count: int, strategy: sb.NUTS) -> np.ndarray:
    with precision.scope("float64"), precision.single_blas_thread():
        one = Study(drift)
        return np.array([one.ranks(number, strategy) for number in range(count)])


def test_ranks_of_a_gaussian_process_are_uniform():
    assert outside(study("GP", 64, sb.NUTS(draws=100, warmup=75, chains=1))) == []


@pytest.mark.slow
@pytest.mark.parametrize("drift", DRIFTS)
def test_ranks_are_uniform(drift):
    ranks = study(drift, 200, sb.NUTS(draws=200, warmup=150, chains=2))
    print(
        f"{drift}: mean ranks {np.round(ranks.mean(0) / KEPT, 3)}, expected 0.5 ± {0.29 / np.sqrt(len(ranks)):.3f}"
    )
    assert outside(ranks) == []


@pytest.mark.parametrize("fault", [lambda z: 0.5 * z, lambda z: 1.7 * z, lambda z: z + 0.6])
def test_the_band_finds_draws_that_are_too_wide_too_narrow_or_shifted(fault):
    rng = np.random.default_rng(1)
    truth, draws = rng.normal(size=64), rng.normal(size=(64, KEPT))
    good = np.sum(draws < truth[:, None], axis=1)
    bad = np.sum(fault(draws) < truth[:, None], axis=1)
    assert outside(good[:, None]) == []
    assert outside(bad[:, None]) == [0]
