"""Damage and edits of data sets, checkpoints and kept embeddings: noticed before anything parses them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import SdebayesError, StoreError
from sdebayes._core.netcdf import write_netcdf
from sdebayes._core.seal import read_sealed, seal
from sdebayes.data.cache import EmbeddingCache
from sdebayes.data.container import pack
from sdebayes.data.zarr_store import write_zarr
from sdebayes.inference.archive import Archive
from tests.reliability.attacks import flipped

FLIPS = 60
HDF5_INDEX = (b"TREE", b"SNOD", b"HEAP", b"OHDR", b"BTHD", b"FRHP", b"FSHD", b"EAHD", b"FAHD", b"OCHK")


def states() -> xr.Dataset:
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(length, 6)) for length in (16, 9)]
    texts = [[f"„{step}“ é" for step in range(len(array))] for array in values]
    times = [np.arange(len(array)) * 0.1 for array in values]
    data = pack(values, times, ["a", "b"], "embedding", texts).assign_attrs(time_unit="step", encoder="none")
    return sb.data.PCA(2, standardize=True).fit(data).transform(data)


@pytest.fixture
def unread(monkeypatch):
    """Let neither HDF5 nor zarr be asked."""

    def ask(*_args, **_kwargs):
        raise AssertionError("a damaged file was parsed")

    for name in ("open_dataset", "open_datatree", "open_zarr"):
        monkeypatch.setattr(xr, name, ask)


def refused(path) -> bool:
    """Whether loading says that the file is damaged or has no seal."""
    with pytest.raises(StoreError, match="cannot be read") as raised:
        sb.data.load(path)
    return "take a copy of the file" in str(raised.value)


@pytest.mark.parametrize("name", ["data.nc", "data.zarr"])
def test_every_flipped_bit_is_noticed(tmp_path, unread, name):
    path = sb.data.save(states(), tmp_path / name)
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    sizes = np.array([file.stat().st_size for file in files])
    rng, held = np.random.default_rng(0), 0
    for seed in range(FLIPS):
        file = files[rng.choice(len(files), p=sizes / sizes.sum())]
        whole = file.read_bytes()
        file.write_bytes(flipped(whole, seed))
        held += refused(path)
        file.write_bytes(whole)
    print(f"{held} of {FLIPS} flipped bits of {name} noticed")
    assert held == FLIPS


def test_one_flip_in_each_file_of_a_store_is_noticed(tmp_path, unread):
    path = sb.data.save(states(), tmp_path / "data.zarr")
    files = [file for file in path.rglob("*") if file.is_file()]
    held = 0
    for seed, file in enumerate(files):
        whole = file.read_bytes()
        file.write_bytes(flipped(whole, seed))
        held += refused(path)
        file.unlink()
        held += refused(path)
        file.write_bytes(whole)
    print(f"{held} of {2 * len(files)} damaged or lost files noticed")
    assert held == 2 * len(files)


def test_a_file_cut_short_anywhere_is_noticed(tmp_path, unread):
    path = sb.data.save(states(), tmp_path / "data.nc")
    whole = path.read_bytes()
    ends = [0, 1, 47, 48, 49, *np.random.default_rng(0).integers(len(whole), size=20), len(whole) - 1]
    for end in ends:
        path.write_bytes(whole[:end])
        assert refused(path)
    path.write_bytes(whole + b"\n")
    assert refused(path)


def test_a_damaged_index_is_never_parsed(tmp_path, unread):
    """Ten bytes behind every signature of HDF5's own index, such as make it search for minutes."""
    path = sb.data.save(states(), tmp_path / "data.nc")
    whole = path.read_bytes()
    tried = 0
    for signature in HDF5_INDEX:
        place = whole.find(signature)
        while place >= 0:
            path.write_bytes(whole[: place + 8] + b"\xff" * 10 + whole[place + 18 :])
            assert refused(path)
            tried += 1
            place = whole.find(signature, place + 1)
    assert tried > 5


def test_a_file_that_the_list_does_not_name_changes_nothing(tmp_path):
    path = sb.data.save(states(), tmp_path / "data.zarr")
    (path / ".DS_Store").write_bytes(b"x")
    (path / "y" / "9.9.9").write_bytes(b"x")
    xr.testing.assert_identical(sb.data.load(path), states())


def test_every_flipped_bit_of_a_checkpoint_is_noticed(tmp_path, monkeypatch):
    """Of the state and draws of a chain, and of a finished data set of a calibration, which are one kind of file."""
    rng = np.random.default_rng(0)
    archive = Archive(tmp_path, "fingerprint", "fit")
    arrays = {
        "state_0": rng.normal(size=(3, 5)),
        "record_x": rng.normal(size=(20, 5)),
        "names": np.array(["a"]),
    }
    archive.write("chain-0", arrays)
    assert all(np.array_equal(value, arrays[name]) for name, value in archive.read("chain-0").items())
    path = tmp_path / "chain-0.npz"
    whole, held = path.read_bytes(), 0
    monkeypatch.delattr(np, "load")
    attacks = [flipped(whole, seed) for seed in range(FLIPS)] + [
        whole[:end] for end in range(0, len(whole), 97)
    ]
    for content in attacks:
        path.write_bytes(content)
        with pytest.raises(StoreError, match=r"chain-0\.npz cannot be read.*delete it"):
            archive.read("chain-0")
        held += 1
    print(f"{held} of {len(attacks)} flipped bits and cuts of a checkpoint noticed")
    assert held == len(attacks)


def test_the_seal_is_a_digest_of_all_before_it(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"content" + seal(b"content"))
    assert read_sealed(path, "") == b"content"
    path.write_bytes(seal(b""))
    assert read_sealed(path, "") == b""


KINDS = ("U", "O", "S1", "c16", "f8", "M8[ns]", "?")
VALUES = (-5, 1.5, float("nan"), "x", "2", "[", "{}", "null", "[1]", "", True, 99, np.int8(1), [1, 2])


def edits(data: xr.Dataset) -> Iterator[tuple[str, Callable[[], xr.Dataset]]]:
    """Everything that a hand may do to one variable, dimension or attribute, with its name."""

    def put(name, value):
        return lambda: data.drop_vars(name).assign({name: value})

    for name, variable in data.variables.items():
        yield f"no {name}", partial(data.drop_vars, name)
        yield f"{name} is one number", put(name, 1.0)
        yield f"{name} over another dimension", put(name, ("other", [1.0, 2.0]))
        for kind in KINDS:
            yield f"{name} as {kind}", put(name, (variable.dims, np.full(variable.shape, 1).astype(kind)))
        if variable.dtype.kind in "if":
            for wrong in (np.nan, np.inf, -1.0, 1e300):
                yield f"{name} is {wrong}", put(name, (variable.dims, np.full(variable.shape, wrong)))
    for dim in data.dims:
        yield f"{dim} renamed", partial(data.rename, {dim: "other"})
        yield f"{dim} empty", partial(data.isel, {dim: slice(0)})
    for name in (*data.attrs, "unobserved", "left_out"):
        attrs = {key: value for key, value in data.attrs.items() if key != name}
        yield f"no {name}", partial(data.drop_attrs(deep=False).assign_attrs, attrs)
        for value in VALUES:
            yield f"{name}={value!r}", partial(data.assign_attrs, {name: value})


@pytest.mark.parametrize(
    ("name", "every"),
    [
        ("data.nc", 20),
        pytest.param("data.nc", 1, marks=pytest.mark.slow),
        pytest.param("data.zarr", 1, marks=pytest.mark.slow),
    ],
)
def test_files_that_were_edited_and_sealed_again(tmp_path, name, every):
    """Edits that a seal cannot tell end in an error of the package, or in data that are valid and can be used."""
    path, ends = tmp_path / name, Counter()
    for what, edit in list(edits(states()))[::every]:
        try:
            (write_zarr if name.endswith("zarr") else write_netcdf)(edit(), path)
        except (StoreError, ValueError):
            ends["cannot be written"] += 1
            continue
        try:
            loaded = sb.data.load(path)
            sb.data.StateSpace.from_dataset(sb.data.validate(loaded)).describe()
            ends["valid"] += 1
        except SdebayesError:
            ends["refused"] += 1
        except Exception as error:
            ends[f"{what}: {error!r}"] += 1
    print(f"{name}: {dict(ends)}")
    assert set(ends) <= {"cannot be written", "valid", "refused"}


def test_kept_embeddings_are_right_or_absent(tmp_path):
    """Whatever bit of the database flips, a text never gets another's vector."""
    texts = [f"text {k}" for k in range(60)]
    vectors = np.random.default_rng(0).normal(size=(60, 24)).astype(np.float32)
    cache = EmbeddingCache("encoder", tmp_path)
    cache.write(texts, vectors)
    whole, held, tried = cache.path.read_bytes(), 0, 200
    for seed in range(tried):
        damaged = whole
        for step in range(1 + 19 * (seed % 2)):
            damaged = flipped(damaged, seed + 1000 * step)
        cache.path.write_bytes(damaged)
        try:
            found = cache.read(texts)
        except StoreError:
            held += 1
        else:
            held += all(np.array_equal(vectors[texts.index(text)], vector) for text, vector in found.items())
        cache.path.unlink(missing_ok=True)
    print(f"{held} of {tried} damaged databases held")
    assert held == tried
