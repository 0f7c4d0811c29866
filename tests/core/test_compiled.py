"""Functions that differ in the arrays they hold: one program, each with its own numbers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes._core import compiled
from sdebayes._core.compiled import Compiled

HELD = np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0, -1.0])


def at_top(held):
    return lambda x: {"sum": x + held, "held": jnp.asarray(held)}


def in_numbers(held):
    return lambda x: {"times": x * float(held[0]), "first": held[0]}


def in_a_scan(held):
    return lambda x: jax.lax.scan(lambda total, one: (total + one * held, total), x, x)


def in_a_branch(held):
    return lambda x: jax.lax.cond(x[0] > 0, lambda y: y * held, lambda y: y - held, x)


def in_a_program_within(held):
    inner = jax.jit(lambda x: x * held)
    return lambda x: inner(x) + 1.0


def in_a_key_within(held):
    key = jax.random.key(int(held[0]))
    inner = jax.jit(lambda x: x + jax.random.normal(key, x.shape))
    return lambda x: inner(x) + jax.random.normal(key, x.shape)


@pytest.mark.parametrize(
    "made", [at_top, in_numbers, in_a_key_within, in_a_scan, in_a_branch, in_a_program_within]
)
def test_each_computes_with_its_own_arrays(made):
    x = jnp.array([1.0, -1.0, 0.5])
    functions = [made(held) for held in HELD]
    ours = [Compiled(function) for function in functions]
    for _ in range(2):
        for function, one in zip(functions, ours, strict=True):
            jax.tree.map(np.testing.assert_allclose, one(x), function(x))


@pytest.mark.parametrize("made", [at_top, in_a_scan, in_a_program_within])
def test_one_that_is_first_called_in_another_program_is_whole(made):
    """What it holds must not be a value of the program in which it was traced."""
    x = jnp.array([1.0, -1.0, 0.5])
    ours = Compiled(made(HELD[0]))
    within = jax.jit(lambda x: jax.lax.fori_loop(0, 2, lambda _, y: y + jax.tree.leaves(ours(y))[0], x))(x)
    assert np.isfinite(within).all()
    jax.tree.map(np.testing.assert_allclose, ours(x), made(HELD[0])(x))


def test_two_share_one_program():
    x = jnp.array([1.0, -1.0, 0.5])
    before = compiled._compiled.cache_info().misses
    for held in HELD:
        Compiled(lambda x, held=held: jnp.cos(x) * held - 7.0)(x)
    assert compiled._compiled.cache_info().misses == before + 1


def test_other_code_shapes_or_choices_are_other_programs():
    @Compiled
    def scaled(x, double):
        return (2.0 if double else 1.0) * x, double

    for x in (np.ones(2), np.ones(3), jnp.ones(3, dtype=int)):
        for double in (True, False):
            found, told = scaled(x, double)
            np.testing.assert_allclose(found, (1 + double) * np.asarray(x))
            assert told is double


def test_inside_of_another_program_and_under_a_gradient_it_is_the_function():
    squared = Compiled(lambda x: jnp.sum(x**2 * HELD[0]))
    np.testing.assert_allclose(jax.jit(jax.grad(squared))(jnp.ones(3)), 2 * HELD[0])


def test_a_part_of_several_programs_is_traced_once():
    runs = []

    def cube(x, held):
        runs.append(x)
        return jnp.sum(x**3 * held)

    part, x = Compiled(cube), np.array([1.0, 2.0, -1.0])
    gradient = Compiled(jax.value_and_grad(part))
    programs = (
        part,
        gradient,
        Compiled(lambda x, held: gradient(x, held)[1]),
        Compiled(jax.vmap(part, (0, None))),
    )
    for held in HELD:
        value, slope = gradient(x, held)
        np.testing.assert_allclose(value, np.sum(x**3 * held))
        np.testing.assert_allclose(slope, 3 * x**2 * held)
        np.testing.assert_allclose(programs[2](x, held), slope)
        np.testing.assert_allclose(programs[3](np.stack([x, -x]), held), [value, -value])
    assert len(runs) == 1


def test_a_gradient_in_code_that_is_known_is_not_traced_again():
    """Two functions of one code, of which the first is differentiated."""
    runs = []

    @jax.custom_jvp
    def bent(x):
        return jnp.tanh(x)

    @bent.defjvp
    def _(primals, tangents):
        runs.append(primals)
        return bent(primals[0]), tangents[0] / jnp.cosh(primals[0]) ** 2

    for held in HELD:
        found = Compiled(jax.value_and_grad(Compiled(lambda x, held=held: jnp.sum(bent(x * held)))))(
            np.ones(3)
        )
        np.testing.assert_allclose(found[1], held / np.cosh(held) ** 2, rtol=1e-3)
        assert len(runs) == 1


def test_keys_and_either_precision_are_taken():
    draw = Compiled(lambda key: jax.random.normal(key, (2,)))
    for wide in (False, True):
        with jax.enable_x64(wide):
            found = draw(jax.random.key(3))
            assert found.dtype == (np.float64 if wide else np.float32)
            np.testing.assert_allclose(found, jax.random.normal(jax.random.key(3), (2,)), rtol=1e-6)


def test_what_is_prepared_is_not_compiled_again():
    function = Compiled(lambda x: jnp.sin(x) @ HELD[0])
    function.prepare(jnp.ones(3))
    (traced,) = function._traced.values()
    assert traced.run._cache_size() == 0
    before = compiled._compiled.cache_info().misses
    np.testing.assert_allclose(function(jnp.zeros(3)), 0.0, atol=1e-12)
    assert compiled._compiled.cache_info().misses == before
