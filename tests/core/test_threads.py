"""Work beside other work: its result, its errors, and its place where several processes compute together."""

from __future__ import annotations

import threading

import jax.numpy as jnp
import pytest

from sdebayes._core import threads
from sdebayes._core.precision import scope
from sdebayes._core.threads import meanwhile


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
