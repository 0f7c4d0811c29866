"""Files are written whole or not at all, whatever ends the writing; leftovers go; modes stay."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import pytest

from sdebayes._core import files
from sdebayes._core.errors import StoreError
from sdebayes._core.seal import read_sealed, seal
from tests.reliability.attacks import WITHOUT_THE_REST, largest_file, process

HALTED = """
import os, pathlib
from sdebayes._core import files
synchronise = os.fsync
def halt(descriptor):
    print("halted", flush=True)
    input()
    synchronise(descriptor)
os.fsync = halt
"""


@contextmanager
def halted_writer(path, call='files.write(path, b"new")') -> Iterator:
    """Start a process that has written beside the target and waits to go on."""
    writer = process(f"{WITHOUT_THE_REST}{HALTED}path = pathlib.Path({str(path)!r})\n{call}")
    try:
        assert writer.stdout.readline() == "halted\n"
        yield writer
    finally:
        writer.kill()
        writer.communicate()


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_a_write_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    for content in (b"first", b"second", b""):
        files.write(path, content)
        assert path.read_bytes() == content
        assert names(tmp_path) == ["a.txt"]


def test_modes(tmp_path):
    """A new file follows the umask; one that is replaced passes its mode on."""
    path, store = tmp_path / "a", tmp_path / "a.zarr"
    former = os.umask(0o027)
    try:
        files.write(path, b"1")
        files.write_folder(store, {"x/y": b"1"})
    finally:
        os.umask(former)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE(store.stat().st_mode) == 0o750
    path.chmod(0o600)
    store.chmod(0o700)
    (store / "x/y").chmod(0o600)
    files.write(path, b"2")
    files.write_folder(store, {"x/y": b"2", "z": b"3"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [stat.S_IMODE((store / name).stat().st_mode) for name in (".", "x", "x/y", "z")] == [
        0o700,
        0o700,
        0o600,
        0o600,
    ]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "a", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    files.write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, message in (("pipe", "a device or a pipe"), ("folder", "is a directory")):
        with pytest.raises(StoreError, match=message):
            files.check_writable(tmp_path / name)
        with pytest.raises(StoreError, match=message):
            files.write(tmp_path / name, b"1")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_full_disk_is_said_and_the_former_file_stays(tmp_path):
    path, store = tmp_path / "a", tmp_path / "a.zarr"
    files.write(path, b"old")
    files.write_folder(store, {"x": b"old"})
    message = (
        r"cannot be written: .*takes 5,000 bytes, and [\d,]+ are free there\. Make room, or choose another"
    )
    with largest_file(1000):
        with pytest.raises(StoreError, match=message) as raised:
            files.write(path, b"n" * 4000, b"n" * 1000)
        with pytest.raises(StoreError, match=message):
            files.write_folder(store, {"x": b"n" * 100, "y": b"n" * 4900})
    assert raised.value.__cause__.errno == errno.EFBIG
    assert path.read_bytes() == (store / "x").read_bytes() == b"old"
    assert names(tmp_path) == ["a", "a.zarr"]
    assert names(store) == ["x"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_leftovers_of_a_killed_process_are_swept(tmp_path, how):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with halted_writer(path) as writer:
        writer.send_signal(how)
        writer.wait()
    assert path.read_bytes() == b"old"
    assert len(names(tmp_path)) == 2
    files.write(tmp_path / "other", b"1")
    files.write(tmp_path / "a.b", b"1")
    assert len(names(tmp_path)) == 4
    files.write(path, b"new")
    assert names(tmp_path) == ["a", "a.b", "other"]
    assert path.read_bytes() == b"new"


def test_a_living_process_is_left_alone(tmp_path):
    path = tmp_path / "a"
    with halted_writer(path, 'files.write(path, b"theirs")') as writer:
        files.write(path, b"ours")
        files.sweep(path)
        assert len(names(tmp_path)) == 2
        assert path.read_bytes() == b"ours"
        writer.communicate("go on\n")
        assert writer.returncode == 0
    assert path.read_bytes() == b"theirs"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("moves", [1, 2])
def test_a_folder_that_was_being_exchanged_comes_back(tmp_path, moves):
    """The process is killed once the former folder is out of the way, or once the new one is in its place."""
    path = tmp_path / "a.zarr"
    files.write_folder(path, {"x": b"old"})
    die = f"""
moves, replace = [], os.replace
def replace_and_die(*arguments):
    replace(*arguments)
    moves.append(1)
    if len(moves) == {moves}:
        os.kill(os.getpid(), 9)
os.replace = replace_and_die
os.fsync = synchronise
files.write_folder(path, {{"x": b"new"}})
"""
    writer = process(f"{WITHOUT_THE_REST}{HALTED}path = pathlib.Path({str(path)!r})\n{die}")
    writer.communicate()
    assert writer.returncode == -signal.SIGKILL
    assert path.exists() == (moves == 2)
    files.sweep(path)
    assert (path / "x").read_bytes() == (b"old", b"new")[moves - 1]
    assert names(tmp_path) == ["a.zarr"]


def test_all_leftovers_within_a_directory_are_swept_but_the_living(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / ".a.nc.0123abcd.unfinished").mkdir()
    with halted_writer(tmp_path / "b"):
        files.sweep_all(tmp_path)
        assert [name for name in names(tmp_path) if name != "in"]
    assert names(tmp_path / "in") == []
    files.sweep_all(tmp_path)
    assert names(tmp_path) == ["in"]


def test_what_only_looks_like_a_leftover_stays(tmp_path):
    for name in (".a.swp", ".a.12345678", ".a.b.12345678.unfinished", ".a.1234567.unfinished"):
        (tmp_path / name).mkdir()
    files.write(tmp_path / "a", b"1")
    assert len(names(tmp_path)) == 5


@pytest.mark.slow
def test_kills_at_any_time(tmp_path):
    """A process writes and writes, and is killed at a random time: the target is whole, the next write clears up."""
    path = tmp_path / "a"
    endless = """
from sdebayes._core import files
from sdebayes._core.seal import seal
for k in range(10**9):
    content = str(k).encode() * 200_000
    files.write(path, content, seal(content))
    if not k:
        print("written", flush=True)
"""
    rng, left, held, tried = np.random.default_rng(0), 0, 0, 60
    for attempt in range(tried):
        writer = process(f"{WITHOUT_THE_REST}import pathlib\npath = pathlib.Path({str(path)!r})\n{endless}")
        assert writer.stdout.readline() == "written\n"
        with suppress(subprocess.TimeoutExpired):
            writer.wait(rng.uniform(0, 0.1))
        writer.send_signal((signal.SIGKILL, signal.SIGTERM)[attempt % 2])
        writer.communicate()
        left += len(names(tmp_path)) > 1
        whole = len(read_sealed(path, "")) > 0
        files.write(path, b"x", seal(b"x"))
        held += whole and names(tmp_path) == ["a"]
    print(f"{held} of {tried} kills held; {left} had left something")
    assert held == tried
    assert left
