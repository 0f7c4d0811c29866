"""What holds for every command: one line for an error, none half-written, code compiled fast and kept."""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import typer

from sdebayes._core.errors import (
    LeftOutWarning,
    NotStoredWarning,
    SdebayesError,
    StoreError,
    UnlikelyTargetWarning,
)
from sdebayes.cli.interrupts import INTERRUPTED, ctrl_c

ERROR = 2


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command say its errors and what it left out in one line on standard error, and end with the exit code."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            with ctrl_c.raised(), _saying_what_is_left_out():
                command(*arguments, **options)
        except SdebayesError as error:
            say("error: " + " ".join(str(error).split()))
            raise typer.Exit(ERROR) from None
        except KeyboardInterrupt:
            ctrl_c.say(sys.stderr.write)
            raise typer.Exit(INTERRUPTED) from None

    return run


_SAID = (LeftOutWarning, NotStoredWarning, UnlikelyTargetWarning)


@contextmanager
def _saying_what_is_left_out() -> Iterator[None]:
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, _SAID):
                say(" ".join(str(message).split()))
            else:
                others(message, category, *place, **more)

        warnings.showwarning = show
        for kind in _SAID:
            warnings.simplefilter("always", kind)
        yield


def say(message: str) -> None:
    """Say something in a line on standard error."""
    print(f"sdebayes: {message}", file=sys.stderr, flush=True)


def prepare_compiler() -> None:
    """Let JAX compile fast, and keep what it compiles in the user's cache directory, for the next run.

    On the first level of optimisation programs run as fast as on the third and are compiled in four fifths of the time.
    What is named in XLA's and JAX's own environment variables has precedence; a directory that cannot be made is done
    without.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_optimization_level" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_backend_optimization_level=1".strip()
    from sdebayes._core.cache_directory import keep_compiled

    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        with suppress(StoreError):
            keep_compiled()
