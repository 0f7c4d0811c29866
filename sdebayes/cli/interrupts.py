"""Ctrl-C ends the program with one line and exit code 130: whenever it comes, and whatever swallows it on its way.

Before a command runs and after it has ended there is nothing to tidy, and the program ends on the spot; while Python
itself is taken down all is done, and it ends as it would have. In a command KeyboardInterrupt is raised, so that files
are closed and temporary ones removed. Code between may swallow it: a destructor, a callback from compiled code, a
failed import. It is raised again until it arrives. Pressed again by the user, while tidying or a long call into
compiled code takes its time, Ctrl-C ends the program on the spot as well.

Little is imported here, so that little comes before it is installed.
"""

from __future__ import annotations

import _thread
import atexit
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

INTERRUPTED = 130
_LINE = "sdebayes: interrupted; nothing was left half-written.\n"
_SHOW_CURSOR = "\x1b[?25h"
_PAUSE = 0.3
"""Seconds after which an interrupt that has not arrived is raised again, and within which a second one is the first."""


class Interrupts:
    """What Ctrl-C does to the process, once it is installed."""

    def __init__(self) -> None:
        self._installed = self._in_command = self._pressed = self._said = False
        self._saying = _thread.RLock()

    def install(self) -> None:
        """Take Ctrl-C over, in the main thread, unless the process was started with it ignored."""
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return
        self._installed = True
        signal.signal(signal.SIGINT, self._receive)
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
        sys.unraisablehook = self._unraisable
        bell, ring = os.pipe()
        os.set_blocking(ring, False)
        signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
        _thread.start_new_thread(self._watch, (bell,))

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Run a command, in which an interrupt is raised; one that was swallowed is raised at its end.

        Raises
        ------
        KeyboardInterrupt
            If there was one, whatever else the command raised because of it.
        """
        self._in_command = True
        try:
            yield
        except (Exception, SystemExit):
            if self._pressed:
                raise KeyboardInterrupt from None
            raise
        finally:
            self._in_command = False
        if self._pressed:
            raise KeyboardInterrupt

    def say(self, write: Callable[[str], object]) -> None:
        """Say that the program was interrupted: once, if it has taken Ctrl-C over."""
        with self._saying:
            if not self._said:
                write(_LINE)
                self._said = self._installed

    @contextmanager
    def said_at_last(self) -> Iterator[None]:
        """Run the program; say that it was interrupted, and end it so, where nothing else has."""
        try:
            yield
        finally:
            self._in_command = False
            if self._pressed:
                self.say(sys.stderr.write)
                raise SystemExit(INTERRUPTED) from None

    def _receive(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal, in the main thread as soon as it runs Python code."""
        self._pressed = True
        if self._in_command and not _is_being_handled():
            raise KeyboardInterrupt

    def _watch(self, bell: int) -> None:
        """Wait for the signal beside the main thread, which may be in compiled code."""
        os.read(bell, 1)
        if self._in_command:
            time.sleep(_PAUSE)
            self._insist(bell)
            os.read(bell, 1)
        self._leave()

    def _insist(self, bell: int) -> None:
        """Interrupt the command until it has ended, or until there is another signal than one's own."""
        os.set_blocking(bell, False)
        _rung(bell)
        while self._in_command:
            _thread.interrupt_main()  # which rings, too
            time.sleep(_PAUSE)
            if _rung(bell) > 1:
                self._leave()
        os.set_blocking(bell, True)

    def _leave(self) -> None:
        self.say(_past_streams)
        children = getattr(sys.modules.get("multiprocessing"), "active_children", list)
        for child in children():
            child.kill()
        os._exit(INTERRUPTED)

    def _unraisable(self, found: Any) -> None:
        """Be silent where the interrupt itself was raised in a destructor or a callback."""
        if not (self._pressed and issubclass(found.exc_type, KeyboardInterrupt)):
            sys.__unraisablehook__(found)


def _past_streams(line: str) -> None:
    """Write to standard error, whatever is under way there."""
    os.write(2, (_SHOW_CURSOR + line if os.isatty(2) else line).encode())


def _is_being_handled() -> bool:
    """Whether the code that a signal came upon is tidying up after an interrupt already."""
    handled = sys.exception()
    while handled is not None and not isinstance(handled, KeyboardInterrupt):
        handled = handled.__context__
    return handled is not None


def _rung(bell: int) -> int:
    """Return how many signals have come since it was read."""
    try:
        return len(os.read(bell, 512))
    except BlockingIOError:
        return 0


ctrl_c = Interrupts()
