"""The view through a browser sees what it must see, and nothing where there is nothing."""

from __future__ import annotations

import pytest

from tests.browser import chromium, visit

BAD = """<!doctype html><meta charset="utf-8"><title>bad</title>
<link rel="stylesheet" href="https://fonts.example.invalid/style.css">
<script>fetch("http://example.invalid/data").catch(() => 0);
console.error("complaint"); throw new Error("broken");</script>
"""
GOOD = """<!doctype html><meta charset="utf-8"><title>good</title><style>p { color: green }</style><p>ü</p>
<img alt="" src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==">
"""


def test_a_browser_sees_errors_and_requests(tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(BAD, encoding="utf-8")
    seen = visit(page, tmp_path)
    assert sorted(seen.requests) == ["http://example.invalid/data", "https://fonts.example.invalid/style.css"]
    assert [word for word in ("complaint", "broken") if not any(word in line for line in seen.console)] == []


def test_a_self_contained_page_is_silent(tmp_path):
    page = tmp_path / "good.html"
    page.write_text(GOOD, encoding="utf-8")
    seen = visit(page, tmp_path)
    assert (seen.console, seen.requests) == ([], [])
    assert seen.screenshot.stat().st_size > 0


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_without_a_browser_a_check_is_skipped_except_in_ci(monkeypatch, ci, outcome):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="no Chromium"):
        chromium()
