"""Work beside other work: results, errors, precision, and where several processes compute together."""

from __future__ import annotations

import threading
import time

import jax
import jax.numpy as jnp
import pytest

from sdebayes._core import threads
from sdebayes._core.precision import scope
from sdebayes._core.threads import beside, meanwhile


def test_the_body_runs_while_the_task_waits():
    released = threading.Event()
    with meanwhile(lambda: released.wait(60)) as result:
        released.set()
        assert result()


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_the_task_has_the_precision_of_the_body(precision):
    with scope(precision), meanwhile(lambda: jnp.ones(()).dtype) as result:
        assert result() == jnp.ones(()).dtype == precision


def test_an_error_of_the_task_is_raised_where_its_result_is_asked_for():
    with meanwhile(lambda: [][0]) as result, pytest.raises(IndexError):
        result()


def test_an_error_of_the_body_is_its_own_and_waits_for_the_task():
    finished = []
    with pytest.raises(KeyError), meanwhile(lambda: finished.append(1)):
        raise KeyError
    assert finished == [1]


def test_among_several_processes_it_is_done_in_the_bodys_own_thread(monkeypatch):
    monkeypatch.setattr(threads, "are_several", lambda: True)
    seen = []
    with meanwhile(lambda: seen.append(threading.get_ident())) as result:
        assert not seen
        assert result() is result() is None
    assert seen == [threading.get_ident()]


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
