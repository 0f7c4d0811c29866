"""Room for compiled programs: Linux allows a process some 65,000 mappings of memory, a program takes hundreds."""

from __future__ import annotations

import gc
from pathlib import Path

import jax

LIMIT, OWN = Path("/proc/sys/vm/max_map_count"), Path("/proc/self/maps")
"""Where Linux says how many mappings a process may have, and which this one has."""

FULL = 0.5
"""Share of the limit from which on room is made."""


def make_room() -> None:
    """Let go of all compiled programs of the process where few more would go in; they are compiled again when needed.

    At the limit XLA fails to compile, "Failed to materialize symbols", and allocations fail.
    """
    if not (LIMIT.exists() and OWN.exists()):
        return
    with OWN.open() as lines:
        used = sum(1 for _ in lines)
    if used > FULL * int(LIMIT.read_text()):
        jax.clear_caches()
        gc.collect()
