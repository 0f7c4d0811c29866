"""Texts in the rows of tables: CSV, JSON in lines, and Parquet."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sdebayes._core.characters import cleaned, cleaned_name
from sdebayes._core.errors import DataError, MissingDependencyError, StoreError
from sdebayes.data.metadata import column_names

_OWN = ("text", "name")
_FIELD_SIZE = threading.Lock()
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?", re.ASCII)
"""A number; "007" and "1e5" are names."""

_AT_ONCE = 256
"""Rows of a Parquet file that are decoded together."""


class Row(NamedTuple):
    """A text of a file.

    Attributes
    ----------
    name
        Its name.
    text
        The text.
    columns
        What else is known about it: texts, numbers, truth values, or None.
    """

    name: str
    text: str
    columns: dict[str, Any]


def from_csv(path: Path, content: str) -> list[Row]:
    """Read the rows of a CSV file, the first of which names the columns.

    Raises
    ------
    DataError
        With the line of what cannot be read.
    """
    found = _records(path, content)
    _, head = next(found, (1, []))
    names = _columns(f"{path}, line 1", head)
    rows: list[Row] = []
    for line, record in found:
        if len(record) != len(names):
            raise DataError(
                f"{path}, line {line} has {len(record)} fields, but the header has {len(names)}: "
                f"{', '.join(names)[:200]}."
            )
        rows.append(_row(path, f"{path}, line {line}", len(rows), dict(zip(names, record, strict=True))))
    return _with_numbers(_some(path, rows))


def from_jsonl(path: Path, content: str) -> list[Row]:
    """Read the lines of a file, each of them a JSON object.

    Raises
    ------
    DataError
        With the line of what cannot be read.
    """
    rows: list[Row] = []
    for index, line in enumerate(content.split("\n")):
        if line.strip():
            rows.append(of_line(path, index + 1, len(rows), line))
    return _some(path, rows)


def of_line(path: Path, number: int, index: int, line: str) -> Row:
    """Read a line that is a JSON object, the text ``index`` of its file.

    Raises
    ------
    DataError
        If it is none, or has no text.
    """
    place = f"{path}, line {number}"
    fields = _object(place, line)
    names = _columns(place, [cleaned(name, f"{place}, a key") for name in fields])
    return _row(path, place, index, dict(zip(names, fields.values(), strict=True)))


def of_parquet(path: Path) -> Iterator[Row | DataError]:
    """Read the rows of a Parquet file, some at a time, with an error in the place of those that cannot be read.

    Raises
    ------
    DataError
        If it is no such file, or damaged, or has no row.
    StoreError
        If it cannot be read.
    MissingDependencyError
        If pyarrow is not installed.
    """
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise MissingDependencyError(
            f"{path} is read by pyarrow, which is not installed: pip install pyarrow. Or write the texts as .jsonl."
        ) from error
    index = 0
    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches(_AT_ONCE):
                for place in range(len(batch)):
                    yield _parquet_row(path, index, batch.slice(place, 1))
                    index += 1
    except ArrowException as error:
        raise DataError(f"{path} cannot be read as Parquet: {error}.") from error
    except OSError as error:
        raise StoreError(f"{str(path)!r} cannot be read: {error}.") from error
    if not index:
        raise DataError(f"{path} has no row.")


def _parquet_row(path: Path, index: int, found: Any) -> Row | DataError:
    place = f"{path}, row {index + 1}"
    try:
        (fields,) = found.to_pylist()
        names = _columns(place, list(fields))
        return _row(path, place, index, dict(zip(names, map(_plain, fields.values()), strict=True)))
    except UnicodeDecodeError as error:
        return DataError(f"{place} is not UTF-8: {error}.")
    except DataError as error:
        return error


def _plain(value: Any) -> Any:
    """Return what JSON can hold: lists and structures as JSON, dates and the like as texts."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value if isinstance(value, str | int | float | None) else str(value)


def _records(path: Path, content: str) -> Iterator[tuple[int, list[str]]]:
    """Give each record that is not blank, with the line that it starts on."""
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    records, line = [], 1
    try:
        with _fields_of_any_size(len(content)):
            for record in reader:
                if record:
                    records.append((line, record))
                line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}, line {line} cannot be read as CSV: {error}.") from error
    return iter(records)


@contextmanager
def _fields_of_any_size(largest: int) -> Iterator[None]:
    """Let fields be longer than Python's 131,072 characters; its limit is one for the whole process."""
    with _FIELD_SIZE:
        before = csv.field_size_limit()
        csv.field_size_limit(max(before, largest))
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _object(place: str, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line, object_pairs_hook=_unrepeated)
        if not isinstance(value, dict):
            raise DataError(f'{place} is no JSON object; expected {{"text": ...}}.')
        return {
            key: json.dumps(part, ensure_ascii=False)
            if isinstance(part, dict | list) and key not in _OWN
            else part
            for key, part in value.items()
        }
    except RecursionError as error:
        raise DataError(f"{place} is nested too deeply to be read; leave out what is not needed.") from error
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"{place} is not JSON: {error}.") from error


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {repeated[:80]!r} stands twice in one object")
    return fields


def _with_numbers(rows: list[Row]) -> list[Row]:
    """Read columns of which each cell is a number, or empty, as numbers: CSV itself does not say."""
    numeric = {
        name
        for name in rows[0].columns
        if any(row.columns[name] for row in rows)
        and all(_NUMBER.fullmatch(row.columns[name] or "0") for row in rows)
    }
    return [
        row._replace(
            columns={
                name: _number(value) if name in numeric else value for name, value in row.columns.items()
            }
        )
        for row in rows
    ]


def _number(cell: str) -> int | float | None:
    if not cell:
        return None
    return int(cell) if cell.lstrip("-").isdigit() else float(cell)


def _columns(place: str, found: list[str]) -> list[str]:
    try:
        return column_names(found)
    except DataError as error:
        raise DataError(f"{place}: {error}") from error


def _row(path: Path, place: str, index: int, fields: dict[str, Any]) -> Row:
    values = {name: _value(value, f"{place}, column {name!r}") for name, value in fields.items()}
    text, name = values.pop("text", None), values.pop("name", None)
    if not isinstance(text, str):
        raise DataError(f"{place} has no text in the column 'text' (it has {sorted(fields)}).")
    name = f"{path.stem} {index + 1}" if name is None else name
    if not isinstance(name, str | int | float):
        raise DataError(f"{place}: the name is {str(name)[:80]}; expected a text or a number.")
    return Row(cleaned_name(str(name), f"{place}: the name"), text, values)


def _value(value: Any, place: str) -> Any:
    if isinstance(value, str):
        return cleaned(value, place)
    if isinstance(value, float) and math.isinf(value):
        raise DataError(f"{place} is infinite; write null where a value is missing.")
    return value


def _some(path: Path, rows: list[Row]) -> list[Row]:
    if not rows:
        raise DataError(f"{path} has no row.")
    return rows
