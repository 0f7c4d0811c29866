"""Sentences and continuations on the command line, JSON lines in and out."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import sdebayes as sb
from sdebayes.analysis import quality
from sdebayes.analysis.quality.classify import PARTS, _labelled
from sdebayes.cli.app import app
from sdebayes.data import save
from tests.cli.conftest import run, settings, speech


def steered() -> xr.Dataset:
    """The log of a text that is led to a sentence, by the posterior in the working directory."""
    return sb.steer(
        lambda text, n: [f"It is on {word} and law." for word in ("peace", "trade", "river")],
        sb.load("posterior.nc"),
        ["Of river and law."],
        context="Of peace.",
        steps=2,
        candidates=3,
    )


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


def test_texts_are_steered_and_what_was_written_is_kept(here, monkeypatch):
    Path("proposing.py").write_text(
        "def generate(text, n):\n"
        "    if text.count('.') > 3:\n"
        "        raise RuntimeError('no more')\n"
        "    return [f'It is on {word} and law.' for word in ('peace', 'trade', 'river')][:n]\n"
    )
    monkeypatch.syspath_prepend(".")
    Path("begun.jsonl").write_text(
        json.dumps({"context": "Of peace."}) + "\n" + json.dumps({"context": "Of law. " * 4})
    )
    steering = ("steer", "posterior.nc", "begun.jsonl", "--generate", "proposing:generate", "--steps", "2")
    with monkeypatch.context() as patched:  # any target is unlikely
        patched.setattr(import_module("sdebayes.steering.steer"), "UNLIKELY", 1.1)
        Path("logs").mkdir()
        aimed = ("--towards", "Of river and law.", "--candidates", "3", "--logs", "logs")
        result = CliRunner().invoke(app, [*steering, *aimed])
    assert result.exit_code == 2
    assert "sdebayes: steer: the target is unlikely: of what texts come to" in result.stderr
    assert "1 of 2 texts ended early" in result.stderr
    whole, stopped = lines(result)
    expected = steered()
    assert whole["text"] == expected.attrs["text"]
    np.testing.assert_allclose(whole["steps"][1]["score"], expected["score"][1], atol=1e-5)
    chosen = expected.isel(candidate=expected["chosen"])
    for name in ("distance", "target_tail_probability", "tail_probability"):
        np.testing.assert_allclose([step[name] for step in whole["steps"]], chosen[name], atol=1e-5)
    (log,) = Path("logs").iterdir()
    xr.testing.assert_allclose(xr.load_dataset(log), expected)
    assert xr.load_dataset(log).attrs == expected.attrs
    assert stopped["steps"] == []
    assert "RuntimeError: no more" in stopped["stopped"]
    both = CliRunner().invoke(app, [*steering, "--typical", "--towards", "Of law."])
    assert "are two targets; give one" in both.stderr
    nowhere = CliRunner().invoke(app, [*steering, "--logs", "nowhere"])
    assert "the directory nowhere does not exist" in nowhere.stderr
    assert not nowhere.stdout


def test_a_page_tells_of_a_text_that_was_steered(here, monkeypatch):
    given = []
    monkeypatch.setattr("sdebayes.reporting.page.chapters_of", lambda context: given.append(context) or [])
    log = steered()
    log.to_netcdf("log.nc")
    run("report", "posterior.nc", "--steered", "log.nc", "-o", "steered.html")
    xr.testing.assert_identical(given[0].steered, log)
    Path("torn.nc").write_bytes(Path("log.nc").read_bytes()[:2000])
    for name, words in {
        "none.nc": "none.nc does not exist",
        "torn.nc": "torn.nc cannot be read as netCDF",
        "begun": "begun cannot be read: Is a directory",
        "traj.nc": "steered has no variable 'candidates'",
    }.items():
        Path("begun").mkdir(exist_ok=True)
        result = CliRunner().invoke(app, ["report", "posterior.nc", "--steered", name, "-o", "none.html"])
        assert result.exit_code == 2
        assert words in result.stderr
    assert not Path("none.html").exists()


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


def two_groups(names: list[str], steps: int = 6) -> xr.Dataset:
    """States of texts whose groups are named."""
    generator = np.random.default_rng(0)
    data = sb.trajectories([generator.normal(size=(steps, 2)) for _ in names])
    return data.assign_coords(group=("trajectory", names))


def classified(groups: dict[str, xr.Dataset], prob: float) -> xr.Dataset:
    """What the analysis finds, without its fits: ratios that say which text it was asked about."""
    start = 0
    ratios = {}
    for name, data in groups.items():
        count = data.sizes["trajectory"]
        ratios[name] = start + np.arange(count)[:, None] + np.arange(len(PARTS)) / 10
        start += count
    fold = {name: np.arange(len(own)) % 2 for name, own in ratios.items()}
    return _labelled(groups, ratios, fold, np.array([[0.5] * 6, [1.0] * 6]), prob)


def test_groups_are_told_apart_by_parts(tmp_path, monkeypatch):
    seen = {}

    def asked(groups, model, strategy, folds, seed, *, shuffles, prob):
        seen.update(groups=groups, model=model, strategy=strategy, folds=folds, seed=seed, prob=prob)
        seen.update(shuffles=shuffles)
        return classified(groups, prob).assign_attrs(caution="Below one half: level.")

    monkeypatch.setattr(quality, "classify", asked)
    settings(monkeypatch, tmp_path)
    data = two_groups(["b", "a", "b", "a", "c"])
    save(data, tmp_path / "states.nc")
    shape = ("--group", "a", "--group", "b", "--diagonal", "--folds", "2", "--draws", "30", "--seed", "3")
    result = run("classify", str(tmp_path / "states.nc"), *shape, "--prob", "0.8", "--shuffles", "2")
    assert "sdebayes: Below one half: level." in result.stderr
    found = lines(result)
    assert {name: one["trajectory"].values.tolist() for name, one in seen["groups"].items()} == {
        "a": ["trajectory 2", "trajectory 4"],
        "b": ["trajectory 1", "trajectory 3"],
    }
    assert seen["strategy"] == sb.Laplace(draws=30)
    assert (seen["folds"], seen["seed"], seen["prob"], seen["shuffles"]) == (2, 3, 0.8, 2)
    assert seen["model"].drift.diagonal
    assert seen["model"].observation.trajectory_effect
    assert [line["part"] for line in found] == list(PARTS)
    assert all(line["first"] == "a" and line["lower"] <= line["auc"] <= line["upper"] for line in found)
    assert all(line["p_value"] in (1 / 3, 2 / 3, 1) for line in found)
    by_text = lines(run("classify", str(tmp_path / "states.nc"), *shape, "--by-text"))
    named = [(line["name"][-1], line["group"]) for line in by_text]
    assert named == [("2", "a"), ("4", "a"), ("1", "b"), ("3", "b")]
    assert by_text[1]["level"] == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        (None, (), "say no group; embed texts with --groups"),
        (["a", "b", "c", "c"], (), "3 are given"),
        (["a", "b", "a", "b"], ("--group", "a", "--group", "d"), "No trajectory is of the group 'd'"),
        (["a", "b", "a", "b"], ("--projection", "tica"), "holds states"),
        (["a", "b", "a"], (), "fewer than two in each of 2 folds"),
    ],
)
def test_groups_that_are_not_two_are_refused(tmp_path, monkeypatch, names, options, said):
    settings(monkeypatch, tmp_path)
    data = two_groups(names or ["a"] * 4)
    save(data if names else data.drop_vars("group"), tmp_path / "states.nc")
    result = CliRunner().invoke(app, ["classify", str(tmp_path / "states.nc"), *options])
    assert result.exit_code != 0
    assert said in " ".join(result.stderr.split())
