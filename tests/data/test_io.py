from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import DataError, StoreError
from sdebayes._core.netcdf import write_netcdf
from sdebayes.data.container import SCHEMA_VERSION, pack
from sdebayes.data.zarr_store import write_zarr

NAMES = ["<script>alert(1)</script>", "Zwölf Bäume, 木"]


def embeddings():
    generator = np.random.default_rng(0)
    values = [generator.normal(size=(length, 5)) for length in (6, 9)]
    values[0][2, 1] = np.nan
    texts = [[f"„{step}“ <b>é</b>\nend" for step in range(len(array))] for array in values]
    dataset = pack(values, [np.arange(len(array)) * 0.1 for array in values], NAMES, "embedding", texts)
    dataset.attrs |= {"time_unit": "step", "warning": "none – really"}
    return dataset.assign_coords(year=("trajectory", [1790, 2026]), group=("trajectory", ["a", "bb"]))


def states():
    return sb.data.PCA(2, standardize=True).fit(embeddings()).transform(embeddings())


@pytest.fixture(params=["data.nc", "data.zarr"])
def path(request, tmp_path):
    return tmp_path / request.param


@pytest.mark.smoke
@pytest.mark.parametrize("make", [embeddings, states])
def test_what_is_saved_is_loaded(make, path):
    dataset = make()
    assert sb.data.save(dataset, path) == path
    loaded = sb.data.load(path)
    xr.testing.assert_identical(loaded, dataset)
    assert {name: variable.dtype for name, variable in loaded.variables.items()} == {
        name: variable.dtype for name, variable in dataset.variables.items()
    }
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    if make is states:
        assert sb.data.StateSpace.from_dataset(loaded).hash == dataset.attrs["space_hash"]
    sb.data.save(loaded, path)
    xr.testing.assert_identical(sb.data.load(path), dataset)


def test_an_unwritable_place_is_named_and_nothing_is_left(path):
    blocked = path.parent / "file"
    blocked.write_text("keep me")
    with pytest.raises(StoreError, match="cannot be written"):
        sb.data.save(embeddings(), blocked / path.name)
    with pytest.raises(StoreError, match="cannot be written"):
        sb.data.save(embeddings(), path.parent / "no" / "such" / path.name)
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_a_failed_write_keeps_the_former_file(path):
    sb.data.save(embeddings(), path)
    bad = embeddings().assign_attrs(bad=object())
    with pytest.raises(StoreError, match="cannot be written"):
        sb.data.save(bad, path)
    xr.testing.assert_identical(sb.data.load(path), embeddings())
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_directory_that_is_no_store_is_not_replaced(tmp_path):
    for name in ("photos.zarr", "photos.nc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keep").write_text("me")
        with pytest.raises(StoreError, match=r"photos\."):
            sb.data.save(embeddings(), tmp_path / name)
        assert (tmp_path / name / "keep").read_text() == "me"


def test_what_is_not_valid_is_not_written(path):
    with pytest.raises(DataError):
        sb.data.save(embeddings().isel(trajectory=[]), path)
    assert not path.exists()


def test_a_missing_file(path):
    with pytest.raises(StoreError, match="does not exist"):
        sb.data.load(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_netcdf(tmp_path, share):
    path = sb.data.save(embeddings(), tmp_path / "data.nc")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(StoreError, match=r"data\.nc cannot be read"):
        sb.data.load(path)


@pytest.mark.parametrize("lost", ["y/0.0.0", "y", ".zmetadata", "text/0.0"])
def test_a_truncated_zarr(tmp_path, lost):
    path = sb.data.save(embeddings(), tmp_path / "data.zarr")
    target = path / lost
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    if lost == ".zmetadata":
        shutil.rmtree(path / "t")
    with pytest.raises(StoreError, match=r"data\.zarr"):
        sb.data.load(path)


def write_as_it_is(dataset, path):
    (write_zarr if path.suffix == ".zarr" else write_netcdf)(dataset, path)


def test_foreign_files_and_files_of_other_versions(path):
    write_as_it_is(xr.Dataset({"temperature": ("x", [1.0, 2.0])}), path)
    with pytest.raises(StoreError, match="schema version None"):
        sb.data.load(path)
    write_as_it_is(embeddings().drop_vars("n_steps"), path)
    with pytest.raises(StoreError, match="no data set of trajectories: it has no n_steps"):
        sb.data.load(path)
    newer = {"schema_version": SCHEMA_VERSION + 1, "sdebayes_version": "9.9"}
    write_as_it_is(embeddings().assign_attrs(newer), path)
    with pytest.raises(StoreError, match=r"sdebayes 9\.9 wrote it.*newer, update sdebayes"):
        sb.data.load(path)


def test_what_another_tool_has_written_is_saved_again(path):
    """It has no seal; the way that the error names leads to a file with one."""
    dataset = embeddings()
    if path.suffix == ".nc":
        dataset.to_netcdf(path, engine="h5netcdf")
    else:
        dataset.to_zarr(path, mode="w", zarr_format=2, consolidated=True)
    with pytest.raises(StoreError, match=r"no seal.*opened with xarray, and saved with sdebayes\.data\.save"):
        sb.data.load(path)
    with xr.open_dataset(path, engine="h5netcdf" if path.suffix == ".nc" else "zarr") as opened:
        sb.data.save(opened, path)
    xr.testing.assert_identical(sb.data.load(path), dataset)


def test_other_tools_read_what_is_saved(path):
    dataset = states()
    sb.data.save(dataset, path)
    with xr.open_dataset(path) as opened:
        xr.testing.assert_allclose(opened["y"], dataset["y"])


def test_a_file_of_another_kind(tmp_path):
    path = tmp_path / "data.nc"
    path.write_text("hello")
    with pytest.raises(StoreError, match="no seal"):
        sb.data.load(path)
    (tmp_path / "data.zarr").mkdir()
    with pytest.raises(StoreError, match="no seal"):
        sb.data.load(tmp_path / "data.zarr")


def test_texts_from_a_directory_and_from_tables(tmp_path):
    (tmp_path / "b.txt").write_text("Zweiter Text: Grüße.", encoding="utf-8")
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfFirst text.")
    (tmp_path / "ignored.pdf").write_bytes(b"\xff")
    corpus = sb.data.read_texts(tmp_path)
    assert dict(zip(corpus["trajectory"].values, corpus["text"].values, strict=True)) == {
        "a": "First text.",
        "b": "Zweiter Text: Grüße.",
    }
    table = tmp_path / "table.csv"
    table.write_text('name,text,group\nx,"One, two.\nThree.",A\ny,Four.,B\n', encoding="utf-8")
    corpus = sb.data.read_texts(table)
    assert corpus["text"].values.tolist() == ["One, two.\nThree.", "Four."]
    assert corpus["trajectory"].values.tolist() == ["x", "y"]
    assert corpus["group"].values.tolist() == ["A", "B"]
    lines = tmp_path / "lines.jsonl"
    lines.write_text(
        "\n".join(json.dumps({"text": text, "year": 1900}) for text in ("A\u2028b.", "C.")) + "\n"
    )
    corpus = sb.data.read_texts([str(lines)])
    assert corpus["trajectory"].values.tolist() == ["lines 1", "lines 2"]
    assert corpus["year"].values.tolist() == [1900, 1900]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"abc\xe9def", r"a\.txt is not UTF-8: byte 0xe9 at position 3"),
        ("a.txt", b" \n ", "blank: 'a'"),
        ("a.docx", b"x", "unknown kind"),
        ("a.csv", b"name,body\nx,y\n", "line 2 has no text"),
        ("a.csv", b"name,text\nx\n", "line 2 has 1 fields, but the header has 2"),
        ("a.csv", b"name,text\n", "no row"),
        ("a.csv", b"name,text\nx,\n", "blank: 'x'"),
        ("a.csv", b"name,text\nx,One.\nx,Two.\n", "more than once"),
        ("a.jsonl", b'{"text": "One."}\n{"text"\n', r"line 2 is not JSON"),
        ("a.jsonl", b"[1]\n", "no JSON object"),
        ("a.jsonl", b'{"text": 3}\n', "line 1 has no text"),
    ],
)
def test_bad_files_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        sb.data.read_texts(tmp_path / name)


def test_no_file_at_all(tmp_path):
    with pytest.raises(DataError, match="No file"):
        sb.data.read_texts([])
    with pytest.raises(DataError, match="has no file"):
        sb.data.read_texts(tmp_path)
    with pytest.raises(StoreError, match="cannot be read"):
        sb.data.read_texts(tmp_path / "gone.txt")
