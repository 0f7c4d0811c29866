"""One object for all that are made of the same parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

import sdebayes as sb
from sdebayes._core.interning import interned, structure_of


@dataclass(frozen=True, eq=False)
class Part:
    value: Any


def test_the_same_fields_make_one_object():
    for value in (1.0, "a", (1, 2), np.arange(3.0), jnp.arange(3), {"a": np.ones(2)}, len, Part(np.zeros(2))):
        first = interned(Part(value))
        copy = value.copy() if isinstance(value, np.ndarray) else value
        assert interned(Part(copy)) is first


def test_other_fields_do_not():
    values = (
        [np.zeros(2), np.zeros(2, dtype=np.float32), np.zeros((2, 1)), jnp.zeros(2), np.array([0.0, 1.0])],
        [1, 1.0, True, "1", (1,), [1]],
        [len, max, Part(1), Part(2), {"a": 1}, {"b": 1}, object(), object()],
    )
    for several in values:
        assert len({id(one) for one in [interned(Part(value)) for value in several]}) == len(several)


def test_a_structure_has_no_numbers():
    def part(number: float, values: np.ndarray, name: str = "a", count: int = 1) -> Part:
        return Part((number, {"values": values}, name, count, len))

    known = structure_of(part(1.0, np.zeros(2)))
    assert structure_of(part(2.5, np.ones(2))) == known
    others = [
        part(1.0, np.zeros(3)),
        part(1.0, np.zeros(2), "b"),
        part(1.0, np.zeros(2), count=2),
        part(1, np.zeros(2)),
    ]
    assert known not in [structure_of(other) for other in others]


def test_a_class_defined_anew_is_another():
    def defined() -> type:
        @dataclass(frozen=True, eq=False)
        class Local:
            value: int

        return Local

    first, again = interned(defined()(1)), interned(defined()(1))
    assert first is not again


def test_a_model_scaled_to_the_same_data_is_the_same_model():
    rng = np.random.default_rng(0)
    values = list(np.cumsum(rng.normal(size=(3, 20, 2)), 1))
    data, other = sb.trajectories(values), sb.trajectories([value + 1 for value in values])

    def model() -> sb.SDEModel:
        return sb.SDEModel(sb.priors.GP(), observation=sb.GaussianNoise(trajectory_effect=True))

    assert model().scaled_to(data) is model().scaled_to(data)
    assert model().scaled_to(data) is not model().scaled_to(other)
    assert model().scaled_to(data) is not sb.SDEModel().scaled_to(data)
