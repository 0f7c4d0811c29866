"""A second process, for work that the first need not wait for."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Protocol

from sdebayes.cli.errors import prepare_compiler


class Submit(Protocol):
    """What gives a task to the process."""

    def __call__[Result](self, task: Callable[[], Result]) -> Future[Result]:
        """Begin the task after those before it."""


@contextmanager
def second_process() -> Iterator[Submit]:
    """Give what a process works at until the body has ended, or stops at once where that fails.

    It starts with its first task. What is compiled and traced holds one processor only, and programs are traced one at
    a time. Interrupts are left to the first process, and held back while the second one starts.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_prepare) as pool:

        def submit[Result](task: Callable[[], Result]) -> Future[Result]:
            with _interrupts_held_back():
                return pool.submit(task)

        try:
            yield submit
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            raise


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Block the signal, also for a process that is started meanwhile; where it came, it comes after."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare_compiler()
