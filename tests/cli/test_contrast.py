"""The way from texts of several groups to what differs between them, and to a page about it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import sdebayes as sb
from sdebayes.cli.app import app
from sdebayes.reporting import chapters
from tests.cli.conftest import run, said, settings, speech


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Texts of two groups, of which those of one speak of peace over and over, their embeddings and a fit."""
    folder = tmp_path_factory.mktemp("groups")
    lines = ["name,text,author"]
    for seed in range(6):
        text = speech(seed)
        if seed % 2:
            text = text.replace("trade", "peace").replace("law", "peace").replace("river", "peace")
        lines.append(f"speech {seed},{text},{'ann' if seed % 2 else 'bob'}")
    (folder / "texts.csv").write_text("\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        settings(patch, folder)
        run("embed", "texts.csv", "-o", "traj.nc", "--groups", "author")
        shape = ("--components", "2", "--exact", "--diagonal", "--strategy", "laplace", "--draws", "40")
        run("fit", "traj.nc", "-o", "groups.nc", *shape, "--by-group", "drift, diffusion")
    return folder


@pytest.fixture
def here(folder, monkeypatch) -> Path:
    monkeypatch.chdir(folder)
    settings(monkeypatch, folder)
    return folder


def fails(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.mark.thorough
def test_groups_come_from_a_column_or_from_paths(here):
    assert list(sb.data.load("traj.nc")["group"].values) == ["bob", "ann"] * 3
    for name in ("one", "two"):
        Path(f"{name}.txt").write_text(speech(7))
    run("embed", "one.txt", "two.txt", "texts.csv", "-o", "paths.nc", "--group-by-path")
    assert list(sb.data.load("paths.nc")["group"].values) == ["one", "two", *["texts"] * 6]
    for options, words in (
        (["--groups", "poet"], "no such column; they have author"),
        (["--group-by-path"], "give two or more"),
        (["--groups", "author", "--group-by-path"], "give one"),
    ):
        assert words in fails("embed", "texts.csv", "-o", "none.nc", *options)


@pytest.mark.thorough
def test_what_differs_is_said_and_written(here):
    fitted = sb.load("groups.nc")
    assert fitted.groups == ("ann", "bob")
    assert fitted.model.parts_by_group == ["diffusion", "drift"]
    result = run("contrast", "groups.nc", "-o", "table.csv")
    for words in (
        "equilibrium, ann − bob",
        "ann / bob",
        "The same in all groups, or not of this model: noise",
    ):
        said(result, words)
    with open("table.csv", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    found = sb.analysis.contrast.contrast(fitted, "equilibrium")["equilibrium"].squeeze()
    own = [row for row in table if row["variable"] == "equilibrium"]
    np.testing.assert_allclose([float(row["median"]) for row in own], found.median("sample"))
    assert {row["kind"] for row in table} == {"ratio", "difference"}
    assert all(float(row["prior_lower"]) < float(row["prior_upper"]) for row in own)
    options = ("--quantity", "equilibrium", "--group", "bob", "--group", "ann")
    said(run("contrast", "groups.nc", *options, "-o", "draws.nc"), "equilibrium, bob − ann")
    with xr.open_dataset("draws.nc", engine="h5netcdf") as draws:
        np.testing.assert_allclose(draws["equilibrium"].squeeze(), -found)
    run("contrast", "groups.nc", *options, "-o", "figure.svg")
    assert "<svg" in Path("figure.svg").read_text(encoding="utf-8")


@pytest.mark.thorough
def test_groups_by_lot(here):
    options = ("--quantity", "equilibrium", "--shuffles", "2", "--draws", "20")
    result = run("contrast", "groups.nc", *options)
    said(result, "equilibrium: groups by lot, 2 fits")
    shares = [
        float(line.split()[-1]) for line in result.stdout.splitlines() if " to " in line and "ann" in line
    ]
    assert len(shares) == 2
    assert set(shares) <= {0.33, 0.67, 1.0}


@pytest.mark.thorough
def test_a_page_on_groups_and_on_one_by_itself(here, monkeypatch):
    """What chapters make of groups is theirs: they are given the fit and its own texts."""
    given = []
    monkeypatch.setattr(
        "sdebayes.reporting.page.chapters_of",
        lambda _: [lambda context: given.append(context) or chapters.provenance.write(context)],
    )
    run("report", "groups.nc", "--data", "traj.nc", "-o", "all.html")
    run("report", "groups.nc", "--data", "traj.nc", "--group", "ann", "-o", "ann.html")
    assert [context.groups for context in given] == [("ann", "bob"), ()]
    assert [context.data["n_steps"].values.tolist() for context in given] == [[30] * 6, [30] * 3]
    assert set(given[1].data["group"].values) == {"ann"}
    assert "Laplace(draws=40" in Path("ann.html").read_text(encoding="utf-8")
    words = fails("report", "groups.nc", "--group", "eve", "-o", "none.html")
    assert "no group 'eve'; it has 'ann', 'bob'" in words


@pytest.mark.thorough
def test_what_cannot_be_compared_is_said_in_a_line(here):
    shape = ("--components", "2", "--exact", "--strategy", "laplace", "--draws", "10")
    sb.load("groups.nc").group("ann").to_netcdf("alike.nc")
    for arguments, words in (
        (["groups.nc", "--quantity", "mood"], "must be a list of 'time_constants' or"),
        (["groups.nc", "--quantity", "noise"], "same in all groups"),
        (["groups.nc", "--group", "eve"], "there is no group 'eve'; there are 'ann', 'bob'"),
        (["groups.nc", "--group", "ann"], "no two groups"),
        (["groups.nc", "-o", "table.xls"], "ends in .csv"),
        (["groups.nc", "--shuffles", "2"], "name it with --quantity"),
        (["alike.nc"], "the posterior has no groups"),
    ):
        assert words in fails("contrast", *arguments)
    for option, words in (
        ("mood", "use drift, diffusion, noise"),
        ("noise", "Exact has nothing that may differ"),
    ):
        assert words in fails("fit", "traj.nc", "-o", "none.nc", *shape, "--by-group", option)
