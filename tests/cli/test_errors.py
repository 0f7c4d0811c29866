"""Bad input gets one line on standard error and exit code 2, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import sdebayes as sb
from sdebayes._core.netcdf import write_netcdf
from sdebayes.cli.app import app

GOOD = "One sentence is here. Another one follows it. A third one ends the text. And a fourth."


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Keep caches out of the user's, and JAX's configuration as it is."""
    monkeypatch.setenv("SDEBAYES_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "off")
    monkeypatch.setenv("XLA_FLAGS", os.environ["XLA_FLAGS"])


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(*arguments: str) -> str:
    """Run a command that must fail, and return its one line."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("sdebayes: error: ")
    assert result.stdout == ""
    return lines[0]


def write_data(path: str = "states.nc") -> None:
    x = np.random.default_rng(0).standard_normal((3, 20, 2))
    sb.data.save(sb.trajectories(x), path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is blank"),
        (b" \n\t", "is blank"),
        (b"A single sentence.", "1 of 1 texts has fewer than 3 steps"),
        (b"caf\xe9 is not UTF-8. It is Latin-1. There is more.", "not UTF-8: byte 0xe9 at position 3"),
    ],
    ids=["empty", "blank", "one sentence", "other encoding"],
)
def test_texts_that_cannot_be_used(here, content, said):
    Path("text.txt").write_bytes(content)
    before = sorted(here.iterdir())
    assert said in refused("embed", "text.txt", "-o", "traj.nc")
    assert sorted(here.iterdir()) == before


def test_empty_directory_unknown_kind_and_no_file(here):
    Path("empty").mkdir()
    Path("text.docx").write_text(GOOD)
    assert "it holds nothing" in refused("embed", "empty", "-o", "traj.nc")
    Path("empty", "notes.md").write_text(GOOD)
    assert "it holds 1 of other names, such as 'notes.md'" in refused("embed", "empty", "-o", "traj.nc")
    assert "unknown kind" in refused("embed", "text.docx", "-o", "traj.nc")
    assert "does not exist" in refused("embed", "nowhere.txt", "-o", "traj.nc")


def test_files_that_are_no_trajectories(here):
    write_data()
    whole = Path("states.nc").read_bytes()
    Path("truncated.nc").write_bytes(whole[: len(whole) // 2])
    xr.Dataset({"rain": ("day", [1.0, 2.0])}).to_netcdf("foreign.nc", engine="h5netcdf")
    newer = sb.data.load("states.nc").assign_attrs(schema_version=999)
    write_netcdf(newer, Path("newer.nc"))
    for name, said in [("truncated", "truncated"), ("foreign", "another tool"), ("newer", "version 999")]:
        assert said in refused("fit", f"{name}.nc", "-o", "posterior.nc")
        assert not Path("posterior.nc").exists()


def test_files_that_are_no_posterior(here):
    write_data()
    Path("text.nc").write_text("no netCDF")
    for name, said in [
        ("text.nc", "cannot be read"),
        ("states.nc", "no posterior"),
        ("none.nc", "does not exist"),
    ]:
        assert said in refused("report", name, "-o", "report.html")
        assert said in refused("simulate", name, "-o", "sims.nc")
        assert said in refused("score", name, "states.nc")
        assert said in refused("compare", name, "--test", "states.nc")
    assert not Path("report.html").exists()


def test_outputs_that_cannot_be_written(here):
    write_data()
    Path("text.txt").write_text(GOOD)
    for command in (["embed", "text.txt"], ["fit", "states.nc"], ["report", "p.nc"], ["simulate", "p.nc"]):
        assert "does not exist" in refused(*command, "-o", "nowhere/out.nc")
        assert "is a directory" in refused(*command, "-o", ".")


def test_numbers_out_of_range(here):
    write_data()
    assert "draws" in refused("fit", "states.nc", "-o", "p.nc", "--draws", "0")
    both = ("--checkpoint", "run", "--coordinator", "localhost:1")
    assert "--checkpoint is of one process" in refused("fit", "states.nc", "-o", "p.nc", *both)
    assert "test=2.0" in refused("fit", "states.nc", "-o", "p.nc", "--hold-out", "2")
    Path("text.txt").write_text(GOOD)
    assert "block=0" in refused("embed", "text.txt", "-o", "traj.nc", "--block", "0")
    assert "time=" in refused("embed", "text.txt", "-o", "traj.nc", "--time", "hour")


@pytest.mark.parametrize(
    ("broken", "command"),
    [
        ("sdebayes.data.cache.EmbeddingCache.write", ["embed", "text.txt"]),
        ("sdebayes.inference.hamiltonian.find_typical_point", ["fit", "states.nc", "--exact", "--diagonal"]),
        ("xarray.Dataset.to_netcdf", ["embed", "text.txt"]),
    ],
)
def test_an_interrupt_leaves_the_former_output(here, monkeypatch, broken, command):
    write_data()
    Path("text.txt").write_text(GOOD)
    Path("out.nc").write_text("former")
    before = sorted(here.iterdir())

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(
        "sdebayes.data.SentenceEncoder.encode", lambda self, texts: np.eye(len(texts), dtype="f4")
    )
    monkeypatch.setattr(broken, interrupt)
    result = CliRunner().invoke(app, [*command, "-o", "out.nc"])
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1].startswith("sdebayes: interrupted")
    assert Path("out.nc").read_text() == "former"
    assert sorted(here.iterdir()) == before


def test_the_program_itself_prints_no_traceback(here):
    Path("text.txt").write_bytes(b"\xff")
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "from sdebayes.__main__ import main; main()",
            "embed",
            "text.txt",
            "-o",
            "traj.nc",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1
    assert run.stderr.startswith("sdebayes: error: text.txt is not UTF-8")


@pytest.mark.smoke
@pytest.mark.parametrize("command", ["embed", "fit", "report", "simulate", "score", "compare", "demo"])
def test_each_command_helps(command):
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert command in result.stdout


def test_the_program_says_its_version():
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"sdebayes {version('sdebayes')}\n")
