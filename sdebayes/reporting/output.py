"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdebayes._core.errors import StoreError


def check_writable(path: Path) -> Path:
    """Return the path of an output if it can be written, before the work for it begins.

    Raises
    ------
    StoreError
        If it is a directory, or its directory is not there or cannot be written.
    """
    if path.is_dir() and path.suffix != ".zarr":
        raise StoreError(f"{path} is a directory; give the name of a file in it.")
    if not path.parent.is_dir():
        raise StoreError(
            f"{path} cannot be written: the directory {path.parent} does not exist. Make it first."
        )
    if not os.access(path.parent, os.W_OK):
        raise StoreError(f"{path} cannot be written: no permission to write in {path.parent}.")
    return path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a file beside the output to write to, and put it in the output's place when the body is done.

    Raises
    ------
    StoreError
        If it cannot be written; the output is then as it was.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}.") from error
    try:
        yield folder / path.name
        os.replace(folder / path.name, path)
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
