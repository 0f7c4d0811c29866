"""Files that are there whole or not at all: made in memory, written beside the target, put in its place in one step.

What is written next to a target lies in a directory ``.<name>.<eight characters>.unfinished``. The process that writes
holds a lock in it, which ends with the process, so that the next write of the target tells what a killed one left.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from filelock import FileLock

from sdebayes._core.errors import StoreError

Content: TypeAlias = bytes | memoryview

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ATTEMPTS = 100
_OURS = re.compile(r"\.(?P<target>.+)\.[a-z0-9_]{8}\.unfinished", re.DOTALL)


def check_writable(path: Path) -> Path:
    """Return the path of an output if it can be written, before the work for it begins.

    Raises
    ------
    StoreError
        If it is a directory or a device, or its directory is not there or cannot be written.
    """
    if path.suffix != ".zarr":
        _refuse_what_is_no_file(path)
    if not path.parent.is_dir():
        raise StoreError(
            f"{path} cannot be written: the directory {path.parent} does not exist. Make it first."
        )
    if not os.access(path.parent, os.W_OK):
        raise StoreError(f"{path} cannot be written: no permission to write in {path.parent}.")
    return path


def write(path: Path, *parts: Content) -> None:
    """Write a file, whole or not at all; one that it replaces passes its mode on.

    Parameters
    ----------
    path
        The file; a symbolic link stays one, and the file it points to is replaced.
    parts
        The content, one part after another.

    Raises
    ------
    StoreError
        If it cannot be written; a file that was there is then as it was.
    """
    _refuse_what_is_no_file(path)
    with _told(path, parts), _unfinished(target := path.resolve()) as new:
        _write_through(new, parts)
        if target.exists():
            new.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(new, target)


def write_folder(path: Path, files: Mapping[str, Content]) -> None:
    """Write a directory of files, whole or not at all; one that it replaces passes its modes on.

    Parameters
    ----------
    path
        The directory. All that is in it is replaced.
    files
        {name, with "/" for directories within: content}.

    Raises
    ------
    StoreError
        If it cannot be written; a directory that was there is then as it was.
    """
    with folder_to_be(path, files.values()) as new:
        for name, content in files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            _write_through(new / name, (content,))


@contextmanager
def folder_to_be(path: Path, parts: Iterable[Content] = ()) -> Iterator[Path]:
    """Fill a directory beside the target, which takes its place if the body comes to its end, and is removed if not.

    Parameters
    ----------
    path
        The target. All that is in it is replaced; a directory that was there passes its modes on.
    parts
        What is written, where that is known before.

    Yields
    ------
    Path
        The directory to fill.

    Raises
    ------
    StoreError
        If it cannot be written; a directory that was there is then as it was.
    """
    with _told(path, parts), _unfinished(target := path.resolve()) as new:
        new.mkdir()
        yield new
        if target.exists():
            _take_modes(new, target)
            os.replace(target, _former(new.parent))
        os.replace(new, target)


def sweep(path: Path) -> None:
    """Remove what killed processes left of writing this path, and put back what one had just moved out of the way."""
    target = path.resolve()
    with suppress(OSError):
        for folder in list(target.parent.iterdir()):
            if (ours := _OURS.fullmatch(folder.name)) and ours["target"] == target.name:
                with suppress(OSError), _lock(folder).acquire(timeout=0):
                    _dissolve(folder, target)


def sweep_all(place: Path) -> None:
    """Do as :func:`sweep` for every target in a directory and those within."""
    for folder in list(place.rglob("*.unfinished")):
        if ours := _OURS.fullmatch(folder.name):
            sweep(folder.parent / ours["target"])


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """Give a name to write to beside the target, in a directory that is removed in the end."""
    sweep(target)
    folder, lock = _own_folder(target)
    try:
        yield folder / "new"
    finally:
        _dissolve(folder, target)
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def _own_folder(target: Path) -> tuple[Path, FileLock]:
    """Make a directory and lock it, again where a sweep came between."""
    for _ in range(_ATTEMPTS):
        folder = Path(tempfile.mkdtemp(".unfinished", f".{target.name}.", target.parent))
        lock = _lock(folder)
        with suppress(TimeoutError, FileNotFoundError):
            lock.acquire(timeout=0)
            if Path(lock.lock_file).exists():
                return folder, lock
            lock.release()
    raise OSError(errno.EAGAIN, "other processes sweep there without end")


def _lock(folder: Path) -> FileLock:
    return FileLock(folder / "lock")


def _former(folder: Path) -> Path:
    return folder / "former"


def _dissolve(folder: Path, target: Path) -> None:
    """Remove a directory, after what it took from the target's place is back there if nothing else is."""
    if _former(folder).exists() and not target.exists():
        os.replace(_former(folder), target)
    shutil.rmtree(folder, ignore_errors=True)


def _write_through(path: Path, parts: Iterable[Content]) -> None:
    """Write a new file, down to the disk."""
    with path.open("xb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def _take_modes(new: Path, former: Path) -> None:
    """Give directories the mode of the former one, and files that of the former files, which had one."""
    directory = stat.S_IMODE(former.stat().st_mode)
    files = next((stat.S_IMODE(file.stat().st_mode) for file in former.rglob("*") if file.is_file()), None)
    for entry in [new, *new.rglob("*")]:
        mode = directory if entry.is_dir() else files
        if mode is not None:
            entry.chmod(mode)


def _refuse_what_is_no_file(path: Path) -> None:
    if path.is_dir():
        raise StoreError(f"{path} cannot be written: it is a directory; give the name of a file in it.")
    if path.exists() and not path.is_file():
        raise StoreError(f"{path} cannot be written: it is a device or a pipe; give the name of a file.")


@contextmanager
def _told(path: Path, parts: Iterable[Content]) -> Iterator[None]:
    """Turn an error of the system into one that says what to do."""
    try:
        yield
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        kept = "What was there is as it was."
        what = f"{path} cannot be written: {error.strerror or error}."
        if error.errno in _NO_ROOM:
            size = sum(len(part) for part in parts)
            what += (
                f"{f' It takes {size:,} bytes' if size else ' There is no room'}{_free(path)}. Make room, or"
            )
            raise StoreError(f"{what} choose another place. {kept}") from error
        raise StoreError(f"{what} Choose another place. {kept}") from error


def _free(path: Path) -> str:
    with suppress(OSError):
        return f", and {shutil.disk_usage(path.parent).free:,} are free there"
    return ""
