"""An SDE of the user's own functions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdebayes as sb
from sdebayes._core.errors import DataError, ModelError


def cubic(x, t):
    return x - x**3


@pytest.mark.smoke
def test_plain_functions_make_an_sde():
    own = sb.SDE(cubic, lambda x, t: jnp.array([[0.5]]))
    x = jnp.array([2.0])
    np.testing.assert_allclose(own.drift(x), [-6.0])
    np.testing.assert_allclose(own.covariance(x), [[0.25]])
    times = np.linspace(0, 1, 5)
    paths = sb.simulate(own, times, x0=[0.1], paths=3, seed=0)
    known = sb.SDE(
        sb.dynamics.ParametricDrift(lambda x, t, p: cubic(x, t), {}),
        sb.dynamics.ConstantDiffusion(jnp.array([[0.5]])),
    )
    expected = sb.simulate(known, times, x0=[0.1], paths=3, seed=0)
    np.testing.assert_allclose(paths["x"], expected["x"], rtol=1e-12)


def test_a_stack_of_known_functions_has_a_length():
    """A posterior all of whose parts are known functions has draws all the same."""
    known = jax.tree.map(jnp.asarray, sb.SDE(cubic, lambda x, t: jnp.array([[0.5]])))
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf] * 3), known)
    drift = jax.vmap(lambda sde: sde.drift(jnp.array([2.0])))(stacked)
    np.testing.assert_allclose(drift, np.full((3, 1), -6.0))


@pytest.mark.parametrize(("drift", "diffusion", "role"), [(3, cubic, "drift"), (cubic, None, "diffusion")])
def test_what_is_no_function_is_refused(drift, diffusion, role, untyped):
    with pytest.raises(ModelError, match=rf"SDE: {role}=.* must be a function"):
        sb.SDE(drift, diffusion)


@pytest.fixture(params=["linear", "plain"])
def sde(request) -> sb.SDE:
    if request.param == "plain":
        return sb.SDE(lambda x, t: x - x**3 * jnp.ones(2), lambda x, t: jnp.diag(1 + x[:2] ** 2))
    linear = sb.dynamics.LinearDrift(jnp.eye(2), jnp.ones(2))
    return sb.SDE(linear, sb.dynamics.ConstantDiffusion(2 * jnp.eye(2)))


@pytest.mark.parametrize("x", [[1, 2.0], (1.0, 2.0), np.array([1.0, 2.0])])
def test_an_sde_is_read_at_plain_numbers(sde, x):
    at = jnp.array([1.0, 2.0])
    for part in (sde.drift, sde.diffusion, sde.covariance):
        np.testing.assert_array_equal(part(x), part(at))
    np.testing.assert_array_equal(sde.drift(x, t=1.0), sde.drift(at, 1.0))


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ([1.0, 2.0, 3.0], r"shape \(3,\); expected one number for each state, \(state,\)"),
        ([[1.0, 2.0]], r"shape \(1, 2\); expected one point"),
        (1.0, r"shape \(\); expected one point"),
        ([1.0, None], "finite number"),
        ("ab", "no array of numbers"),
        ([[1.0], [1.0, 2.0]], "no array of numbers"),
    ],
)
def test_what_is_no_point_is_refused_in_the_packages_words(sde, x, words):
    with pytest.raises(DataError, match=words):
        sde.drift(x)


def test_reading_at_numbers_adds_nothing_to_what_is_compiled(sde):
    x = jnp.ones(2)
    undressed = type(sde.drift).__call__.__wrapped__
    assert str(jax.make_jaxpr(sde.drift)(x)) == str(jax.make_jaxpr(lambda x: undressed(sde.drift, x))(x))
