"""Draws of an approximation where the posterior has no density: they are proposed anew."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from sdebayes.inference.importance import weighted_draws
from sdebayes.inference.target import Target, density_of

DRAWS = 4000


def prior():
    """One unknown, standard normal."""
    return numpyro.sample("x", dist.Normal(0.0, 1.0))


def cut(place):
    """The same, and no density below a place."""
    numpyro.factor("cut", jnp.where(prior() > place, 0.0, -jnp.inf))


def draws(place: float, count: int = DRAWS):
    """Propose from the prior, and weigh by what is left of it above a place."""
    density = density_of(cut, prior)
    target = Target(density, jnp.asarray(place), jnp.zeros(1))

    def propose(key, number):
        u = np.asarray(jax.random.normal(key, (number, 1)))
        return u, -0.5 * u[:, 0] ** 2 - 0.5 * np.log(2 * np.pi)

    shown = []
    found = weighted_draws(
        target, density.no_whitening, propose, jax.random.key(0), count, lambda *said: shown.append(said[-1])
    )
    assert sum(shown) == count
    return found.position[0, :, 0], found.statistics


def test_a_point_without_a_density_is_proposed_anew():
    """Of a normal density cut at zero the draws are half-normal, and all count alike."""
    x, statistics = draws(0.0)
    assert (x > 0).all()
    assert x.mean() == pytest.approx(np.sqrt(2 / np.pi), abs=4 * np.sqrt((1 - 2 / np.pi) / DRAWS))
    np.testing.assert_allclose(statistics["log_weight"], 0, atol=1e-6)


def test_points_with_a_density_stay_as_they_are():
    x, _ = draws(-np.inf, 130)
    np.testing.assert_array_equal(x, np.asarray(jax.random.normal(jax.random.key(0), (130, 1)))[:, 0])


def test_where_there_is_no_density_the_ratios_say_so():
    _, statistics = draws(np.inf, 7)
    assert not np.isfinite(statistics["log_weight"]).any()
