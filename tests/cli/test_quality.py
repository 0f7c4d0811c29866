"""Sentences and continuations on the command line, JSON lines in and out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import sdebayes as sb
from sdebayes.analysis import quality
from sdebayes.cli.app import app
from tests.cli.conftest import run, speech


def lines(result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_sentence_has_a_line(here):
    for seed in (101, 102):
        Path(f"held {seed}.txt").write_text(speech(seed))
    Path("short.txt").write_text("Of peace alone.")
    known = ("--calibration", "held 101.txt", "--calibration", "held 102.txt")
    result = run(
        "score",
        "posterior.nc",
        "new.txt",
        "short.txt",
        "--surprise",
        *known,
        "--rate",
        "0.9",
        "--exemplars",
        "traj.nc",
    )
    found = lines(result)
    assert [line["step"] for line in found] == [*range(30), 0]
    posterior = sb.load("posterior.nc")
    data, held = (
        sb.embed(
            {name: speech(int(name)) for name in names}, sb.SentenceEncoder(), cache=False, progress=False
        )
        for names in (["99"], ["101", "102"])
    )
    expected = quality.surprise(posterior, data, calibration=held)
    for name in ("surprise", "information", "p_value", "q_value"):
        own = [line[name] for line in found[:30]]
        np.testing.assert_allclose(own, expected[name].values[0], atol=1e-5)
        assert found[-1][name] is None or name == "surprise"
    assert [line["belongs"] for line in found[:30]] == (expected["q_value"].values[0] > 0.9).tolist()
    for line in found:
        assert ("expected" in line) != line["belongs"]
    assert found[0]["text"] == data["text"].values[0, 0]
    assert "'short'" in result.stderr
    assert "Give more calibration documents" not in result.stderr


def test_each_line_of_candidates_has_ranks(here):
    rows = [{"context": speech(20, 6), "candidates": [speech(s, 3) for s in (20, 21, 22)]} for _ in range(2)]
    Path("tasks.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = lines(run("rank", "posterior.nc", "tasks.jsonl"))
    expected = quality.rank(sb.load("posterior.nc"), rows[0]["context"], rows[0]["candidates"])
    assert found[0] == found[1]
    np.testing.assert_allclose(found[0]["score"], expected["score"], atol=1e-5)
    np.testing.assert_allclose(found[0]["probability"], expected["probability"], atol=1e-5)
    assert found[0]["best"] == int(expected["score"].values.argmax())
    assert (np.array(found[0]["lower"]) <= found[0]["upper"]).all()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "has no line"),
        ("{", "line 1 is no JSON"),
        ('{"context": "A.", "candidates": ["B."]}', "line 1: expected"),
        ('{"context": " ", "candidates": ["B.", "C."]}', "the context is blank"),
        ('\n{"context": "A.", "candidates": ["B.", ""]}', "line 2: candidate 2 is blank"),
        ('{"context": "A.", "candidates": ["B.", 3]}', "each a text"),
    ],
)
def test_lines_that_are_no_tasks_are_named(here, content, said):
    Path("bad.jsonl").write_text(content)
    result = CliRunner().invoke(app, ["rank", "posterior.nc", "bad.jsonl"])
    assert result.exit_code == 2
    assert said in result.stderr


def test_options_of_surprise_need_it(here):
    result = CliRunner().invoke(app, ["score", "posterior.nc", "new.txt", "--calibration", "new.txt"])
    assert result.exit_code == 2
    assert "are of --surprise" in result.stderr
