"""Texts of files, read one after another as they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError, StoreError
from sdebayes._core.kinds import PathLike
from sdebayes.data.tables import Row, of_line, of_parquet
from sdebayes.data.texts import PARQUET, corpus_of, decoded, files_of, rows_of


@checked
class TextFiles:
    """The texts of files, for a corpus that memory does not hold: `sdebayes.embed` reads them with a store.

    The files are those of :func:`~sdebayes.data.read_texts`, and the texts and columns are read as it reads them. Of
    ``.jsonl`` files a line is in memory at a time, of ``.parquet`` files some rows, of others a file.

    Parameters
    ----------
    paths
        One file or directory, or several.
    skip_unreadable
        Leave out texts that cannot be read: files or lines that are not UTF-8, lines that are no JSON, texts with
        control characters. By default there is an error, which counts them all.

    Raises
    ------
    DataError
        If a path is of an unknown kind; when they are read, if texts cannot be.
    StoreError
        If a file or directory cannot be read.

    See Also
    --------
    sdebayes.data.read_texts : Reads all into memory.
    sdebayes.embed : Reads them with a store.

    Examples
    --------
    >>> from pathlib import Path
    >>> Path("talks").mkdir()
    >>> _ = Path("talks/a.txt").write_text("One. Two. Three."), Path("talks/b.txt").write_text("Four. Five. Six.")
    >>> files = sb.data.TextFiles("talks")
    >>> files.in_memory()["trajectory"].values.tolist()
    ['a', 'b']
    """

    def __init__(self, paths: PathLike | Iterable[PathLike], skip_unreadable: bool = False):
        self._files = files_of(paths)
        self._skip = skip_unreadable
        self._said = ""

    @property
    def skipped(self) -> str:
        """What was left out when the texts were read to their end; empty where nothing was."""
        return self._said

    def __repr__(self) -> str:
        return f"TextFiles({len(self._files)} files)"

    def __iter__(self) -> Iterator[Row]:
        first, count = "", 0
        for found in self._attempts():
            if isinstance(found, DataError):
                first, count = first or str(found), count + 1
            elif self._skip or not count:
                yield found
        said = f"{count} text{' or file' if count == 1 else 's or files'} cannot be read. The first: {first}"
        if count and not self._skip:
            raise DataError(f"{said} Or leave them out with TextFiles(..., skip_unreadable=True).")
        self._said = said if count else ""

    def in_memory(self, allow_blank: bool = False) -> xr.Dataset:
        """Read all of them, as :func:`~sdebayes.data.read_texts` does."""
        rows = list(self)
        if not rows:
            raise DataError(f"No text is left. {self.skipped}")
        return corpus_of(rows, allow_blank)

    def _attempts(self) -> Iterator[Row | DataError]:
        """Give texts, and errors in the place of those that cannot be read."""
        for path in self._files:
            kind = path.suffix.lower()
            if kind == ".jsonl":
                yield from _lines(path)
                continue
            try:
                yield from of_parquet(path) if kind == PARQUET else rows_of(path)
            except DataError as error:
                yield error


def _lines(path: Path) -> Iterator[Row | DataError]:
    position, index = 0, 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    if content := decoded(path, line, position, number).strip():
                        yield of_line(path, number, index, content)
                        index += 1
                except DataError as error:
                    yield error
                position += len(line)
    except OSError as error:
        raise StoreError(f"{str(path)!r} cannot be read: {error}.") from error
