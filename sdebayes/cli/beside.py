"""A second process, for work that the first need not wait for."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from sdebayes.cli.guard import prepare_compiler


@contextmanager
def second_process() -> Iterator[ProcessPoolExecutor]:
    """Start a process that works until the body has ended, or stops at once where that fails.

    What is compiled and traced holds one processor only, and tracing is not safe in threads.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_prepare) as pool:
        try:
            yield pool
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _prepare() -> None:
    """Leave interrupts to the first process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare_compiler()
