"""Values are computed once, whoever asks for them."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sdebayes._core.once import once


class Thing:
    """Something of which a value is dear, or cannot be had at first."""

    def __init__(self) -> None:
        self.calls, self.fails = [], 1

    @property
    @once
    def value(self) -> object:
        self.calls.append(threading.get_ident())
        time.sleep(0.05)
        return object()

    @property
    @once
    def late(self) -> int:
        self.fails -= 1
        if self.fails >= 0:
            raise ValueError("not yet")
        return 7


@once
def value(thing: Thing) -> str:
    return "of the module"


def test_threads_that_ask_together_get_one_value():
    thing = Thing()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: thing.value, range(4)))
    assert len(set(map(id, found))) == len(thing.calls) == 1
    assert Thing().value is not thing.value


def test_a_function_of_a_module_and_a_property_of_one_name_are_two():
    thing = Thing()
    assert value(thing) == "of the module"
    assert thing.value != "of the module"


def test_an_error_is_told_to_each_who_asks_and_not_kept():
    thing = Thing()
    thing.fails = 2
    for _ in range(2):
        with pytest.raises(ValueError, match="not yet"):
            _ = thing.late
    assert thing.late == 7
