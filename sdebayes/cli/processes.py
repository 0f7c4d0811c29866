"""A command in several processes, which share the devices of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sdebayes._core.errors import ClusterError, ModelError


@contextmanager
def joined(coordinator: str | None, processes: int | None, process: int | None) -> Iterator[bool]:
    """Run the body with trajectories divided among all devices of so many processes.

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
        If the others do not come.
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

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(coordinator, processes, process)
    except RuntimeError as error:
        raise ClusterError(
            f"Process {process} of {processes} found no others at {coordinator}: {error}. Start all of them within "
            "five minutes."
        ) from error
    try:
        devices = jax.make_mesh((jax.device_count(),), ("trajectory",), axis_types=(AxisType.Auto,))
        with jax.set_mesh(devices):
            yield process == 0
    finally:
        jax.distributed.shutdown()
