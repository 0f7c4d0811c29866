"""A second process, for work that the first need not wait for."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from sdebayes.cli.errors import prepare_compiler


@contextmanager
def second_process() -> Iterator[ProcessPoolExecutor]:
    """Start a process that works until the body has ended, or stops at once where that fails.

    What is compiled and traced holds one processor only, and programs are traced one at a time. Interrupts are left to
    the first process, and held back while the second one starts.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_prepare) as pool:
        with _interrupts_held_back():
            pool.submit(_begin)
        try:
            yield pool
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


def _begin() -> None:
    """Do nothing; the process starts with its first task."""


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare_compiler()
