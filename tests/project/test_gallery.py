"""The gallery: every example has its place, asks a question, and ends in a report that its page leads to."""

from __future__ import annotations

import ast
import re

import pytest

from tests.project.source import ROOT, extension

GALLERY = extension("gallery")
SCRIPTS = sorted(path for path in (ROOT / "examples").glob("*.py") if path.stem not in GALLERY.PARTS)
RUN = [path for path in SCRIPTS if path.stem not in GALLERY.MINUTES]
INDEX = (ROOT / "examples" / "index.rst").read_text(encoding="utf-8")


def test_every_example_stands_once_in_the_index():
    listed = re.findall(r"^ +\.\./examples/(\w+)\.py$", INDEX, re.MULTILINE)
    assert sorted(listed) == [path.stem for path in SCRIPTS]


def test_the_patterns_tell_what_is_run():
    settings = GALLERY.CONFIGURATION
    shown = [
        path
        for path in (ROOT / "examples").glob("*.py")
        if not re.search(settings["ignore_pattern"], path.name)
    ]
    assert sorted(shown) == SCRIPTS
    assert [path for path in SCRIPTS if re.search(settings["filename_pattern"], str(path))] == RUN
    assert len(RUN) >= 14


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_the_title_asks(path):
    title, line = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).splitlines()[:2]
    assert "?" in title
    assert line == "=" * len(title)


@pytest.mark.parametrize("path", RUN, ids=lambda path: path.stem)
def test_it_ends_in_its_report(path):
    text = path.read_text(encoding="utf-8")
    assert f"<reports/{path.stem}.html>`__" in text
    last = ast.unparse(ast.parse(text).body[-1])
    assert last.startswith("print(sb.report(posterior,")
    assert f"folder / '{path.stem}.html'" in last
