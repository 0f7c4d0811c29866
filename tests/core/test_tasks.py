"""Independent work gives the same wherever it is done, and is handed on as it is finished."""

from __future__ import annotations

import itertools
import os
import pickle
import random
import signal
import threading
import time

import dask
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes._core import precision, tasks
from sdebayes._core.errors import ClusterError

SCHEDULERS = (None, "synchronous", "threads")


def square(shift: int, item: int) -> tuple[int, int]:
    return item * item + shift, threading.get_ident()


def nested(scheduler: str, item: int) -> tuple[list[int], set[int]]:
    found = collected(square, 1, range(item))
    return [value for value, _ in found.values()], {thread for _, thread in found.values()}


def fails_at_the_third(finished: list[int], item: int) -> None:
    if len(finished) == 2:
        raise ValueError("three")
    finished.append(item)


def process(shared: object, item: int) -> int:
    return os.getpid()


def slow(shared: object, item: int) -> None:
    time.sleep(0.05)


def collected(function, shared, items) -> dict:
    found: dict = {}
    tasks.each(function, shared, items, found.__setitem__)
    return found


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_every_item_is_done_once_and_told_in_the_calling_thread(scheduler):
    told = []
    with dask.config.set(scheduler=scheduler):
        tasks.each(
            square, 10, range(7), lambda item, result: told.append((item, result[0], threading.get_ident()))
        )
    assert sorted(told) == [(item, item * item + 10, threading.get_ident()) for item in range(7)]


def test_threads_are_those_of_the_scheduler_and_none_without():
    with dask.config.set(scheduler="threads", num_workers=2):
        assert threading.get_ident() not in {thread for _, thread in collected(square, 0, range(4)).values()}
    assert {thread for _, thread in collected(square, 0, range(4)).values()} == {threading.get_ident()}


def test_processes_are_those_of_the_scheduler():
    with dask.config.set(scheduler="processes", num_workers=1):
        assert os.getpid() not in collected(process, None, range(1)).values()


@pytest.mark.parametrize("scheduler", SCHEDULERS[:2])
def test_what_is_finished_before_an_error_has_been_told(scheduler):
    told, finished = [], []
    with dask.config.set(scheduler=scheduler), pytest.raises(ValueError, match="three"):
        tasks.each(fails_at_the_third, finished, range(5), lambda item, _: told.append(item))
    assert told == finished
    assert len(told) == 2


def test_work_inside_a_task_is_done_there():
    with dask.config.set(scheduler="threads"):
        found = collected(nested, "threads", [5])
    values, used = found[5]
    assert values == [1, 2, 5, 10, 17]
    assert len(used) == 1
    assert threading.get_ident() not in used


@pytest.mark.parametrize("count", [1, 2, 3, 6, 11])
def test_a_total_is_made_in_one_order_whatever_order_results_come_in(count, monkeypatch):
    """With an addition in which order and brackets are seen."""
    found = set()
    for seed in range(8):
        order = list(range(count))
        random.Random(seed).shuffle(order)

        def shuffled(function, shared, items, done, again, order=order):
            for place in order:
                done(items[place], function(shared, items[place]))

        monkeypatch.setattr(tasks, "each", shuffled)
        found.add(tasks.total(named, "n", range(10, 10 + count), lambda a, b: f"({a} {b})"))
    (one,) = found
    assert one.replace("(", "").replace(")", "").split() == [f"n{item}" for item in range(10, 10 + count)]
    assert max(_depths(one)) <= (count - 1).bit_length()


def named(shared: str, item: int) -> str:
    return f"{shared}{item}"


def _depths(text: str) -> list[int]:
    return [0, *itertools.accumulate({"(": 1, ")": -1}.get(one, 0) for one in text)]


def test_a_worker_with_another_version_is_refused(monkeypatch):
    real = tasks.versions()
    answers = iter([real | {"jax": "9.9.9"}])
    monkeypatch.setattr(tasks, "versions", lambda: next(answers, real))
    other = rf"jax {real['jax']}, not 9\.9\.9"
    with dask.config.set(scheduler="synchronous"), pytest.raises(ClusterError, match=other):
        collected(square, 0, [1])


def test_a_cluster_that_is_lost_is_told_with_what_is_finished():
    from distributed import Client, LocalCluster

    finished = []
    options = {"processes": False, "n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster):

        def done(item: int, result: object) -> None:
            finished.append(item)
            if len(finished) == 2:
                cluster.close()

        with pytest.raises(ClusterError, match=r"The cluster was lost after (\d+) of 50") as found:
            tasks.each(slow, None, range(50), done)
    assert 2 <= len(finished) < 50
    assert f"after {len(finished)} of 50" in str(found.value)


def test_a_cluster_without_workers_is_told_where_dask_is_set_to_give_up():
    from distributed import Client, LocalCluster

    options = {"processes": False, "n_workers": 0, "dashboard_address": None}
    with (
        dask.config.set({"distributed.scheduler.no-workers-timeout": "100 ms"}),
        LocalCluster(**options) as cluster,
        Client(cluster),
        pytest.raises(ClusterError, match=r"The cluster had no worker for a task after 0 of 3 tasks: .*anew"),
    ):
        collected(slow, None, range(3))


def test_workers_that_come_later_are_given_tasks_ahead_too():
    from distributed import Client, LocalCluster

    read = []

    def items():
        for item in range(40):
            read.append(item)
            yield item

    options = {"processes": False, "n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        ahead = []
        for place, _ in enumerate(tasks.in_order(slow, None, items())):
            ahead.append(len(read) - place)
            if place == 3:
                cluster.scale(3)
                client.wait_for_workers(3)
    assert set(ahead[:4]) == {2}
    assert max(ahead) == 6


def kills_itself(shared: object, item: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.thorough
def test_a_process_that_dies_of_a_task_is_told():
    with (
        dask.config.set(scheduler="processes", num_workers=1),
        pytest.raises(ClusterError, match=r"process that Dask had started for tasks died.*anew"),
    ):
        collected(kills_itself, None, range(2))


def test_what_is_sent_keeps_its_precision():
    """In a process, or thread, where JAX has single precision."""
    with precision.scope("float64"):
        sent = pickle.dumps(tasks.Sent({"a": jnp.arange(3.0) / 3, "f": lambda: 1}))
        single = pickle.dumps(tasks.Sent(jnp.ones(2, "float32")))
    found = pickle.loads(sent).value
    np.testing.assert_array_equal(found["a"], np.arange(3.0) / 3)
    assert found["f"]() == 1
    assert pickle.loads(single).value.dtype == "float32"


def third(shared: jax.Array, item: int) -> jax.Array:
    with precision.scope("float64"):
        return shared[item] / 3


@pytest.mark.thorough
def test_processes_are_sent_and_send_what_they_should():
    with precision.scope("float64"), dask.config.set(scheduler="processes", num_workers=1):
        found = collected(third, jnp.arange(3.0), range(3))
    assert {item: float(one) for item, one in found.items()} == {0: 0.0, 1: 1 / 3, 2: 2 / 3}
