"""Work whose pieces do not need each other, on the Dask scheduler that is active: none, threads, processes, a cluster.

Which scheduler, how many workers, what becomes of one that dies: all that is Dask's, and set where Dask's users set it.
A piece is known by its place among the items and has its own random key, so that results are the same everywhere.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextvars import ContextVar
from functools import cache
from importlib.metadata import version
from itertools import batched
from typing import Any
from uuid import uuid4

from sdebayes._core import cluster
from sdebayes._core.errors import ClusterError
from sdebayes._core.sent import Sent

ANEW = "which begins anew"
FROM_CHECKPOINT = "which goes on from its checkpoint"
NO_CHECKPOINT = "which begins anew: checkpoint= keeps what is finished"
_PACKAGES = "sdebayes", "jax", "numpyro", "numpy"
_IN_TASK: ContextVar[bool] = ContextVar("in_task", default=False)


def each[Shared, Item, Result](
    function: Callable[[Shared, Item], Result],
    shared: Shared,
    items: Sequence[Item],
    done: Callable[[Item, Result], None],
    again: str = ANEW,
) -> None:
    """Call a function for each item, one after another or as tasks of the Dask scheduler that is active.

    Parameters
    ----------
    function
        What is done, of the module's top level, so that another process finds it.
    shared
        Its first argument, sent once to each worker of a cluster.
    items
        Its second argument, one for each task.
    done
        Told of each item and its result, in the calling thread, as soon as the result is there; in any order.
    again
        What the same call does after a cluster was lost, as the error says: a clause that begins with "which".

    Raises
    ------
    ClusterError
        If the cluster is lost, workers die of a task, or one has other versions of the packages that make the numbers.
    """
    get = None if _IN_TASK.get() else _scheduler()
    if get is None:
        for item in items:
            done(item, function(shared, item))
        return
    from dask import compute, delayed
    from dask.callbacks import Callback

    whole, run = delayed(Sent(shared), pure=False, traverse=False), delayed(_run, pure=False, traverse=False)
    expected, name = versions(), f"{function.__name__.strip('_')}-{uuid4().hex}"
    tasks = [
        run(function, whole, item, expected, dask_key_name=(name, place)) for place, item in enumerate(items)
    ]
    known = {task.key: item for task, item in zip(tasks, items, strict=True)}

    def told(key: Any, result: Any, *_: Any) -> None:
        if key in known:
            done(known[key], result.value)

    if client := cluster.client_of(get):
        cluster.all_of(client, tasks, told, again)
        return
    try:
        with Callback(posttask=told):
            compute(*tasks, scheduler=get, traverse=False, optimize_graph=False, chunksize=1)
    except BrokenProcessPool as error:
        raise ClusterError(
            "A process that Dask had started for tasks died, most often for want of memory: take fewer "
            f"(dask.config.set(num_workers=...)) and call again, {again}."
        ) from error


def total[Shared, Item, Result](
    function: Callable[[Shared, Item], Result],
    shared: Shared,
    items: Sequence[Item],
    add: Callable[[Result, Result], Result],
) -> Result:
    """Add up what a function returns for each item: neighbours first, then pairs of these, and so on.

    So the digits of the sum are the same whatever order results come in, and few are held at a time.

    Parameters
    ----------
    function, shared, items
        As in `each`; one item or more, none twice.
    add
        Adds two results, in their order.

    Raises
    ------
    ClusterError
        As `each`.
    """
    if len(items) == 1:
        return function(shared, items[0])
    places = {item: place for place, item in enumerate(items)}
    waiting: dict[tuple[int, int], Result] = {}

    def done(item: Item, result: Result) -> None:
        place, level, count = places[item], 0, len(items)
        while count > 1:
            if (beside := place ^ 1) < count:
                if (level, beside) not in waiting:
                    break
                other = waiting.pop((level, beside))
                result = add(result, other) if place < beside else add(other, result)
            place, level, count = place // 2, level + 1, (count + 1) // 2
        waiting[level, place] = result

    each(function, shared, items, done, again="which passes over the data anew")
    return waiting.popitem()[1]


def in_order[Shared, Item, Result](
    function: Callable[[Shared, Item], Result], shared: Shared, items: Iterable[Item], again: str = ANEW
) -> Iterator[Result]:
    """Call a function for each item and hand on the results in the items' order, few items being read ahead.

    Parameters
    ----------
    function, shared
        As in `each`.
    items
        Its second arguments, which need not all be in memory: on a cluster two for each thread of it are, on Dask's
        other schedulers as many as there are processors, and as many again.
    again
        As in `each`.

    Yields
    ------
    object
        A result.

    Raises
    ------
    ClusterError
        As `each`.
    """
    get = None if _IN_TASK.get() else _scheduler()
    if get is None:
        yield from (function(shared, item) for item in items)
    elif client := cluster.client_of(get):
        from dask import delayed

        whole, run = (
            delayed(Sent(shared), pure=False, traverse=False),
            delayed(_run, pure=False, traverse=False),
        )
        expected = versions()
        sent = (run(function, whole, item, expected) for item in items)
        yield from (result.value for result in cluster.sliding(client, sent, again))
    else:
        for some in batched(items, 2 * (os.cpu_count() or 1)):
            yield from _all_of(function, shared, some, again)


def _all_of[Shared, Item, Result](
    function: Callable[[Shared, Item], Result], shared: Shared, items: Sequence[Item], again: str
) -> list[Result]:
    """Return the results of some items, in their order."""
    found: dict[int, Result] = {}

    def done(numbered: tuple[int, Item], result: Result) -> None:
        found[numbered[0]] = result

    each(_of_numbered, (function, shared), list(enumerate(items)), done, again)
    return [found[place] for place in range(len(items))]


def _of_numbered[Shared, Item, Result](
    shared: tuple[Callable[[Shared, Item], Result], Shared], item: tuple[int, Item]
) -> Result:
    return shared[0](shared[1], item[1])


@cache
def versions() -> dict[str, str]:
    """Return the versions of the packages that make the numbers."""
    return {"python": ".".join(map(str, sys.version_info[:2])), **{name: version(name) for name in _PACKAGES}}


def _scheduler() -> Callable[..., Any] | None:
    """Return Dask's ``get`` where a scheduler has been chosen; Dask that nobody has imported has none."""
    if "dask" not in sys.modules:
        return None
    from dask.base import get_scheduler

    return get_scheduler()


def _run[Shared, Item, Result](
    function: Callable[[Shared, Item], Result], shared: Sent[Shared], item: Item, expected: dict[str, str]
) -> Sent[Result]:
    """Do one piece of work where it was sent."""
    other = [
        f"{name} {found}, not {expected[name]}"
        for name, found in versions().items()
        if found != expected[name]
    ]
    if other:
        raise ClusterError(
            f"A worker of the cluster has {', '.join(other)}: its results would not be those of this process. Give all "
            "workers the same environment and call again."
        )
    token = _IN_TASK.set(True)
    try:
        return Sent(function(shared.value, item))
    finally:
        _IN_TASK.reset(token)
