"""Texts from files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.characters import cleaned, cleaned_name
from sdebayes._core.errors import DataError, StoreError
from sdebayes._core.kinds import PathLike
from sdebayes.data.corpus import as_corpus
from sdebayes.data.metadata import column
from sdebayes.data.tables import Row, from_csv, from_jsonl, of_parquet

PARQUET = ".parquet"


@checked
def read_texts(paths: PathLike | Iterable[PathLike], allow_blank: bool = False) -> xr.Dataset:
    r"""Read texts from files, all in UTF-8.

    A ``.txt`` file is one text, named after the file. A ``.csv``, ``.jsonl`` or ``.parquet`` file has one text in each
    row: the column ``text``, its name in ``name`` (by default the file's name and the row), and any other column, which
    becomes a coord if every row of every file has it. A directory stands for such files in it, in alphabetical order.

    Line ends become ``\n``, vertical tabs and form feeds spaces; byte-order marks and the embedding and isolation of
    phrases of another writing direction go. In the names of columns white space, slashes and a first dot become
    ``_``; a name that data sets use themselves gets a ``_`` before it, and a column without a name is ``column_1``, by
    its place. A column of a CSV file is of numbers if every cell is one, as ``-3`` or ``0.25``, or empty; ``007`` is a
    name. JSON's null and an empty cell are NaN among numbers and "" among texts; objects and lists stay as JSON.

    Parameters
    ----------
    paths
        One file or directory, or several.
    allow_blank
        Whether texts may be blank, for ``sdebayes.embed(..., min_steps=)`` to leave out.

    Returns
    -------
    xr.Dataset
        ``text(trajectory)`` and the further columns.

    Raises
    ------
    DataError
        If there is no text, some are blank (all of them are named), a file is not UTF-8 (the message names the byte),
        of an unknown kind or without texts, a name is used twice; or with file and line, if a text has a control
        character, an override of the writing direction or half of a surrogate pair, a row is no CSV or JSON or does
        not fit the header, or two columns have one name.
    StoreError
        If a file cannot be read.
    MissingDependencyError
        If a file is Parquet and pyarrow is not installed (the extra ``parquet``).

    See Also
    --------
    sdebayes.data.TextFiles : Files that memory does not hold.
    sdebayes.embed : What to do next.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("talks.csv").write_text("name,text,year\na,One. Two. Three.,1990\nb,Four. Five. Six.,1991\n")
    >>> corpus = sb.data.read_texts("talks.csv")
    >>> corpus["trajectory"].values.tolist(), corpus["year"].values.tolist()
    (['a', 'b'], [1990, 1991])
    """
    rows: list[Row] = []
    for path in files_of(paths):
        rows += rows_of(path)
    if not rows:
        raise DataError("No file was given; at least one text is needed.")
    return corpus_of(rows, allow_blank)


def corpus_of(rows: Sequence[Row], allow_blank: bool) -> xr.Dataset:
    """Make a corpus of texts, with the columns that all of them have."""
    columns = [name for name in rows[0].columns if all(name in row.columns for row in rows)]
    coords = {name: ("trajectory", column([row.columns[name] for row in rows])) for name in columns}
    names = np.array([row.name for row in rows], dtype=str)
    texts = np.array([row.text for row in rows], dtype=object)
    return as_corpus(
        xr.Dataset({"text": ("trajectory", texts)}, {"trajectory": names, **coords}), allow_blank
    )


def files_of(paths: PathLike | Iterable[PathLike]) -> list[Path]:
    """Name the files that paths stand for.

    Raises
    ------
    DataError
        If one is of an unknown kind, or a directory has no file of a known one.
    StoreError
        If a directory cannot be read.
    """
    known = ", ".join(_KNOWN)
    files: list[Path] = []
    for path in map(Path, [paths] if isinstance(paths, str | Path) else paths):
        if os.path.isdir(path):
            inside = _inside(path)
            if not inside:
                raise DataError(_without_texts(path, known))
            files += inside
        elif path.suffix.lower() in _KNOWN:
            files.append(path)
        else:
            raise DataError(
                f"{path} is of an unknown kind; expected a directory or a file that ends in {known}."
            )
    return files


def rows_of(path: Path) -> list[Row]:
    """Read the texts of a file.

    Raises
    ------
    DataError
        If it is not UTF-8, or damaged as one of its kind.
    StoreError
        If it cannot be read.
    """
    if path.suffix.lower() == PARQUET:
        rows = []
        for found in of_parquet(path):
            if isinstance(found, DataError):
                raise found
            rows.append(found)
        return rows
    return _READERS[path.suffix.lower()](path, _read(path))


def _inside(directory: Path) -> list[Path]:
    try:
        return sorted(
            child for child in directory.iterdir() if child.suffix.lower() in _KNOWN and child.is_file()
        )
    except OSError as error:
        raise StoreError(f"The directory {directory} cannot be read: {error}.") from error


def _without_texts(directory: Path, known: str) -> str:
    others = sorted(child.name for child in directory.iterdir())
    inside = sorted(str(child) for child in directory.iterdir() if child.is_dir())
    if inside:
        return (
            f"The directory {directory} has no file that ends in {known}, but {len(inside)} directories, which are not "
            f"read. Give these themselves: {' '.join(inside[:3])}{' …' * (len(inside) > 3)}"
        )
    held = f"{len(others)} of other names, such as {others[0]!r}" if others else "nothing"
    return (
        f"The directory {directory} has no file that ends in {known}; it holds {held}. Save each text as a file "
        "that ends in .txt."
    )


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise StoreError(f"{str(path)!r} cannot be read: {error}.") from error
    return decoded(path, content)


def decoded(path: Path, content: bytes, position: int = 0, line: int = 1) -> str:
    """Decode a file, or the part of it that begins at a position in a line.

    Raises
    ------
    DataError
        If it is not UTF-8, or has a character that no text may have.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte, below = content[error.start], content.count(b"\n", 0, error.start)
        raise DataError(
            f"{path} is not UTF-8: byte 0x{byte:02x} at position {position + error.start}, line {line + below}. "
            "Convert the file to UTF-8."
        ) from error
    return cleaned(text, str(path))


def _from_txt(path: Path, content: str) -> list[Row]:
    return [Row(cleaned_name(path.stem, f"The name of the file {path}"), content, {})]


_READERS = {".txt": _from_txt, ".csv": from_csv, ".jsonl": from_jsonl}
_KNOWN = (*_READERS, PARQUET)
