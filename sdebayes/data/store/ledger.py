"""The ledger of a store: what is in it, a line for each block of texts, written once the block is on the disk."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sdebayes._core.errors import StoreError
from sdebayes.data.tally import Tally
from sdebayes.data.unread import Unread

LEDGER = ".ledger.jsonl"
"""Its name; zarr does not look at it."""

VERSION = 1


@dataclass(frozen=True)
class Block:
    """What is known of the texts of a block.

    Attributes
    ----------
    names, n_steps
        Of each text.
    columns
        What else is known of each, {name: one for each text}.
    digest
        Of names, texts and columns.
    unread
        What of them the encoder does not read.
    warning
        What makes neighbouring steps alike.
    """

    names: list[str]
    n_steps: list[int]
    columns: dict[str, list[Any]]
    digest: str
    unread: Unread
    warning: str = ""

    @property
    def longest(self) -> int:
        """The largest number of steps."""
        return max(self.n_steps)


def digest_of(rows: Iterable[tuple[str, str, dict[str, Any]]]) -> str:
    """Return a digest of names, texts and columns."""
    found = hashlib.sha256()
    for row in rows:
        found.update(json.dumps(row, sort_keys=True).encode() + b"\n")
    return found.hexdigest()


def begin(path: Path, how: dict[str, Any]) -> list[Block]:
    """Return what a ledger holds, without what a killed process left of a line; begin one if there is none.

    Parameters
    ----------
    path
        The store, a directory.
    how
        How its texts are embedded.

    Raises
    ------
    StoreError
        If they were embedded otherwise, or the ledger is damaged.
    """
    head = {"version": VERSION, **how}
    file = path / LEDGER
    if file.exists():
        os.truncate(file, file.read_bytes().rfind(b"\n") + 1)
    if not file.exists() or not file.stat().st_size:
        _append(path, head)
        return []
    found, blocks = read(path)
    different = [
        f"{name} was {found.get(name)!r} and is {head.get(name)!r}"
        for name in dict.fromkeys([*found, *head])
        if found.get(name) != head.get(name)
    ]
    if different:
        raise StoreError(
            f"{path} was begun otherwise: {'; '.join(different)}. Go on as it was begun, or choose another store."
        )
    return blocks


def read(path: Path) -> tuple[dict[str, Any], list[Block]]:
    """Return how the texts of a store are embedded, and its blocks.

    Raises
    ------
    StoreError
        If there is no ledger, or it is damaged.
    """
    file = path / LEDGER
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror or error}.") from error
    try:
        head, *blocks = [json.loads(line) for line in lines[:-1]]
        if head.get("version") != VERSION:
            raise StoreError(
                f"{path} has a ledger of version {head.get('version')!r}; this version reads {VERSION}. Make the store "
                "again."
            )
        return head, [_block(**one) for one in blocks]
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreError(f"{file} is damaged: {error}. Make the store again, or take a copy.") from error


def write(path: Path, block: Block) -> None:
    """Add a block, whose arrays are on the disk."""
    _append(path, asdict(block))


def forget_last(path: Path) -> None:
    """Take the last block off, to write it anew."""
    file = path / LEDGER
    content = file.read_bytes()
    os.truncate(file, content.rfind(b"\n", 0, len(content) - 1) + 1)


def _append(path: Path, line: dict[str, Any]) -> None:
    with (path / LEDGER).open("ab") as file:
        file.write(json.dumps(line).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _block(unread: dict[str, Any], **known: Any) -> Block:
    return Block(unread=Unread(**{name: Tally(**one) for name, one in unread.items()}), **known)
