"""How strategies are related: each is abstract or final, so that what one does is in its own class."""

from __future__ import annotations

import inspect

import pytest

from sdebayes import inference

STRATEGIES = [
    kind
    for kind in vars(inference).values()
    if inspect.isclass(kind) and issubclass(kind, inference.AbstractStrategy) and not inspect.isabstract(kind)
]


def test_they_are_found():
    assert len(STRATEGIES) == 6


@pytest.mark.parametrize("kind", STRATEGIES)
def test_a_strategy_derives_from_abstract_ones_alone(kind):
    concrete = [base.__name__ for base in kind.__mro__[1:-1] if not inspect.isabstract(base)]
    assert set(concrete) <= {"ABC", "Stored"}
