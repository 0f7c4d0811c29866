"""Tasks on a cluster of dask.distributed, and what is said where it is lost or its workers die."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sdebayes._core.errors import ClusterError


def client_of(get: object) -> Any:
    """Return the client of a cluster whose ``get`` this is, or None: it may be another scheduler's."""
    client = getattr(get, "__self__", None)
    known = "distributed" in sys.modules and isinstance(client, sys.modules["distributed"].Client)
    return client if known else None


def sliding(client: Any, tasks: Iterator[Any], again: str) -> Iterator[Any]:
    """Have a cluster do some tasks at a time, and the next as soon as the first of them has come.

    Parameters
    ----------
    client
        Of the cluster.
    tasks
        Delayed calls; two are in hand for each thread that the cluster has by now.
    again
        How the same call goes on after an error: a clause that begins with "which".

    Yields
    ------
    object
        A result, in the tasks' order.

    Raises
    ------
    ClusterError
        If the cluster is lost, or workers die of a task.
    """
    ahead: deque[Any] = deque()
    way = _Way(client, None, again)
    try:
        while True:
            with way.watched():
                for task in islice(tasks, max(0, _most(client) - len(ahead))):
                    ahead.append(client.compute(task, optimize_graph=False))
                if not ahead:
                    return
                result = ahead[0].result()
            ahead.popleft().release()
            way.finished += 1
            yield result
    finally:
        for future in ahead:
            future.release()


def all_of(client: Any, tasks: list[Any], told: Callable[[Any, Any], None], again: str) -> None:
    """Send tasks to a cluster and hand on each result as it comes: what has come is not asked for again.

    Parameters
    ----------
    client, tasks, again
        As in `sliding`; all tasks are sent at once.
    told
        Is given the key of a task and its result.

    Raises
    ------
    ClusterError
        As `sliding`.
    """
    from distributed import as_completed
    from distributed.client import FutureCancelledError

    futures: list[Any] = []
    way = _Way(client, len(tasks), again)
    try:
        with way.watched():
            futures = client.compute(tasks, optimize_graph=False)
            for future, result in as_completed(futures, with_results=True):
                if isinstance(result, FutureCancelledError):
                    raise result
                told(future.key, result)
                future.release()
                way.finished += 1
    finally:
        for future in futures:
            future.release()


@dataclass
class _Way:
    """How far tasks have come, and how the call that sent them goes on."""

    client: Any
    total: int | None
    again: str
    finished: int = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Say in words of the caller what Dask says of a cluster; errors of tasks are left as they are."""
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker, NoValidWorkerError, NoWorkerError

        if self.client.status != "running":
            raise self._lost
        try:
            yield
        except FutureCancelledError as error:
            raise self._lost from error
        except (NoWorkerError, NoValidWorkerError) as error:
            raise ClusterError(
                f"The cluster had no worker for a task {self}: {error} Start workers and call again, {self.again}."
            ) from error
        except KilledWorker as error:
            raise ClusterError(
                f"{error.allowed_failures + 1} workers died with the same task in hand {self}, the last at "
                f"{error.last_worker.address}. Where a task needs more memory than a worker has, its nanny ends the "
                "worker: the workers' logs say so. Give workers more memory (memory_limit) and call again, "
                f"{self.again}."
            ) from error

    @property
    def _lost(self) -> ClusterError:
        return ClusterError(
            f"The cluster was lost {self}: its scheduler has gone, or the tasks were cancelled. Start a cluster and "
            f"call again, {self.again}."
        )

    def __str__(self) -> str:
        of = "" if self.total is None else f" of {self.total}"
        return f"after {self.finished}{of} tasks"


def _most(client: Any) -> int:
    """Return how many tasks a cluster is to have in hand: two for each thread, and two where there is none yet."""
    try:
        return 2 * max(1, sum(client.nthreads().values()))
    except OSError:  # its scheduler does not answer, and futures will say so
        return 2
