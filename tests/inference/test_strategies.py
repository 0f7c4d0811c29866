"""How strategies are related: each is abstract or final, so that what one does is in its own class."""

from __future__ import annotations

import inspect

import pytest

from sdebayes.inference import STRATEGIES


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_derives_from_abstract_ones_alone(name):
    concrete = [kind.__name__ for kind in STRATEGIES[name].__mro__[1:-1] if not inspect.isabstract(kind)]
    assert set(concrete) <= {"ABC"}
