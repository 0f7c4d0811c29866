"""Several evaluations of a compiled function at the same time, and work beside other work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache

import jax

from sdebayes._core.processes import are_several


def side_by_side[Item, Result](function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Map a function over items, a thread for each processor: compiled code runs outside the interpreter's lock.

    One after another where several processes compute together.

    Parameters
    ----------
    function
        What it compiles should be compiled already: programs are traced one at a time.
    items
        Its arguments.
    """
    wide = jax.config.jax_enable_x64

    def run(item: Item) -> Result:
        with jax.enable_x64(wide):
            return function(item)

    if are_several():
        return [function(item) for item in items]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(run, items))


@contextmanager
def beside(tasks: Iterable[Callable[[], object]], workers: int = 2) -> Iterator[None]:
    """Begin tasks in threads, in their order, while the body runs; those that wait at its end are left out.

    The results are what the tasks keep. What they raise is let go: who needs such a result asks for it, and is told.
    Nothing is begun where several processes compute together.

    Parameters
    ----------
    tasks
        What is done, perhaps by the body as well: it must be safe to be asked for by two threads.
    workers
        How many run at a time.
    """
    if are_several():
        yield
        return
    pool = ThreadPoolExecutor(workers)
    try:
        for task in tasks:
            pool.submit(copy_context().run, _in_this_precision(task))
        yield
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def meanwhile[Result](task: Callable[[], Result]) -> Iterator[Callable[[], Result]]:
    """Do something in a thread of its own while the body runs, as where both wait for a compiler.

    Where several processes compute together, it is done when its result is first asked for.

    Parameters
    ----------
    task
        What is done, in the precision that is in force here.

    Yields
    ------
    result
        Waits for the task and returns its result, or raises its error; what is not asked for is not raised.
    """
    if are_several():
        yield cache(task)
        return
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(_in_this_precision(task)).result


def _in_this_precision[Result](task: Callable[[], Result]) -> Callable[[], Result]:
    wide = jax.config.jax_enable_x64

    def run() -> Result:
        with jax.enable_x64(wide):
            return task()

    return run
