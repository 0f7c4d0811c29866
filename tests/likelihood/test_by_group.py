"""The likelihood of several groups is that of each group by itself, and with no spread that of one SDE."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import sdebayes as sb
from sdebayes.dynamics import ParametricDrift
from sdebayes.inference.independent_blocks import independent_blocks
from sdebayes.inference.target import unconstrained_draw
from sdebayes.likelihood.arrays import rows
from sdebayes.model.rebuild import parameters, prior_draw, read_draw
from sdebayes.priors import AbstractDriftPrior
from tests.cases import first_of

LABELS = list("babcb")


def walks(irregular: bool, states: int = 1):
    rng = np.random.default_rng(0)
    lengths = [6, 5, 6, 4, 6]
    times = [np.cumsum(rng.choice([0.5, 1.0], n)) for n in lengths] if irregular else 1.0
    values = [np.cumsum(rng.normal(size=(n, states)), 0) for n in lengths]
    return sb.trajectories(values, t=times, groups=LABELS)


MODELS = {
    "kalman": sb.SDEModel(
        sb.priors.Linear(by_group=True),
        sb.priors.Constant(by_group=True),
        observation=sb.GaussianNoise(trajectory_effect=True, by_group=True),
    ),
    "independent": sb.SDEModel(
        sb.priors.Linear(diagonal=True, by_group=True),
        sb.priors.Constant("diagonal", by_group=True),
        observation=sb.GaussianNoise(trajectory_effect=True),
    ),
    "transitions": sb.SDEModel(
        sb.priors.GP(basis=sb.priors.HSGP((4,)), lengthscale=1.0, by_group=True), observation=sb.Exact()
    ),
}
QUESTIONS = {
    "density": ("kalman", True, lambda law, sde, read: law.log_density(sde, read)),
    "shared density": ("kalman", False, lambda law, sde, read: law.log_density(sde, read)),
    "independent density": ("independent", False, lambda law, sde, read: law.log_density(sde, read)),
    "tables": ("transitions", False, lambda law, sde, read: law.log_density(sde, read)),
    "laws": (
        "kalman",
        True,
        lambda law, sde, read: (
            law.one_step(sde, read),
            law.smooth(sde, read)[0],
            law.given_past(sde, read),
            law.given_nothing(sde, read),
        ),
    ),
    "innovations": ("kalman", False, lambda law, sde, read: law.innovations(sde, read, [read.values])),
    "given others": ("kalman", True, lambda law, sde, read: law.given_others(sde, read, read.times > 3)),
    "horizons": ("kalman", False, lambda law, sde, read: horizons(law, sde, read)),
}


@cache
def drawn(name):
    """A scaled model, and the SDEs of one draw of its prior as NumPy arrays."""
    model = MODELS[name].scaled_to(walks(irregular=False))
    stacked = jax.jit(lambda key: prior_draw(model, key))(jax.random.key(1))
    return model, jax.tree.map(np.asarray, stacked)


def case(name, irregular):
    """The same, and data."""
    (model, stacked), data = drawn(name), walks(irregular)
    return model, stacked, jax.tree.map(np.asarray, model.read(data)), data


def horizons(likelihood, sde, read):
    mean, covariance = likelihood.horizons(sde, read, 2, jnp.arange(1, 6))
    covariance = jnp.broadcast_to(covariance, (*mean.shape, mean.shape[-1]))
    return jnp.swapaxes(mean, 0, 1), jnp.swapaxes(covariance, 0, 1)


DEAR = ("density", "independent density", "tables", "laws", "given others")


@pytest.mark.parametrize(
    "asked",
    [pytest.param(name, marks=pytest.mark.thorough) if name in DEAR else name for name in QUESTIONS],
)
def test_each_group_is_asked_by_itself(asked, x64):
    name, irregular, question = QUESTIONS[asked]
    model, stacked, read, _ = case(name, irregular)
    together = jax.jit(lambda sde, read: question(model.likelihood, sde, read))(stacked, read)
    own = np.flatnonzero(np.array(LABELS) == "b")
    alone = rows(replace(read, group=None, rows_of_groups=None), own)
    inner = model.of_one_group.likelihood
    one = jax.jit(lambda sde, read: question(inner, sde, read))(
        jax.tree.map(lambda leaf: leaf[1], stacked), alone
    )
    for whole, part in zip(jax.tree.leaves(together), jax.tree.leaves(one), strict=True):
        np.testing.assert_allclose(np.asarray(whole)[own], part, rtol=1e-7, atol=1e-9)


def test_parts_of_data_are_asked_one_by_one(x64):
    model, stacked, read, _ = case("transitions", irregular=False)
    parts = independent_blocks(model, read)

    def both(sde):
        return [model.likelihood.log_density(sde, one).sum() for one in (read, parts)]

    np.testing.assert_allclose(*jax.jit(both)(stacked))


def test_some_trajectories_keep_their_groups(x64):
    model, stacked, read, _ = case("transitions", irregular=False)
    some = np.array([3, 0, 1])

    def both(sde):
        law = model.likelihood
        return law.log_density(sde, read)[some], law.log_density(sde, rows(read, some))

    np.testing.assert_allclose(*jax.jit(both)(stacked))


def test_replicates_are_of_their_group(x64):
    model, stacked, read, _ = case("kalman", False)
    far = np.array([[0.0], [1e4], [-1e4]])
    stacked = eqx.tree_at(lambda o: (o.initial_mean, o.sde.drift.location), stacked, (far, far))
    y = np.asarray(jax.jit(model.likelihood.draw)(stacked, read, jax.random.key(0)))
    for row, group in enumerate(LABELS):
        np.testing.assert_allclose(y[row, 0], far["abc".index(group)], atol=500)


@pytest.mark.parametrize("name", first_of(MODELS))
def test_without_spread_the_density_is_that_of_one_sde(name, x64):
    model, _, _, data = case(name, False)
    shared = model.of_one_group
    sites = jax.eval_shape(lambda key: unconstrained_draw(model.build, key), jax.random.key(3))
    rng = np.random.default_rng(3)
    free = {
        site: np.zeros(leaf.shape) if site.endswith("_deviation") else rng.normal(size=leaf.shape)
        for site, leaf in sites.items()
    }
    own = {site: value for site, value in free.items() if not model.pooling.is_own(site)}

    def density(one, free):
        sde = read_draw(one, free).observed
        return one.likelihood.log_density(sde, one.read(data))

    grouped, pooled = jax.jit(lambda free, own: (density(model, free), density(shared, own)))(free, own)
    np.testing.assert_allclose(grouped, pooled, rtol=1e-6, atol=1e-7)
    found = jax.jit(lambda free: parameters(model, free))(free)
    for parameter in model.dims():
        np.testing.assert_allclose(np.ptp(found[parameter], axis=0), 0, atol=1e-9)


@pytest.mark.thorough
def test_every_group_has_a_stable_drift_and_its_own_values(x64):
    parts = sb.priors.Linear(by_group=True), sb.priors.Constant(by_group=True)
    model = sb.SDEModel(*parts, observation=sb.Exact()).scaled_to(walks(False, states=2))
    draws = jax.jit(jax.vmap(lambda key: prior_draw(model, key)))(jax.random.split(jax.random.key(0), 300))
    assert (np.linalg.eigvals(np.asarray(draws.sde.drift.matrix)).real > 0).all()
    location = np.asarray(draws.sde.drift.location)
    shared = location.mean(axis=1)
    spread = np.sqrt(np.mean((location - shared[:, None]) ** 2, axis=(0, 1)) * 3 / 2)
    expected = 0.5 * np.exp(0.0625) * np.asarray(model.drift.location_spread)  # E s² = s₀² exp(2 · ¼²)
    np.testing.assert_allclose(spread, expected, rtol=0.25)


def cubic(x, t, p):
    return p["pull"] * x - x**3 + 0 * p["share"]


@dataclass(frozen=True, eq=False)
class Cubic(AbstractDriftPrior):
    """A prior from outside, which says by a class attribute that it varies; its second support depends on the first."""

    by_group: ClassVar[bool] = True

    def sample(self, state_dim, diffusion, *, variance=None):
        pull = numpyro.sample("pull", dist.HalfNormal(1.0))
        share = numpyro.sample("share", dist.Uniform(0.0, pull))
        numpyro.deterministic("below", pull - share)
        return ParametricDrift(cubic, {"pull": pull, "share": share})

    def dims(self):
        return {"pull": [], "share": [], "below": []}

    def describe(self, variance_drawn=False):
        return "Drift: a x − x³"


@pytest.mark.thorough
def test_a_prior_from_outside_varies_too(x64):
    data = walks(irregular=False)
    model = sb.SDEModel(Cubic(), observation=sb.Exact()).scaled_to(data)
    assert set(model.pooling.widths) == {"pull", "share", "initial_mean", "initial_variance"}
    drawn = jax.vmap(lambda key: parameters(model, unconstrained_draw(model.build, key)))
    found = jax.jit(drawn)(jax.random.split(jax.random.key(0), 50))
    assert found["pull"].shape == (50, 3)
    assert (found["below"] > 0).all()
    assert np.ptp(found["pull"], axis=1).min() > 0


@pytest.mark.thorough
def test_a_level_goes_with_groups(x64):
    """The level is common to all groups; each reads its trajectories about it as a fit of its own would."""
    years = np.arange(len(LABELS)) % 3.0
    data = walks(irregular=False).assign_coords(year=("trajectory", years))
    grouped = replace(MODELS["kalman"], level=sb.Level("year")).scaled_to(data)
    _, plain = drawn("kalman")
    slopes = np.full((3, 1, 1), 0.7)
    stacked = eqx.tree_at(lambda o: o.level_slopes, plain, slopes, is_leaf=lambda leaf: leaf is None)

    def ask(model):
        return jax.jit(lambda sde, read: (model.likelihood.log_density(sde, read), read.level(sde)))

    found, level = map(np.asarray, ask(grouped)(stacked, grouped.read(data)))
    assert np.ptp(level) > 0
    of_one = ask(grouped.of_one_group)
    for place, name in enumerate("abc"):
        mine = np.array(LABELS) == name
        own = data.isel(trajectory=mine)
        one = jax.tree.map(lambda leaf, g=place: leaf[g], stacked)
        alone, here = map(np.asarray, of_one(one, grouped.of_one_group.read(own)))
        np.testing.assert_allclose(here, level[mine][:, : here.shape[1]])
        np.testing.assert_allclose(found[mine][:, : alone.shape[1]], alone, rtol=1e-9, atol=1e-9)
