"""Texts embedded into a store, block by block: what is killed goes on where it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import batched, chain
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from filelock import FileLock, Timeout

from sdebayes._core.errors import DataError, StoreError
from sdebayes._core.files import check_writable
from sdebayes._core.tasks import in_order
from sdebayes.data.container import SCHEMA_VERSION, validate
from sdebayes.data.embedding import Embedder
from sdebayes.data.encoders import Encoder
from sdebayes.data.metadata import column
from sdebayes.data.progress import progress_bar
from sdebayes.data.shortness import long_enough
from sdebayes.data.store import ledger
from sdebayes.data.store.arrays import TEXTS, write_block, write_small
from sdebayes.data.store.opening import open_store
from sdebayes.data.store.source import Source
from sdebayes.data.tables import Row
from sdebayes.data.unread import Unread
from sdebayes.data.validation import MINIMUM_STEPS

_LOCK = ".lock"


def embed_to_store(
    corpus: object, rule: Embedder, path: Path, shown: bool, min_steps: int | None
) -> xr.Dataset:
    """Embed texts block by block, each a task of the Dask scheduler that is active, and open the store.

    Parameters
    ----------
    corpus
        As `Source` takes it.
    rule
        How.
    path
        A directory whose name ends in ``.zarr``; it is made, or gone on with.
    shown
        Whether to show a progress bar.
    min_steps
        As in `embed`.

    Raises
    ------
    StoreError
        If something else is there, it was begun with other texts or otherwise, another process writes there, or it
        cannot be written.
    DataError
        As `embed`; what was embedded before is kept.
    """
    source = Source(corpus, rule, min_steps)
    _begin(path)
    try:
        with FileLock(path / _LOCK).acquire(timeout=0):
            _Writer(path, rule, min_steps).write(source, shown)
    except Timeout as error:
        raise StoreError(
            f"Another process writes to {path}; wait for it, or choose another store."
        ) from error
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}. What was embedded before is kept: make room, and "
            "call again."
        ) from error
    return open_store(path)


def _begin(path: Path) -> None:
    if path.suffix != ".zarr":
        raise StoreError(f"The store {path} is a zarr directory; give it a name that ends in .zarr.")
    check_writable(path)
    if path.is_file() or (path.is_dir() and not (path / ledger.LEDGER).exists() and any(path.iterdir())):
        raise StoreError(
            f"{path} exists and was not begun by embed(store=); it was left as it is. Choose another."
        )
    path.mkdir(exist_ok=True)


@dataclass(frozen=True)
class _Writer:
    """What writes to a store, and how texts are embedded there."""

    path: Path
    rule: Embedder
    min_steps: int | None

    def write(self, source: Source, shown: bool) -> None:
        """Embed what is not there yet, and what memory holds of all texts."""
        how = {**self.rule.attributes(), "min_steps": self.min_steps, "texts_in_a_block": TEXTS}
        blocks = ledger.begin(self.path, how)
        known, seen = len(blocks), 0
        with progress_bar("Embedding", source.count, shown) as advance:
            whole = batched(source, TEXTS)
            first: list[tuple[Row, ...]] = []
            for rows in whole:
                if seen >= len(blocks) or not self._is_there(blocks, seen, rows):
                    first = [rows]
                    break
                seen += 1
                advance(len(rows))
            if first:
                del blocks[seen:]
            how_here = _How(self.rule, self.min_steps)
            again = f"which goes on after the texts that {self.path} holds"
            for dataset, block in in_order(_embedded, how_here, chain(first, whole), again):
                write_block(self.path, seen * TEXTS, validate(dataset), anew=seen <= known)
                ledger.write(self.path, block)
                blocks.append(block)
                seen += 1
                advance(len(block.names))
        if seen < len(blocks):
            there, given = (sum(len(block.names) for block in some) for some in (blocks, blocks[:seen]))
            raise StoreError(
                f"{self.path} holds {there} texts, and the corpus ends after {given} of them. Give the corpus that it "
                "was begun with."
            )
        if not blocks:
            raise DataError("No text has steps enough; at least one is needed.")
        unread = sum((block.unread for block in blocks), Unread())
        unread.warn()
        said = {**source.said(), **unread.said(), "warning": blocks[0].warning}
        self._finish(blocks, source, {name: words for name, words in said.items() if words})

    def _is_there(self, blocks: Sequence[ledger.Block], index: int, rows: tuple[Row, ...]) -> bool:
        """Whether texts are those of a block; the last one may have been shorter, and is then written anew."""
        block = blocks[index]
        if ledger.digest_of(rows[: len(block.names)]) != block.digest:
            raise StoreError(
                f"{self.path} was begun with other texts: {block.names[0]!r} to {block.names[-1]!r}, texts "
                f"{index * TEXTS + 1} to {index * TEXTS + len(block.names)}, differ from those of the corpus. Give the "
                "corpus that it was begun with, or choose another store."
            )
        if len(rows) > len(block.names):
            ledger.forget_last(self.path)
        return len(rows) == len(block.names)

    def _finish(self, blocks: Sequence[ledger.Block], source: Source, said: dict[str, str]) -> None:
        """Write what memory holds of all texts."""
        names = [name for block in blocks for name in block.names]
        steps = np.array([count for block in blocks for count in block.n_steps])
        shared = [name for name in blocks[0].columns if all(name in block.columns for block in blocks)]
        columns: dict[str, Any] = {
            name: ("trajectory", column([value for block in blocks for value in block.columns[name]]))
            for name in shared
        }
        coords = {"trajectory": np.array(names, dtype=str), "time": np.arange(steps.max())}
        small = xr.Dataset({"n_steps": ("trajectory", steps)}, {**coords, **columns, **source.coords(names)})
        small.attrs = {
            "schema_version": SCHEMA_VERSION,
            **self.rule.attributes(),
            **said,
            **_least(self.min_steps),
        }
        write_small(self.path, small)


@dataclass(frozen=True)
class _How:
    """How texts are embedded; another process takes it with the encoder that it has of the same identity."""

    rule: Embedder
    min_steps: int | None

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (getattr(self.rule.encoder, "identity", None), self.rule, self.min_steps)


_HERE: dict[str, Encoder] = {}


def _arrived(identity: str | None, rule: Embedder, min_steps: int | None) -> _How:
    """Take the encoder that this process has used before, whose model is loaded."""
    if not identity:
        return _How(rule, min_steps)
    if identity not in _HERE:
        _HERE.clear()
    return _How(replace(rule, encoder=_HERE.setdefault(identity, rule.encoder)), min_steps)


def _embedded(how: _How, rows: tuple[Row, ...]) -> tuple[xr.Dataset, ledger.Block]:
    """Embed the texts of a block: what is written of them, and the line of the ledger."""
    rule, min_steps = how.rule, how.min_steps
    texts = {row.name: row.text for row in rows}
    cut = {name: rule.cut(text) for name, text in texts.items()}
    counts = {name: len(steps) for name, steps in cut.items()}
    long_enough(counts, min_steps, "texts", repr(rule.step))
    dataset, unread = rule.embedded(texts, list(cut.values()), shown=False)
    dataset.attrs |= _least(min_steps)
    shared = [name for name in rows[0].columns if all(name in row.columns for row in rows)]
    block = ledger.Block(
        names=list(texts),
        n_steps=list(counts.values()),
        columns={name: [row.columns[name] for row in rows] for name in shared},
        digest=ledger.digest_of(rows),
        unread=unread,
        warning=rule.warning(next(iter(cut.values()))[0]),
    )
    return dataset, block


def _least(min_steps: int | None) -> dict[str, int]:
    """Say that there are texts too short for a fit, if there may be."""
    short = min_steps is not None and min_steps < MINIMUM_STEPS
    return {"min_steps": min_steps} if short and min_steps is not None else {}
