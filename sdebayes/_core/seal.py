"""A seal at the end of a file: a digest of all before it, checked before anything else reads the file.

Readers of netCDF do not look beyond the end that the file's own header names, so a sealed file is one for every tool.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from pathlib import Path

import numpy as np

from sdebayes._core.errors import StoreError

_MARK = b"\nsdebayes sha256 "
_LENGTH = len(_MARK) + hashlib.sha256().digest_size


def seal(content: bytes | memoryview) -> bytes:
    """Return what stands behind this content in a sealed file."""
    return _MARK + hashlib.sha256(content).digest()


def read_sealed(path: Path, advice: str) -> bytes:
    """Read a sealed file, and return its content without the seal.

    Parameters
    ----------
    path
        The file.
    advice
        What to do where the file is damaged, for the message.

    Raises
    ------
    StoreError
        If the file cannot be read, has no seal, or another content than was sealed.
    """
    try:
        whole = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}. {advice}") from error
    content, found = whole[:-_LENGTH], whole[-_LENGTH:]
    if not found.startswith(_MARK):
        raise no_seal(path, advice)
    if found != seal(content):
        raise StoreError(
            f"{path} cannot be read: it is damaged. Its {len(content):,} bytes are not those that were sealed: the "
            f"disk, a copy or an editor changed it. {advice}"
        )
    return content


def no_seal(path: Path, advice: str) -> StoreError:
    """Make the error about a file without a seal."""
    return StoreError(
        f"{path} cannot be read: it has no seal of this version of sdebayes. It is truncated, was changed since, or "
        f"comes from another tool or an older version. {advice}"
    )


def check_version(
    attributes: Mapping[Hashable, object] | Mapping[str, object], expected: int, path: Path, *older: int
) -> None:
    """Raise unless the attributes of a file name the schema version that is read, or one of the older ones that are.

    Raises
    ------
    StoreError
        With the version that was found, and which sdebayes wrote it, where that is known.
    """
    found = attributes.get("schema_version")
    if isinstance(found, int | np.integer) and not isinstance(found, bool) and found in (expected, *older):
        return
    version = found.tolist() if isinstance(found, np.generic | np.ndarray) else found
    writer = attributes.get("sdebayes_version")
    by = f" (sdebayes {writer} wrote it)" if writer is not None else ""
    raise StoreError(
        f"{path} has the schema version {version!r}{by}; this sdebayes reads version {expected}. Where it is newer, "
        "update sdebayes; where it is older, read it with that version, or make the file again."
    )
