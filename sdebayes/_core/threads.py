"""Several evaluations of a compiled function at the same time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import jax

from sdebayes._core.processes import are_several


def side_by_side[Item, Result](function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Map a function over items, a thread for each processor: compiled code runs outside the interpreter's lock.

    One after another where several processes compute together.

    Parameters
    ----------
    function
        What it compiles should be compiled already: programs are traced one at a time.
    items
        Its arguments.
    """
    wide = jax.config.jax_enable_x64

    def run(item: Item) -> Result:
        with jax.enable_x64(wide):
            return function(item)

    if are_several():
        return [function(item) for item in items]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(run, items))
