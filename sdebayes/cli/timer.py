"""How long each stage of a run took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class Stages:
    """A clock for the stages of a run, which says what is under way.

    Parameters
    ----------
    console
        Where it is said.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, takes: str) -> Iterator[None]:
        """Time the body, having said what is under way and about how long it takes."""
        self.console.print(f"[dim]· {name} ({takes})[/]")
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start

    def __str__(self) -> str:
        parts = [f"{name} {seconds:.0f} s" for name, seconds in self.seconds.items()]
        return f"{', '.join(parts)}; {sum(self.seconds.values()):.0f} s in all"
