"""Texts in the rows of Parquet files are those of the same rows as lines of JSON."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import DataError, LeftOutWarning, MissingDependencyError
from sdebayes.data import tables

ROWS = [
    {
        "name": f"n{i}",
        "text": "One. Two. Three.",
        "year": 1990 + i,
        "tags": ["a", str(i)],
        "share": i / 4 or None,
    }
    for i in range(5)
]


def written(path, rows=ROWS, **columns):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.Table.from_pylist(rows)
    for name, values in columns.items():
        table = table.append_column(name, values)
    parquet.write_table(table, path, row_group_size=2)
    return path


def test_rows_are_those_of_lines_of_json(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_AT_ONCE", 2)
    found = sb.data.read_texts(written(tmp_path / "a.parquet"))
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    xr.testing.assert_identical(found, sb.data.read_texts(tmp_path / "a.jsonl"))
    assert list(found["tags"].values[:2]) == ['["a", "0"]', '["a", "1"]']
    streamed = sb.data.TextFiles(tmp_path / "a.parquet")
    xr.testing.assert_identical(streamed.in_memory(), found)
    assert [row.name for row in sb.data.TextFiles(tmp_path)] == 2 * [row["name"] for row in ROWS]


def test_dates_become_texts_and_what_cannot_be_read_is_counted(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    days = pyarrow.array([f"2001-02-0{i + 1}" for i in range(5)]).cast(pyarrow.date32())
    dated = sb.data.read_texts(written(tmp_path / "dated.parquet", day=days))
    assert dated["day"].values[1] == "2001-02-02"
    rows = [*ROWS[:2], {"name": "x", "text": "bell \x07", "year": 1}, {"name": "y", "text": None}, *ROWS[3:]]
    path = written(tmp_path / "bad.parquet", rows)
    with pytest.raises(
        DataError, match=r"2 texts or files cannot be read\. The first: .*bad\.parquet, row 3"
    ):
        list(sb.data.TextFiles(path))
    with pytest.raises(DataError, match=r"bad\.parquet, row 3"):
        sb.data.read_texts(path)
    some = sb.data.TextFiles(path, skip_unreadable=True)
    assert [row.name for row in some] == ["n0", "n1", "n3", "n4"]
    assert some.skipped.startswith("2 texts")
    raw = pyarrow.array([b"One. Two.", b"b\xff"], pyarrow.binary()).view(pyarrow.string())
    path = written(tmp_path / "bytes.parquet", [{"year": 1}, {"year": 2}], text=raw)
    with pytest.raises(DataError, match=r"bytes\.parquet, row 2 is not UTF-8"):
        sb.data.read_texts(path)


@pytest.mark.parametrize("content", [b"", b"no table", None])
def test_what_is_no_table_is_named(tmp_path, content):
    path = written(tmp_path / "a.parquet")
    path.write_bytes(path.read_bytes()[:-20] if content is None else content)
    with pytest.raises(DataError, match=r"a\.parquet cannot be read as Parquet"):
        sb.data.read_texts(path)


def test_an_empty_table_is_refused(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"text": pyarrow.array([], pyarrow.string())}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet has no row"):
        sb.data.read_texts(tmp_path / "a.parquet")


def test_without_pyarrow_it_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match="pip install pyarrow"):
        sb.data.read_texts(tmp_path / "a.parquet")


def test_texts_of_a_table_are_embedded_into_a_store(tmp_path):
    class Lengths:
        def encode(self, texts):
            return np.array([[len(text), hash(text) % 7] for text in texts], dtype=float)

    rows = [*ROWS, {"name": "short", "text": "One.", "year": 0, "tags": [], "share": 0.5}]
    texts = sb.data.TextFiles(written(tmp_path / "a.parquet", rows))
    with pytest.warns(LeftOutWarning, match="'short'"):
        found = sb.embed(texts, Lengths(), store=tmp_path / "a.zarr", min_steps=3, progress=False)
    np.testing.assert_array_equal(found["year"], [row["year"] for row in ROWS])
