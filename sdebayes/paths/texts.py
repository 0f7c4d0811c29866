"""Texts from files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.errors import DataError, StoreError
from sdebayes.paths.corpus import as_corpus

_RESERVED = ("text", "name", "trajectory", "time", "state", "embedding", "y", "t", "n_steps")


def read_texts(paths: str | Path | Iterable[str | Path], allow_blank: bool = False) -> xr.Dataset:
    """Read texts from files, all in UTF-8.

    A ``.txt`` file is one text, named after the file. A ``.csv`` or ``.jsonl`` file has one text in each row: the
    column ``text``, its name in ``name`` (by default the file's name and the row), and any other column, which
    becomes a coord if every row of every file has it. A directory stands for such files in it, in alphabetical order.

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
        of an unknown kind or without texts, or a name is used twice.
    StoreError
        If a file cannot be read.
    """
    rows: list[dict[str, Any]] = []
    for path in _files([paths] if isinstance(paths, str | Path) else paths):
        rows += _READERS[path.suffix.lower()](path, _read(path))
    if not rows:
        raise DataError("No file was given; at least one text is needed.")
    return _corpus(rows, allow_blank)


def _corpus(rows: list[dict[str, Any]], allow_blank: bool) -> xr.Dataset:
    columns = [name for name in rows[0] if name not in _RESERVED and all(name in row for row in rows)]
    names = np.array([str(row["name"]) for row in rows], dtype=str)
    texts = np.array([row["text"] for row in rows], dtype=object)
    coords = {name: ("trajectory", _column([row[name] for row in rows])) for name in columns}
    corpus = xr.Dataset({"text": ("trajectory", texts)}, {"trajectory": names, **coords})
    return as_corpus(corpus, allow_blank)


def _column(values: list[Any]) -> np.ndarray:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return np.array(values) if numbers else np.array([str(value) for value in values], dtype=str)


def _files(paths: Iterable[str | Path]) -> list[Path]:
    known = ", ".join(_READERS)
    files: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(
                child for child in path.iterdir() if child.suffix.lower() in _READERS and child.is_file()
            )
            if not inside:
                raise DataError(f"The directory {path} has no file that ends in {known}.")
            files += inside
        elif path.suffix.lower() in _READERS:
            files.append(path)
        else:
            raise DataError(
                f"{path} is of an unknown kind; expected a directory or a file that ends in {known}."
            )
    return files


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error}.") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise DataError(
            f"{path} is not UTF-8: byte 0x{byte:02x} at position {error.start}. Convert the file to UTF-8."
        ) from error
    return text


def _from_txt(path: Path, content: str) -> list[dict[str, Any]]:
    return [{"name": path.stem, "text": content}]


def _from_csv(path: Path, content: str) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(content, newline=""), strict=True)
    try:
        rows = [row for row in reader]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}.") from error
    for index, row in enumerate(rows):
        if None in row or None in row.values():
            raise DataError(f"{path}: row {index + 1} does not have as many fields as the header.")
    return _named(path, rows)


def _from_jsonl(path: Path, content: str) -> list[dict[str, Any]]:
    rows = []
    for index, line in enumerate(content.split("\n")):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise DataError(f"{path}, line {index + 1} is not JSON: {error}.") from error
            if not isinstance(rows[-1], dict):
                raise DataError(f'{path}, line {index + 1} is no JSON object; expected {{"text": ...}}.')
    return _named(path, rows)


def _named(path: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not rows:
        raise DataError(f"{path} has no row.")
    for index, row in enumerate(rows):
        if not isinstance(row.get("text"), str):
            raise DataError(
                f"{path}: row {index + 1} has no text in the column 'text' (it has {sorted(row)})."
            )
    return [{"name": f"{path.stem} {index + 1}"} | row for index, row in enumerate(rows)]


_READERS = {".txt": _from_txt, ".csv": _from_csv, ".jsonl": _from_jsonl}
