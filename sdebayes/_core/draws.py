"""Which draws are used: one rule for everything that reads a posterior, simulates, or shows a few of many."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jaxtyping import Int, PyTree

from sdebayes._core.errors import DataError
from sdebayes._core.memory import COPIES, check_room

MEMORY_LIMIT = 2**30
"""Largest array, in bytes, that is made without being asked for by a number of draws (1 GiB)."""

ADVICE = "Ask for fewer paths, times or grid points, trajectories or horizons, or for fewer samples."


def evenly_spread(available: int, wanted: int) -> Int[np.ndarray, " chosen"]:
    """Return at most so many increasing positions, evenly spread from the first to the last; all if there are fewer."""
    return np.linspace(0, available - 1, min(wanted, available)).round().astype(int)


def take_draws(stacked: PyTree, draws: np.ndarray) -> PyTree:
    """Return these draws of stacked ones, in this order; by NumPy, as JAX would compile it for each shape anew."""

    def take(leaf: Any) -> Any:
        return jax.device_put(np.asarray(leaf)[draws]) if isinstance(leaf, np.ndarray | jax.Array) else leaf

    with jax.enable_x64(True):  # each array keeps its precision
        return jax.tree.map(take, stacked)


def choose_draws(
    available: int, bytes_per_draw: int, samples: int | None, most: int | None = None
) -> Int[np.ndarray, " sample"]:
    """Choose which draws to use, evenly spread from the first to the last.

    Parameters
    ----------
    available
        Number of draws.
    bytes_per_draw
        Size of the largest result of one draw.
    samples
        At most so many draws; None takes as many as keep the largest result within ``MEMORY_LIMIT``.
    most
        Where ``samples`` is None, at most so many; None for no such limit.

    Returns
    -------
    numpy.ndarray
        Increasing indices of the chosen draws.

    Raises
    ------
    DataError
        If not even one draw fits and ``samples`` was not given, or there is no memory for what was asked for.
    """
    if samples is None:
        samples = min(MEMORY_LIMIT // max(bytes_per_draw, 1), available if most is None else most)
        if samples == 0:
            raise DataError(
                f"One draw alone makes an array of {bytes_per_draw / 2**30:.1f} GiB, above the limit of "
                f"{MEMORY_LIMIT / 2**30:.0f} GiB. {ADVICE} Pass samples=1 to go ahead."
            )
    chosen = evenly_spread(available, samples)
    check_room(COPIES * chosen.size * bytes_per_draw, ADVICE)
    return chosen
