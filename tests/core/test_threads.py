"""Values are computed once whoever asks, and tasks run beside a body, which hears nothing of them."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import pytest

from sdebayes._core.once import once
from sdebayes._core.threads import beside


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


@pytest.mark.parametrize("wide", [True, False])
def test_a_task_runs_beside_the_body_in_its_precision(wide):
    here, there = threading.Event(), threading.Event()
    found = []

    def task() -> None:
        found.append((threading.get_ident(), jnp.zeros(1).dtype.itemsize))
        here.set()
        assert there.wait(10)

    with jax.enable_x64(wide), beside([task], workers=1):
        assert here.wait(10)
        there.set()
    assert found[0][0] != threading.get_ident()
    assert found[0][1] == (8 if wide else 4)


def test_what_a_task_raises_is_let_go_and_what_the_body_raises_is_not():
    after = threading.Event()

    def fails() -> None:
        raise ValueError("of a task")

    def body() -> None:
        with beside([fails, after.set], workers=1):
            assert after.wait(10)
            raise KeyError("of the body")

    with pytest.raises(KeyError, match="of the body"):
        body()


def test_tasks_that_wait_when_the_body_ends_are_left_out():
    begun, done = threading.Event(), []

    def first() -> None:
        begun.set()
        time.sleep(0.2)
        done.append("first")

    with beside([first, lambda: done.append("second")], workers=1):
        assert begun.wait(10)
    assert done == ["first"]


def test_where_several_processes_compute_together_nothing_is_begun(monkeypatch):
    monkeypatch.setattr("sdebayes._core.threads.are_several", lambda: True)
    done = []
    with beside([lambda: done.append(1)]):
        time.sleep(0.05)
    assert done == []
