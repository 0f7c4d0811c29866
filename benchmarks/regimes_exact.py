"""Say what 90 % intervals of regimes hold under the exact posterior, computed another way than by the package.

Two Ornstein–Uhlenbeck processes of one state, variance 1, levels two standard deviations apart, mean dwell 15 steps, a
time constant of half a step or of two, trajectories of 60 steps; the prior of ``Regimes(2)`` with a shared Σ, frozen at
other such data. A forward algorithm in JAX, particles tempered from the prior to the posterior and moved by random
walks; labels by the package's rule, and in the order of levels. Draws are kept in a folder; a run goes on from there.
`regimes.py` has it as the command ``exact``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from record import keep
from scipy.optimize import linear_sum_assignment

from sdebayes.posterior.relabelling import orders

APART, DWELL, STEPS = 2.0, 15.0, 60
MOVES, READ = 8, 200


class Prior(NamedTuple):
    """Middle and spread of levels; logs of the middles of P, Σ and rates, of which all but those of rates have sd 1."""

    level: float
    spread: float
    log_variance: float
    log_diffusion: float
    log_rate: float = -np.log(17.18)
    rate_spread: float = 1.234


PRIORS = {
    0.5: Prior(0.8973, 1.351, np.log(1.827), np.log(1.769)),
    2.0: Prior(0.9629, 1.265, np.log(1.601), np.log(0.7955)),
}


class Parameters(NamedTuple):
    """Levels, variances and rates of leaving of both regimes, and Σ."""

    level: jax.Array
    variance: jax.Array
    rate: jax.Array
    diffusion: jax.Array


def simulated(seed: int, time_constant: float, trajectories: int) -> np.ndarray:
    """Return states, (trajectory, time)."""
    rng = np.random.default_rng([seed, 2])
    keep_, stay = np.exp(-1 / time_constant), 0.5 + 0.5 * np.exp(-2 / DWELL)
    values = []
    for _ in range(trajectories):
        z = int(rng.integers(2))
        x = [APART * z + rng.standard_normal()]
        for _ in range(STEPS - 1):
            noise = np.sqrt(1 - keep_**2) * rng.standard_normal()
            x.append(APART * z + keep_ * (x[-1] - APART * z) + noise)
            z = z if rng.random() < stay else int(rng.choice([1 - z]))
        values.append(x)
    return np.array(values)


def parameters(u: jax.Array, prior: Prior) -> Parameters:
    """Make standard normal values, (7,), the parameters."""
    return Parameters(
        prior.level + prior.spread * u[0:2],
        jnp.exp(prior.log_variance + u[2:4]),
        jnp.exp(prior.log_rate + prior.rate_spread * u[4:6]),
        jnp.exp(prior.log_diffusion + u[6]),
    )


def chain(rate: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the law of the first regime, and of a step to the next."""
    total = rate.sum()
    leave = rate / total * (1 - jnp.exp(-total))
    return rate[::-1] / total, jnp.array([[1 - leave[0], leave[0]], [leave[1], 1 - leave[1]]])


def densities(u: jax.Array, y: jax.Array, prior: Prior) -> tuple[jax.Array, jax.Array]:
    """Return log densities of first states, (trajectory, regime), and of steps, (trajectory, step, regime)."""
    level, variance, _, diffusion = parameters(u, prior)
    kept = jnp.exp(-0.5 * diffusion / variance)
    mean = level + kept * (y[:, :-1, None] - level)
    after = norm.logpdf(y[:, 1:, None], mean, jnp.sqrt(variance * (1 - kept**2)))
    return norm.logpdf(y[:, 0, None], level, jnp.sqrt(variance)), after


def log_likelihood(u: jax.Array, y: jax.Array, prior: Prior) -> jax.Array:
    """Return log p(y | θ) by the forward algorithm."""
    initial, move = chain(parameters(u, prior).rate)
    first, after = densities(u, y, prior)

    def meet(weights: jax.Array, term: jax.Array) -> tuple[jax.Array, jax.Array]:
        most = term.max(-1, keepdims=True)
        joint = weights * jnp.exp(term - most)
        total = joint.sum(-1, keepdims=True)
        return joint / total, (jnp.log(total) + most)[:, 0]

    def step(weights: jax.Array, term: jax.Array) -> tuple[jax.Array, jax.Array]:
        known, density = meet(weights, term)
        return known @ move, density

    known, density = meet(initial, first)
    return density.sum() + jax.lax.scan(step, known, jnp.swapaxes(after, 0, 1))[1].sum()


def of_steps(u: jax.Array, y: jax.Array, prior: Prior) -> jax.Array:
    """Return the probabilities of regimes at all steps given all data, (step, regime)."""
    initial, move = chain(parameters(u, prior).rate)
    first, after = densities(u, y, prior)
    terms = after.at[:, 0].add(first)
    weights = jnp.swapaxes(jnp.exp(terms - terms.max(-1, keepdims=True)), 0, 1)

    def onwards(before: jax.Array, weight: jax.Array) -> tuple[jax.Array, jax.Array]:
        known = before * weight
        known = known / known.sum(-1, keepdims=True)
        return known @ move, known

    def back(later: jax.Array, weight: jax.Array) -> tuple[jax.Array, jax.Array]:
        own = (later * weight) @ move.T
        return own / own.sum(-1, keepdims=True), later

    _, forward = jax.lax.scan(onwards, jnp.broadcast_to(initial, weights[0].shape), weights)
    _, backward = jax.lax.scan(back, jnp.ones_like(weights[0]), weights, reverse=True)
    both = forward * backward
    both = jnp.swapaxes(both / both.sum(-1, keepdims=True), 0, 1)
    return jnp.concatenate([both[:, :1], both], 1).reshape(-1, 2)


@partial(jax.jit, static_argnames="prior")
def likelihoods(u: jax.Array, y: jax.Array, prior: Prior) -> jax.Array:
    return jax.vmap(log_likelihood, (0, None, None))(u, y, prior)


@partial(jax.jit, static_argnames="prior")
def moved(
    key: jax.Array,
    u: jax.Array,
    values: jax.Array,
    heat: float,
    factor: jax.Array,
    y: jax.Array,
    prior: Prior,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Move particles by random walks on the tempered posterior; also the share of moves that were taken."""

    def one(
        state: tuple[jax.Array, jax.Array], key: jax.Array
    ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        u, values = state
        step_key, choice_key = jax.random.split(key)
        there = u + jax.random.normal(step_key, u.shape) @ factor.T
        new = likelihoods(there, y, prior)
        gain = heat * (new - values) - 0.5 * ((there**2).sum(-1) - (u**2).sum(-1))
        taken = jnp.log(jax.random.uniform(choice_key, values.shape)) < gain
        return (jnp.where(taken[:, None], there, u), jnp.where(taken, new, values)), taken.mean()

    (u, values), shares = jax.lax.scan(one, (u, values), jax.random.split(key, MOVES))
    return u, values, shares.mean()


def next_heat(values: np.ndarray, heat: float) -> float:
    """Return the largest exponent under which half of the particles count."""

    def share(there: float) -> float:
        weights = np.exp((there - heat) * (values - values.max()))
        return float(weights.sum() ** 2 / (weights**2).sum() / len(weights))

    low, high = heat, 1.0
    if share(1.0) >= 0.5:
        return 1.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if share(middle) > 0.5 else (low, middle)
    return low


def posterior(y: np.ndarray, prior: Prior, particles: int, seed: int) -> np.ndarray:
    """Draw from the posterior, (particle, 7), in units of the prior."""
    rng, key = np.random.default_rng(seed), jax.random.key(seed)
    u = rng.standard_normal((particles, 7))
    values, heat, scale = np.asarray(likelihoods(u, y, prior)), 0.0, 2.38 / np.sqrt(7)
    while heat < 1:
        there = next_heat(values, heat)
        weights = np.exp((there - heat) * (values - values.max()))
        places = (np.arange(particles) + rng.random()) / particles
        chosen = np.searchsorted(np.cumsum(weights / weights.sum()), places).clip(max=particles - 1)
        u, values, heat = u[chosen], values[chosen], there
        for _ in range(2 if heat < 1 else 4):
            factor = scale * np.linalg.cholesky(np.cov(u.T) + 1e-9 * np.eye(7))
            key, own = jax.random.split(key)
            u, values, share = (np.asarray(one) for one in moved(own, u, values, heat, factor, y, prior))
            scale *= np.exp(float(share) - 0.25)
    return u


def judge(u: np.ndarray, y: np.ndarray, prior: Prior, time_constant: float) -> list[float]:
    """Return shares of levels, rates and dwell times that are held, of levels in their order, and of draws."""
    u = u[np.random.default_rng(0).permutation(len(u))[:READ]]
    steps = np.asarray(jax.vmap(of_steps, (0, None, None))(u, y, prior))
    values = np.asarray(jax.vmap(log_likelihood, (0, None, None))(u, y, prior)) - 0.5 * (u**2).sum(-1)
    order = orders(steps, int(values.argmax()))
    steps = np.take_along_axis(steps, order[:, None], axis=2)
    level, variance, rate, diffusion = (np.asarray(one) for one in jax.vmap(parameters, (0, None))(u, prior))
    kinds = level, 0.5 * diffusion[:, None] / variance, 1 / rate
    level, *rest = (np.take_along_axis(one, order, axis=1) for one in kinds)
    truth = APART * np.arange(2)
    own = linear_sum_assignment(np.abs(truth[:, None] - np.median(level, axis=0)))[1]

    def held(draws: np.ndarray, true: np.ndarray | float) -> float:
        low, high = np.quantile(draws, [0.05, 0.95], axis=0)
        return float(np.mean((low <= true) & (true <= high)))

    few = np.mean(steps.mean(1).min(1) < 0.2)
    disagreement = 0.5 * np.abs(steps - steps.mean(0)).sum(-1).mean()
    by_label = [
        held(draws[:, own], true)
        for draws, true in zip((level, *rest), (truth, 1 / time_constant, DWELL), strict=True)
    ]
    return [*by_label, held(np.sort(level, axis=1), truth), float(few), float(disagreement)]


def exact(
    folder: Path, time_constant: float = 2.0, trajectories: int = 10, sets: int = 60, particles: int = 800
) -> None:
    """Draw from the posteriors of data sets, and say what their intervals hold."""
    jax.config.update("jax_enable_x64", True)
    folder.mkdir(parents=True, exist_ok=True)
    prior, rows = PRIORS[time_constant], []
    for seed in range(sets):
        y = simulated(seed, time_constant, trajectories)
        kept = folder / f"{time_constant:g}-{trajectories}-{particles}-{seed}.npy"
        if not kept.exists():
            np.save(kept, posterior(y, prior, particles, seed))
        rows.append(judge(np.load(kept), y, prior, time_constant))
    found = np.array(rows)
    mean, error = found.mean(0), found.std(0, ddof=1) / np.sqrt(sets)
    names = ("levels", "rates", "dwell times", "levels in order")
    said = [f"{name} {m:.2f} ± {e:.2f}" for name, m, e in zip(names, mean, error, strict=False)]
    least, middle, most = np.quantile(found[:, -1], [0, 0.5, 1])
    said += [f"a regime below 20 % of the steps in {mean[4]:.0%} of draws"]
    said += [f"draws disagree by {middle:.2f} ({least:.2f} to {most:.2f})"]
    what = f"exact posterior, τ {time_constant:g} steps, {trajectories} trajectories, {sets} data sets"
    print(what, "; ".join(said))
    keep("regimes", [{"what": what, "found": "; ".join(said)}], ("what",))
