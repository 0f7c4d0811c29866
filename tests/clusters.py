"""Clusters of this machine's processes, and kills of their workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
import numpy as np
from distributed import Client, LocalCluster  # before anything is set in its configuration


@contextmanager
def cluster_of(workers: int, **options) -> Iterator[object]:
    """Have so many worker processes of one thread each; the client is yielded."""
    options = {"threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"} | options
    # a worker's place is given up that is empty so long after a death: it may be so again because of another
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}),
        LocalCluster(n_workers=workers, **options) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def killing(cluster, kills: list[int], most: int) -> Iterator[None]:
    """Kill one of two workers now and then, once the one that came in the place of the last is there.

    A worker that dies while its nanny still starts it is not started again: Dask's nannies give up then.
    """
    ended, rng = threading.Event(), np.random.default_rng(len(kills))

    def kill() -> None:
        while not ended.wait(rng.uniform(0.1, 3)) and len(kills) < most:
            whole = [nanny.pid for nanny in cluster.workers.values() if nanny.status.name == "running"]
            if len(cluster.scheduler.workers) == len(whole) == 2:
                os.kill(int(rng.choice(whole)), signal.SIGKILL)
                kills.append(1)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def scheduler_apart(folder: Path) -> Iterator[tuple[object, subprocess.Popen]]:
    """Have a scheduler and a worker as programs of their own; the client is yielded, and the scheduler's process."""

    def program(name: str, *options: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.dask_{name}", "--scheduler-file", str(where)]
        return subprocess.Popen([*command, "--no-dashboard", "--host", "127.0.0.1", *options])

    where = folder / "scheduler.json"
    scheduler, worker = program("scheduler", "--port", "0"), program("worker", "--nthreads", "1")
    try:
        with Client(scheduler_file=str(where)) as client:
            client.wait_for_workers(1, timeout=60)
            yield client, scheduler
    finally:
        for process in (worker, scheduler):
            process.terminate()
            process.wait()


@contextmanager
def killed_once(process: subprocess.Popen, so_far: Callable[[], bool]) -> Iterator[None]:
    """Kill a process, while the body runs, as soon as something holds; the time from there to its end is printed."""
    at: list[float] = []

    def kill() -> None:
        while not so_far():
            if ended.wait(0.01):
                return
        process.kill()
        at.append(time.monotonic())

    ended, thread = threading.Event(), threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    print(f"ended {time.monotonic() - at[0]:.1f} s after the kill")


@contextmanager
def within(seconds: int, said: Callable[[], object]) -> Iterator[None]:
    """Raise `TimeoutError`, with what is said of the state of things, unless the body ends in time."""

    def late(*_: object) -> None:
        raise TimeoutError(f"Not done in {seconds} s: {said()}")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
