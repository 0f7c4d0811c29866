from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from beartype import beartype
from jaxtyping import Array, Float, PyTree, jaxtyped

from sdebayes._core.arguments import checked, expected, fits
from sdebayes._core.errors import ArgumentError, DataError, ModelError
from sdebayes._core.kinds import Count, Labels, Numbers, PathLike, Positive, Probability, Seed, Times


@checked
def example(count: Count = 1, seed: Seed = 0, *, prob: Probability = 0.9, names: Labels = ()) -> tuple:
    """Return the arguments."""
    return count, seed, prob, names


@checked
@dataclass(frozen=True)
class Example:
    width: Count
    scale: Positive | None = None

    def taken(self, mapping: Mapping[str, Count]) -> int:
        """Return a sum."""
        return sum(mapping.values())


@checked
class Module(eqx.Module):
    matrix: Float[Array, "state state"]
    order: Count = eqx.field(static=True, default=1)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_of_any_kind_become_pythons(value):
    found = example(value)[0]
    assert (found, type(found)) == (3, int)
    assert type(Example(value).width) is int


@pytest.mark.parametrize(
    "value", [0, 3.0, np.float64(3), True, np.bool_(True), "3", None, [3], 2**31, np.int8(-1)]
)
def test_others_are_no_counts(value):
    with pytest.raises(ArgumentError, match=r"example: count=.* must be a whole number, 1 or more"):
        example(value)
    with pytest.raises(ArgumentError, match=r"Example: width=.* must be a whole number, 1 or more"):
        Example(value)


@pytest.mark.parametrize("seed", [-1, 1.5, None, "a", True, 2**63, 2**64])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ArgumentError, match=r"seed=.* must be a whole number, 0 or more, below 2\*\*63"):
        example(seed=seed)


def test_the_largest_seed_is_one():
    jax.random.key(example(seed=2**63 - 1)[1])


def test_the_error_is_that_of_data_and_of_models():
    assert issubclass(ArgumentError, DataError)
    assert issubclass(ArgumentError, ModelError)


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, np.nan, np.inf, "x", None, 10**400, 1e300])
def test_numbers_out_of_range_are_refused(value):
    with pytest.raises(ArgumentError, match=r"prob=.* must be a probability between 0 and 1"):
        example(prob=value)


@pytest.mark.parametrize(
    ("value", "kind", "good"),
    [
        (["a", "b"], Sequence[str], True),
        (["a"] * 50 + [3], Sequence[str], False),
        ({"a": 1, "b": 0}, Mapping[str, Count], False),
        ({"a": 1}, Mapping[str, Count], True),
        ("ab", Labels, False),
        (3, int | None, True),
        (3, float, True),
        (None, Count | None, True),
        ("b", Literal["a", "b"], True),
        (len, Callable[..., int], True),
        (None, object, True),
        ({"a": None}, Mapping[str, object], True),
        ({1: None}, Mapping[str, object], False),
        ({"a": (None, jnp.ones(2))}, PyTree, True),
        ([1, 2.5], Numbers, True),
        (jnp.ones(3), Numbers, True),
        (xr.DataArray([1.0]), Numbers, True),
        ([np.nan], Numbers, False),
        ([], Numbers, False),
        ([[1.0], [1.0, 2.0]], Numbers, False),
        (np.array(["2020"], "M8[Y]"), Numbers, False),
        ([True], Numbers, False),
        ([[1.0]], Times, False),
        ([1e300], Times, False),
        ("a\0b", PathLike, False),
        ("", PathLike, False),
        (np.ones(2), Float[Array, " state"], True),
        (np.ones(2, int), Float[Array, " state"], False),
        (jnp.ones((2, 2)), Float[Array, " state"], False),
    ],
)
def test_values_and_annotations(value, kind, good):
    assert fits(value, kind) is good


def test_an_object_is_anything_in_words():
    assert expected(Mapping[str, object]) == "a mapping of a string to anything"


def test_methods_are_checked_to_the_last_item():
    assert Example(1).taken({"a": 2, "b": 3}) == 5
    with pytest.raises(
        ArgumentError, match=r"Example\.taken: mapping=.* must be a mapping of a string to a whole"
    ):
        Example(1).taken({"a": 2, "b": 0})


def test_copies_are_checked():
    with pytest.raises(ArgumentError, match=r"Example: scale=inf"):
        replace(Example(1, 2.0), scale=np.inf)


def test_modules_are_pytrees_as_before():
    module = Module(jnp.eye(2), np.int64(2))
    assert type(module.order) is int
    doubled = jax.tree.map(lambda leaf: 2 * leaf, module)
    np.testing.assert_array_equal(doubled.matrix, 2 * np.eye(2))
    jax.vmap(lambda one: one.matrix.sum())(jax.tree.map(lambda leaf: leaf[None], module))
    with pytest.raises(ArgumentError, match=r"Module: matrix='x' must be an array"):
        Module("x")


def test_signatures_stay():
    assert list(inspect.signature(example).parameters) == ["count", "seed", "prob", "names"]
    assert list(inspect.signature(Example).parameters) == ["width", "scale"]
    with pytest.raises(TypeError, match="unexpected keyword"):
        example(cuont=3)


def test_an_axis_of_another_call_is_not_this_ones():
    """Shapes are compared within a call, not with those of the function around it."""

    @checked
    def inner(x: Float[Array, " state"]) -> int:
        return x.size

    @jaxtyped(typechecker=beartype)
    def outer(x: Float[Array, " state"]) -> int:
        return inner(x[:1])

    assert outer(jnp.ones(3)) == 1
