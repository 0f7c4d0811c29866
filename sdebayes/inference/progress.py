"""Progress bars for long computations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Advance = Callable[[int, str, int], None]


@contextmanager
def progress_bars(titles: list[str], total: int, shown: bool) -> Iterator[Advance]:
    """Show one bar for each title on standard error.

    Yields
    ------
    advance
        ``advance(index, note, count)`` moves bar ``index`` on by ``count`` and shows ``note`` beside it.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as progress:
        tasks = [progress.add_task(title, total=total, note="") for title in titles]

        def advance(index: int, note: str, count: int) -> None:
            progress.update(tasks[index], advance=count, note=note)

        yield advance
