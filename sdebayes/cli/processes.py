"""A command in several processes, which share the devices of all of them."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sdebayes._core.errors import ClusterError, ModelError
from sdebayes.cli.errors import ERROR, say
from sdebayes.cli.interrupts import INTERRUPTED

PATIENCE = 300.0
"""Seconds in which all processes must have started."""


@contextmanager
def joined(coordinator: str | None, processes: int | None, process: int | None) -> Iterator[bool]:
    """Run the body with trajectories divided among all devices of so many processes.

    What goes wrong in the body, or that others do not come, ends the program without waiting for them.

    Parameters
    ----------
    coordinator
        Host and port at which process 0 waits for the others; None for this process alone.
    processes
        How many there are.
    process
        Which of them this is, from 0.

    Yields
    ------
    bool
        Whether this is the process that writes files and says what was found.

    Raises
    ------
    ModelError
        If something of it is missing or out of range.
    ClusterError
        If the others cannot be reached, or one of them dies.
    """
    if coordinator is None:
        if processes is not None or process is not None:
            raise ModelError("--processes and --process go with --coordinator HOST:PORT.")
        yield True
        return
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal():
        raise ModelError(f"--coordinator is {coordinator!r}; expected HOST:PORT, such as 10.0.0.1:1234.")
    if processes is None or process is None or not 0 <= process < processes:
        raise ModelError(
            f"--coordinator needs --processes, their number, and --process, from 0 to one less; found {processes} and "
            f"{process}."
        )
    import jax
    from jax.sharding import AxisType

    _meet(coordinator, processes, process)
    devices = jax.make_mesh((jax.device_count(),), ("trajectory",), axis_types=(AxisType.Auto,))
    try:
        with jax.set_mesh(devices):
            yield process == 0
    except jax.errors.JaxRuntimeError as error:
        _end_without_the_others(ERROR)
        raise ClusterError(
            f"Process {process} of {processes} has lost another, which died or was ended: {error}. Nothing was "
            "written, and what was there is as it was. Start all of them again."
        ) from error
    except BaseException as error:
        _end_without_the_others(INTERRUPTED if isinstance(error, KeyboardInterrupt) else ERROR)
        raise
    jax.distributed.shutdown()


def _meet(coordinator: str, processes: int, process: int) -> None:
    """Wait for the others, for which JAX would wait as long and then abort."""
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    found_none = (
        f"Process {process} of {processes} found not all of the others at {coordinator} in {PATIENCE:.0f} s. Start all "
        "of them within that time, with the same --coordinator and --processes, and each with its own --process."
    )
    clock = threading.Timer(PATIENCE, _give_up, [f"error: {found_none}"])
    clock.daemon = True
    clock.start()
    try:
        jax.distributed.initialize(coordinator, processes, process, initialization_timeout=2 * int(PATIENCE))
    except RuntimeError as error:
        raise ClusterError(f"{found_none} {error}") from error
    finally:
        clock.cancel()


def _give_up(message: str) -> None:
    say(message)
    os._exit(ERROR)


def _end_without_the_others(code: int) -> None:
    """Let the program end on the spot: JAX would wait for the others, which may wait for this process, or be gone."""

    def end() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    atexit.register(end)  # done before what JAX has registered
