"""Digests of traced programs: the same for what computes the same, another for all else."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes._core.code import digest_of

X = np.array([0.3, -1.0, 2.0])


def digest(function) -> bytes:
    return digest_of(jax.make_jaxpr(function)(X).jaxpr)


def scanned(step, length=3):
    return lambda x: jax.lax.scan(lambda total, _: (step(total), None), x, None, length=length)[0]


@jax.custom_vjp
def bent(x):
    return jnp.sin(x)


bent.defvjp(lambda x: (bent(x), x), lambda x, change: (change,))

PROGRAMS = {
    "sum": lambda: lambda x: x + 1.0,
    "another number": lambda: lambda x: x + np.nextafter(1.0, 2.0),
    "a number as an array": lambda: lambda x: x + jnp.ones(1),
    "two operations": lambda: lambda x: jnp.cos(jnp.sin(x)),
    "in another order": lambda: lambda x: jnp.sin(jnp.cos(x)),
    "of the same thing": lambda: lambda x: x * jnp.sin(x),
    "of another thing": lambda: lambda x: jnp.sin(x) * jnp.sin(x),
    "along an axis": lambda: lambda x: jnp.sum(x[None] * X[:, None], axis=0),
    "along another axis": lambda: lambda x: jnp.sum(x[None] * X[:, None], axis=1),
    "scan": lambda: scanned(jnp.sin),
    "scan of another step": lambda: scanned(jnp.cos),
    "longer scan": lambda: scanned(jnp.sin, 4),
    "branches": lambda: lambda x: jax.lax.cond(x[0] > 0, jnp.sin, jnp.cos, x),
    "branches in another order": lambda: lambda x: jax.lax.cond(x[0] > 0, jnp.cos, jnp.sin, x),
    "within": lambda: lambda x: jax.jit(lambda y: y * X)(x),
    "within, of other numbers": lambda: lambda x: jax.jit(lambda y: y * -X)(x),
    "two results": lambda: lambda x: (x, jnp.sin(x)),
    "two results in another order": lambda: lambda x: (jnp.sin(x), x),
    "softplus": lambda: jax.nn.softplus,
    "with a derivative of its own": lambda: bent,
    "random": lambda: lambda x: x + jax.random.normal(jax.random.key(0), x.shape),
    "of another key": lambda: lambda x: x + jax.random.normal(jax.random.key(1), x.shape),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_traced_anew_has_the_same_digest(name):
    with jax.enable_x64(True):
        first = digest(PROGRAMS[name]())
        jax.clear_caches()
        assert digest(PROGRAMS[name]()) == first


def test_other_programs_and_precisions_have_others():
    with jax.enable_x64(True):
        found = {name: digest(make()) for name, make in PROGRAMS.items()}
    assert len(set(found.values())) == len(found), found
    assert digest(PROGRAMS["sum"]()) not in found.values()
