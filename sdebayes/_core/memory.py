"""Whether there is room in memory for what was asked for."""

from __future__ import annotations

import os
from pathlib import Path

from sdebayes._core.errors import DataError

COPIES = 3
"""Arrays of a result's size that are alive at once while it is made."""

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")
_STATM = Path("/proc/self/statm")


def available_memory() -> int | None:
    """Return how many bytes this process can still get, None where the system does not say it."""
    known = [amount for amount in (_of_machine(), _of_group(), _of_process()) if amount is not None]
    return min(known) if known else None


def check_room(needed: int, advice: str) -> None:
    """Raise before an array is made for which there is no memory.

    Parameters
    ----------
    needed
        Bytes, with what is needed on the way.
    advice
        What to do, in the imperative.

    Raises
    ------
    DataError
        If fewer bytes are free.
    """
    free = available_memory()
    if free is not None and needed > free:
        raise DataError(
            f"This would take about {needed:,} bytes ({needed / 2**30:,.1f} GiB) of memory and {free:,} "
            f"({free / 2**30:,.1f} GiB) are free. {advice}"
        )


def _of_machine() -> int | None:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def _of_process() -> int | None:
    """Read what the process's own limit leaves of addresses (``ulimit -v``)."""
    try:
        from resource import RLIM_INFINITY, RLIMIT_AS, getpagesize, getrlimit

        limit = getrlimit(RLIMIT_AS)[0]
        return None if limit == RLIM_INFINITY else limit - int(_STATM.read_text().split()[0]) * getpagesize()
    except (ImportError, OSError, ValueError):
        return None


def _of_group() -> int | None:
    """Read what the control group of a container leaves."""
    try:
        limit = int((_GROUP / "memory.max").read_text())
        return limit - int((_GROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return None
