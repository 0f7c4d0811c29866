"""One program in several processes, which JAX has joined: each computes the same, and a share of what is divided.

What they compute together they must ask for in one order, so that nothing runs in several threads.
"""

from __future__ import annotations

import hashlib

import jax
import numpy as np

from sdebayes._core.errors import ClusterError, ModelError


def are_several() -> bool:
    """Whether ``jax.distributed`` has joined several processes."""
    return jax.process_count() > 1


def check_same(what: str) -> None:
    """Raise unless all processes were asked for the same; nothing is compared where there is one.

    Parameters
    ----------
    what
        What was asked for: model, data, strategy and seed.

    Raises
    ------
    ModelError
        If another process was asked for something else.
    ClusterError
        If another process has gone.
    """
    if not are_several():
        return
    from jax.experimental.multihost_utils import process_allgather

    own = np.frombuffer(hashlib.sha256(what.encode()).digest(), dtype=np.uint8).astype(np.int32)
    try:
        digests = np.asarray(process_allgather(own))
    except RuntimeError as error:
        raise ClusterError(
            f"A process of this fit cannot be reached: {error}. Start all of them again."
        ) from error
    other = np.flatnonzero((digests != own).any(axis=1))
    if len(other):
        raise ModelError(
            f"Process {jax.process_index()} was not asked for what process {other[0]} was: model, data, strategy, seed "
            "or version differ. Start the same program with the same data in all of them."
        )
