"""Results and decisions: RESULTS.md is what its files make, rows stay that were not run again, pages are short."""

from __future__ import annotations

import re
import sys

import pandas as pd
import pytest

from tests.project.source import ROOT

BENCHMARKS = ROOT / "benchmarks"
FILES = sorted(path.stem for path in (BENCHMARKS / "results").glob("*.csv") if path.stem != "runs")
DECISIONS = sorted((ROOT / "docs" / "explanation" / "decisions").glob("0*.md"))


@pytest.fixture
def scripts(monkeypatch):
    """Make the modules of benchmarks/ importable, as they are for their scripts."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_results_are_what_their_files_make(scripts, monkeypatch):
    import make_results

    monkeypatch.setattr(sys, "argv", ["make_results.py", "--check"])
    make_results.main()


def test_the_check_sees_a_number_that_changed(scripts, monkeypatch, tmp_path):
    import make_results

    changed = tmp_path / "RESULTS.md"
    changed.write_text((BENCHMARKS / "RESULTS.md").read_text(encoding="utf-8").replace("24/30", "25/30"))
    monkeypatch.setattr(make_results, "TARGET", changed)
    monkeypatch.setattr(sys, "argv", ["make_results.py", "--check"])
    with pytest.raises(SystemExit, match="not what its files make"):
        make_results.main()


def test_results_are_short():
    assert len((BENCHMARKS / "RESULTS.md").read_text(encoding="utf-8").splitlines()) <= 200


def test_every_file_is_shown_and_every_row_has_its_run(scripts):
    import make_results
    from record import read

    texts = make_results.texts()
    shown = {table["file"] for section in texts["section"] for table in section["table"]}
    assert shown | {row["file"] for row in texts["short"]} == set(FILES)
    assert {run for file in FILES for run in read(file)["run"] if run} == set(read("runs")["run"])


def test_every_benchmark_has_a_file():
    scripts = {
        path.stem: path.read_text(encoding="utf-8")
        for path in BENCHMARKS.glob("*.py")
        if path.stem not in ("make_results", "record")
    }
    silent = [
        name
        for name, text in scripts.items()
        if "\nRun: " in text and not any(file.startswith(name.removesuffix("_targets")) for file in FILES)
    ]
    assert silent == []
    assert [name for name, text in scripts.items() if "\nRun: " in text and "keep(" not in text] == []


def test_rows_that_were_not_run_again_stay(scripts, monkeypatch, tmp_path):
    import record

    run = record.this_run()
    record.keep(
        "one", [{"case": "a", "value": 0.12345}, {"case": "b", "value": float("nan")}], ["case"], tmp_path
    )
    monkeypatch.setattr(record, "this_run", lambda: run | {"command": "another"})
    record.keep("one", [{"case": "c", "value": "3"}, {"case": "a", "value": 2}], ["case"], tmp_path)
    assert record.read("one", tmp_path).to_dict("list") == {
        "case": ["a", "b", "c"],
        "value": ["2", "", "3"],
        "run": ["one-2", "one-1", "one-2"],
    }
    record.keep("one", [{"case": "b", "value": 1}], ["case"], tmp_path)
    assert record.read("one", tmp_path)["value"].tolist() == ["2", "1", "3"]
    runs = record.read("runs", tmp_path)
    assert runs[["run", "command"]].to_numpy().tolist() == [["one-2", "another"]]
    assert runs.loc[0, "date"]
    assert runs.loc[0, "commit"]


def test_rows_that_were_measured_at_once_go_at_once(scripts, tmp_path):
    import record

    of_a = [{"case": "a", "mode": mode} for mode in range(3)]
    record.keep("one", [*of_a, {"case": "b", "mode": 0}], ["case"], tmp_path)
    table = record.keep("one", of_a[1:2], ["case"], tmp_path)
    assert table[["case", "mode"]].to_numpy().tolist() == [["a", "1"], ["b", "0"]]


def test_templates_fill_and_cross(scripts):
    import make_results

    rows = [{"a: x": "1", "b": ""}, {"a: x": "2.345", "b": "y"}]
    assert make_results.listed(rows, {"A": "{a: x!.1f}", "B": "({b})"}) == [
        ["A", "B"],
        ["1.0", "(–)"],
        ["2.3", "(y)"],
    ]
    assert make_results.crossed([*rows, rows[1]], "{b}", "all", "{a: x}") == [
        ["", "all"],
        ["–", "1"],
        ["y", "2.345; 2.345"],
    ]
    assert make_results.markdown([["a|b"], ["c"]]) == ["| a\\|b |", "|---|", "| c |"]


def test_a_table_of_rows_that_are_not_there_says_so(scripts, tmp_path):
    import make_results

    pd.DataFrame({"case": ["a"], "run": [""]}).to_csv(tmp_path / "one.csv", index=False)
    with pytest.raises(ValueError, match=r"one\.csv has no row"):
        make_results.chosen("one", {"case": ["b"]}, tmp_path)


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem[:4])
def test_a_decision_is_first_and_short(page):
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE)[:3] == ["Decision", "Question", "Measured"]
    assert len(text.split()) <= 400
