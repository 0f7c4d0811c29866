"""Ctrl-C: one line and exit code 130, whenever it comes, whatever swallows it, and pressed again."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import sdebayes as sb

LINE = "sdebayes: interrupted; nothing was left half-written.\n"
TIMES = 20
LONG = 120

# A process that is started in the background may ignore the signal. The mark is written when Ctrl-C has been taken
# over, which is the first that the program does: what comes before is Python's own start.
START = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from sdebayes.cli.interrupts import ctrl_c
ctrl_c.install()
os.write(1, b"*")
"""
PROGRAM = START + "from sdebayes.__main__ import main\nmain()"
COMMAND = f"""{START}
import sys, time
from sdebayes.cli.errors import guarded

def spend(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)

class Rests:
    def __del__(self):
        os.write(1, b"*")
        spend({LONG})

@guarded
def swallowed():
    for _ in range(3):
        try:
            os.write(1, b"*")
            spend({LONG})
        except BaseException:
            pass
    spend({LONG})

@guarded
def in_a_destructor():
    Rests()
    spend({LONG})

@guarded
def replaced():
    try:
        os.write(1, b"*")
        spend({LONG})
    except BaseException:
        raise ImportError("cannot import name") from None

@guarded
def tidying():
    try:
        os.write(1, b"*")
        spend({LONG})
    finally:
        spend(1)
        os.write(1, b"tidy")

@guarded
def tidying_for_long():
    try:
        os.write(1, b"*")
        spend({LONG})
    finally:
        os.write(1, b"*")
        spend({LONG})

@guarded
def ended():
    import atexit, ctypes
    library = ctypes.CDLL(None)
    sleep = ctypes.cast(library.sleep, ctypes.c_void_p)
    library.__cxa_atexit(sleep, ctypes.c_void_p(5), None)  # after Python is no more
    os.write(1, b"*")

@guarded
def beside_compiled_code():
    import hashlib
    os.write(1, b"*")
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)

import typer
try:
    globals()[sys.argv[1]]()
except typer.Exit as error:
    os.write(1, b"*")
    sys.exit(error.exit_code)
"""


class Run:
    """A program that writes marks."""

    def __init__(self, code: str, *arguments: str, cwd: Path | None = None) -> None:
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environment,
        )

    def wait_for_mark(self) -> None:
        ready, _, _ = select.select([self.process.stdout], [], [], LONG)
        assert ready
        assert os.read(self.process.stdout.fileno(), 1) == b"*"

    def processor_seconds(self) -> float:
        """What it has taken so far: a clock that other programs do not disturb."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait_for(self, seconds: float) -> bool:
        """Wait until it has taken so much; False where it has ended before."""
        while self.process.poll() is None:
            if self.processor_seconds() >= seconds:
                return True
            time.sleep(0.001)
        return False

    def press(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str, bytes]:
        """Exit code, standard error and the rest of standard output."""
        out, err = self.process.communicate(timeout=5 * LONG)
        return self.process.returncode, err.decode(), out


def test_while_modules_are_imported():
    run = Run(PROGRAM, "fit", "none.nc", "-o", "p.nc")
    run.wait_for_mark()
    run.press()
    assert run.end()[:2] == (130, LINE)


@pytest.mark.parametrize("command", ["swallowed", "in_a_destructor", "replaced", "tidying"])
def test_an_interrupt_that_is_swallowed_comes_again_and_one_that_is_not_may_tidy(command):
    run = Run(COMMAND, command)
    run.wait_for_mark()
    run.wait_for_mark()
    run.press()
    code, err, out = run.end()
    assert (code, err) == (130, LINE)
    assert b"tidy" in out or command != "tidying"


@pytest.mark.parametrize("command", ["tidying_for_long", "beside_compiled_code"])
def test_a_second_one_ends_the_program_on_the_spot(command):
    run = Run(COMMAND, command)
    run.wait_for_mark()
    run.wait_for_mark()
    run.press()
    if command == "tidying_for_long":
        run.wait_for_mark()
    time.sleep(1)
    run.press()
    assert run.end()[:2] == (130, LINE)


@pytest.mark.skipif(sys.platform != "linux", reason="the exit of C's library is called by its name there")
def test_a_program_whose_work_is_done_ends_as_it_would_have():
    run = Run(COMMAND, "ended")
    run.wait_for_mark()
    run.wait_for_mark()
    time.sleep(2)
    run.press()
    assert run.end()[:2] == (0, "")


def test_a_process_that_ignores_it_goes_on_ignoring_it():
    run = Run(PROGRAM.replace("default_int_handler", "SIG_IGN"), "--help")
    run.wait_for_mark()
    run.press()
    assert run.end()[0] == 0


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processor time is read from /proc")
def test_a_fit_at_seeded_times_from_the_first_millisecond(tmp_path, monkeypatch):
    """At times of the processor, as shares of those of a whole run, the compiler's cache being filled."""
    monkeypatch.setenv("SDEBAYES_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "work"
    folder.mkdir()
    x = np.random.default_rng(0).standard_normal((3, 20, 1))
    sb.data.save(sb.trajectories(list(x)), folder / "states.nc")
    arguments = ("fit", "states.nc", "-o", "posterior.nc", "--exact", "--draws", "50", "--warmup", "50")
    for _ in range(2):
        whole, total = Run(PROGRAM, *arguments, cwd=folder), 0.0
        while whole.process.poll() is None:
            total = max(total, whole.processor_seconds())
            time.sleep(0.01)
        code, _, out = whole.end()
        assert (code, out.splitlines()[-1]) == (0, b"posterior.nc")
    former, inventory = (folder / "posterior.nc").read_bytes(), sorted(folder.iterdir())

    generator, held, number = random.Random(0), 0, 0
    while number < TIMES:
        after = 0.001 if number == 0 else total * generator.random()
        run = Run(PROGRAM, *arguments, cwd=folder)
        run.wait_for_mark()
        in_time = run.wait_for(after)
        run.press()
        code, err, out = run.end()
        if not in_time:
            continue
        number += 1
        whole_output = b"posterior.nc\n" in out or (folder / "posterior.nc").read_bytes() == former
        ended = (code, err) == (130, LINE) or (code == 0 and b"posterior.nc\n" in out)
        good = ended and sorted(folder.iterdir()) == inventory and whole_output
        held += good
        print(f"after {after:.2f} s of {total:.2f}: {code}, {err!r}{'' if good else f' BROKEN {out!r}'}")
    print(f"{held} of {TIMES} held")
    assert held == TIMES
