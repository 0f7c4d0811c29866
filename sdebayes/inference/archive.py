"""A folder in which one run at a time keeps what it has finished: locked meanwhile, each file whole or not there."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from sdebayes._core import files
from sdebayes._core.errors import StoreError
from sdebayes._core.seal import read_sealed, seal

_LOCK, _HOLDER = "lock", "held-by.txt"


@contextmanager
def held(folder: str | Path | None) -> Iterator[None]:
    """Keep a folder for the body alone; None for no folder.

    The lock is the operating system's and ends with the process, however it ends; the file it is taken on stays. What
    a killed process left half-written is swept.

    Parameters
    ----------
    folder
        Made if it does not exist.

    Raises
    ------
    StoreError
        If another process or thread has the folder, or it cannot be made or written.
    """
    if folder is None:
        yield
        return
    place = _made(folder)
    lock = FileLock(place / _LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise StoreError(
            f"The checkpoint folder {place} is in use by another fit{_holder(place)}. Wait until that has ended and "
            "call again, which goes on from there, or give another folder."
        ) from None
    except OSError as error:
        raise StoreError(f"The checkpoint folder {place} cannot be locked: {error}.") from error
    try:
        _settle_in(place)
        yield
    finally:
        with contextlib.suppress(OSError):
            (place / _HOLDER).unlink(missing_ok=True)
        lock.release()


def _made(folder: str | Path) -> Path:
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The checkpoint folder {place} cannot be made: {error}.") from error
    return place


def _settle_in(place: Path) -> None:
    since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    try:
        (place / _HOLDER).write_text(f"process {os.getpid()}, since {since}", encoding="utf-8")
        files.sweep_all(place)
    except OSError as error:
        raise StoreError(f"The checkpoint in {place} cannot be written: {error}.") from error


def _holder(place: Path) -> str:
    """Say who has a folder, if that can be read."""
    try:
        said = (place / _HOLDER).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return f" ({said})" if said else ""


class Archive:
    """A folder of arrays by name, all of one run.

    Parameters
    ----------
    folder
        Made if it does not exist.
    fingerprint
        What the run is of; files of another are refused.
    whose
        What such another run is called, with what may differ.

    Raises
    ------
    StoreError
        If the folder cannot be made.
    """

    def __init__(self, folder: str | Path, fingerprint: str, whose: str) -> None:
        self.folder, self._fingerprint, self._whose = _made(folder), fingerprint, whose

    def write(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write arrays; the file before them stays whole until the new one is.

        Raises
        ------
        StoreError
            If the folder cannot be written.
        """
        buffer = io.BytesIO()
        everything: dict[str, np.ndarray] = {**arrays, "fingerprint": np.array(self._fingerprint)}
        np.savez(buffer, allow_pickle=False, **everything)
        files.write(self._path(name), content := buffer.getvalue(), seal(content))

    def read(self, name: str) -> dict[str, np.ndarray]:
        """Read the arrays of one name, in one go; none where there is no such file.

        Raises
        ------
        StoreError
            If the file is damaged, or of another run.
        """
        path = self._path(name)
        if not path.exists():
            return {}
        content = read_sealed(path, "It is a checkpoint: delete it, and the same call makes it anew.")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = dict(file)
        if str(arrays.pop("fingerprint", "")) != self._fingerprint:
            raise StoreError(
                f"The checkpoint {path} belongs to another {self._whose}; give another folder, or delete it."
            )
        return arrays

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"
