"""NumPyro programs run one at a time: their handlers stand on one stack, which all threads of a process share.

The lock is held while a program is traced, by the functions in which it is. What is compiled of it runs without, so
that fits in several threads wait for one another now and then while they compile, and not while they sample.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

_RUNNING = threading.RLock()


def one_at_a_time[**Arguments, Result](function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Make a function that enters NumPyro's handlers wait until no other thread is in one.

    Parameters
    ----------
    function
        Must not wait for another thread; it may call others that are made so.
    """

    @functools.wraps(function)
    def alone(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        with _RUNNING:
            return function(*arguments, **options)

    return alone
