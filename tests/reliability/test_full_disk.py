"""A full disk is an error that says what to do; the former file and the process live on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import StoreError
from sdebayes.data.cache import EmbeddingCache
from sdebayes.data.container import trajectories
from sdebayes.inference.archive import Archive
from tests.reliability.attacks import ROOT, largest_file

SMALL, LARGE = 10_000, 400_000


def data(steps: int) -> xr.Dataset:
    return trajectories([np.random.default_rng(0).normal(size=(steps, 3))])


@pytest.mark.parametrize("name", ["data.nc", "data.zarr"])
def test_a_data_set(tmp_path, name):
    path = sb.data.save(data(20), tmp_path / name)
    with (
        largest_file(SMALL),
        pytest.raises(StoreError, match=r"cannot be written: .* bytes, and .*Make room"),
    ):
        sb.data.save(data(LARGE // 24), path)
    xr.testing.assert_identical(sb.data.load(path), data(20))
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    with largest_file(SMALL), pytest.raises(StoreError, match="cannot be written"):
        sb.data.save(data(LARGE // 24), tmp_path / f"new {name}")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_checkpoint(tmp_path):
    archive = Archive(tmp_path, "fingerprint", "fit")
    archive.write("chain-0", {"x": np.arange(3)})
    with largest_file(SMALL), pytest.raises(StoreError, match=r"chain-0\.npz cannot be written: .*Make room"):
        archive.write("chain-0", {"x": np.arange(LARGE)})
    assert archive.read("chain-0")["x"].tolist() == [0, 1, 2]
    assert [entry.name for entry in tmp_path.iterdir()] == ["chain-0.npz"]


def test_kept_embeddings(tmp_path):
    cache = EmbeddingCache("encoder", tmp_path)
    cache.write(["a"], np.ones((1, 4), np.float32))
    texts = [str(k) for k in range(500)]
    with largest_file(20_000), pytest.raises(StoreError, match="cannot be used"):
        cache.write(texts, np.ones((500, 100), np.float32))
    assert list(cache.read(["a", *texts])) == ["a"]


@pytest.fixture
def full(tmp_path) -> Iterator[Path]:
    """A small file system of its own, which the tests fill."""
    place = tmp_path / "full"
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "none", place]).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def sdebayes(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from sdebayes.__main__ import main; main()", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_every_command(tmp_path, full):
    """Each ends with one line on standard error, with the former output as it was, and nothing beside it."""
    lines = [" ".join(f"Sentence {k} of {text} is about {k % 3}." for k in range(30)) for text in range(4)]
    for number, line in enumerate(lines):
        (tmp_path / f"{number}.txt").write_text(line)
    texts = sorted(tmp_path.glob("*.txt"))
    embedded, fitted = tmp_path / "traj.nc", tmp_path / "posterior.nc"
    sizes = ("--components", "1", "--draws", "20", "--warmup", "20")
    commands: dict[str, tuple[str | Path, ...]] = {
        "embed.nc": ("embed", *texts),
        "embed.zarr": ("embed", *texts),
        "fit.nc": ("fit", embedded, *sizes),
        "simulate.nc": ("simulate", fitted, "--draws", "20"),
        "report.html": ("report", fitted),
    }
    assert not sdebayes("embed", *texts, "-o", embedded).returncode
    assert not sdebayes("fit", embedded, *sizes, "-o", fitted).returncode
    for name in commands:
        if name.endswith("zarr"):
            shutil.copytree(sb.data.save(data(10), tmp_path / name), full / name)
        else:
            (full / name).write_bytes(b"former")
    with suppress(OSError), (full / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 1000)
    before = {file: file.read_bytes() for file in full.rglob("*") if file.is_file()}
    held = 0
    for name, command in commands.items():
        result = sdebayes(*command, "-o", full / name)
        print(name, result.returncode, result.stderr.splitlines()[-1:])
        held += (
            result.returncode == 2
            and "Make room" in result.stderr
            and "Traceback" not in result.stderr
            and {file: file.read_bytes() for file in full.rglob("*") if file.is_file()} == before
        )
    print(f"{held} of {len(commands)} commands on a full disk held")
    assert held == len(commands)
