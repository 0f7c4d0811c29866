"""The page of a fit of several groups: what differs between them, and which group a text is from."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

import sdebayes as sb
from sdebayes.analysis.contrast.overview import DIFFERS, NOT_SEEN
from sdebayes.inference.findings import Finding, Findings
from sdebayes.reporting.blocks import Table, Verdicts
from sdebayes.reporting.chapters import groups, model, summary
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.wording import MEDIAN
from tests.reporting.conftest import with_groups


@pytest.fixture(scope="module")
def material(grouped, texts) -> ReportContext:
    return ReportContext(grouped, with_groups(texts[0]), with_groups(texts[1]), 10, 0)


def tables(chapter) -> list[Table]:
    return [block for block in chapter.blocks if isinstance(block, Table)]


@pytest.mark.thorough
def test_what_differs_is_said_beside_the_prior(material):
    chapter = groups.write(material)
    counts, declared, constants, texts = tables(chapter)
    rows = {row[0]: row for row in counts.rows}
    own = [row for row in material.group_rows if row.variable == "equilibrium"]
    expected = [sum(row.verdict == verdict for row in own) for verdict in (DIFFERS, NOT_SEEN)]
    assert rows["equilibrium"][1:4] == ["difference", *map(str, expected)]
    first = next(row for row in own if row.component == material.posterior.states[0])
    assert first.verdict == DIFFERS
    assert declared.rows[0][0] == f"equilibrium, {first.component}"
    assert declared.rows[0][1] == "<b>high</b> − low"
    assert re.fullmatch(r"[\d.−]+ \[[\d.−]+, [\d.−]+\]", declared.rows[0][3])
    assert constants.head == ["mode", "<b>high</b>", "low"]
    assert len(texts.rows) == material.test.sizes["trajectory"]


def test_the_verdict_asks_for_more_differences_than_chance_has(material, monkeypatch):
    found = material.group_rows
    many = [row for row in found if row.verdict == DIFFERS] * 10
    others = [row for row in found if row.verdict != DIFFERS] * 5
    faint = replace(many[0], posterior=(0.5, 0.01, 1.0))
    clear = [replace(many[0], posterior=(3.0, 2.5, 3.5)), *others]
    cases = (
        (many, "good"),
        ([faint] * 20, "good"),
        ([faint, *others], "note"),
        (clear, "good"),
        ([], "note"),
    )
    for rows, severity in cases:
        monkeypatch.setitem(vars(material), "group_rows", rows)
        verdict = groups.judged(material)
        assert verdict.severity == severity
        assert (
            "Too clear for chance, where all texts of a group are alike: equilibrium (1)" in verdict.message
        ) == (rows is clear)
        count = sum(row.verdict == DIFFERS for row in rows)
        assert verdict.message.startswith(f"{count} of" if rows else "no quantity")
    monkeypatch.setitem(vars(material), "group_rows", clear)
    for severity, expected in (("warning", "note"), ("note", "good")):
        doubt = Finding("Changing variance", severity, "found", "read")
        monkeypatch.setattr(ReportContext, "findings", property(lambda _, doubt=doubt: Findings((doubt,))))
        verdict = groups.judged(material)
        assert verdict.severity == expected
        assert ("are not alike (Changing variance)" in verdict.message) == (expected == "note")
        assert ("shuffled_groups" in verdict.advice) == (expected == "note")


@pytest.mark.thorough
def test_the_summary_knows_of_groups(material):
    found = summary.write(material)
    subjects = [item.subject for block in found.blocks if isinstance(block, Verdicts) for item in block.items]
    assert "Groups" in subjects
    assert "Properties of the process" not in subjects
    text = " ".join(getattr(block, "text", "") for block in found.blocks)
    assert "of 2 groups, <b>high</b> (2) and low (2)" in text
    assert re.search(r"time constant of [\d.]+ \[.*\] steps in <b>high</b> and", text)


def test_the_level_is_told_in_numbers(material):
    (table,) = tables(model.write(material))
    assert table.head == ["state", f"change of level from 0 to 39, {MEDIAN}"]
    along = sb.analysis.level.along(material.posterior, "t")["level"].isel(state=0)
    change = (along.isel(point=-1) - along.isel(point=0)).median("sample")
    assert table.rows[0][1].startswith(f"{float(change):.2f}".replace("-", "−"))


@pytest.mark.thorough
def test_the_page_has_all_that_groups_share(grouped, material, tmp_path):
    page = sb.report(grouped, tmp_path / "page.html", data=material.data, test=material.test, draws=10)
    content = page.read_text(encoding="utf-8")
    found = re.findall(r'<section id="([\w-]+)">', content)
    assert found[3] == "groups"
    assert not {"phase-space", "process", "properties"} & set(found)
    assert "<b>high</b>" not in content
    assert html.escape("<b>high</b>") in content
