"""What a long computation is doing, and how long it will still take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Advance = Callable[[int, str, int], None]


def standard_error() -> Console:
    """Return the console that progress is shown on."""
    return Console(stderr=True)


@contextmanager
def stage(title: str, shown: bool) -> Iterator[None]:
    """Say what is being done where no step of it can be counted: with a clock on a terminal, else as a line.

    Parameters
    ----------
    title
        What, such as ``"compiling"``.
    shown
        Whether anything is said.
    """
    console = standard_error()
    if not shown:
        yield
    elif not console.is_terminal:
        console.print(f"{title} …")
        yield
    else:
        columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
        with Progress(*columns, console=console, transient=True) as progress:
            progress.add_task(title, total=None)
            yield


@contextmanager
def progress_bars(titles: list[str], total: int, shown: bool) -> Iterator[Advance]:
    """Show one bar for each title on standard error, with the time that is left.

    Yields
    ------
    advance
        ``advance(index, note, count)`` moves bar ``index`` on by ``count`` and shows ``note`` beside it.
    """
    columns: tuple[ProgressColumn, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("left {task.fields[note]}"),
    )
    with Progress(*columns, console=standard_error(), disable=not shown) as progress:
        tasks = [progress.add_task(title, total=total, note="") for title in titles]

        def advance(index: int, note: str, count: int) -> None:
            progress.update(tasks[index], advance=count, note=note)

        yield advance
