"""The field's words: what a reader would search for in vain stands in no page, docstring or message."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.project.source import PACKAGE, ROOT
from tests.project.test_docstrings import docstrings

STANDARD = {
    r"foret(el|ol)\w*": "predict, forecast",
    r"so-manieth": "every k-th",
    r"shaken": "pushed about at random",
}
FOR_READERS = {r"laws?": "distribution"}
"""Words that code may use, as short names, and no page, example or public docstring."""
MADE = {"_build", "generated", "gallery"}
PAGES = [path for path in (ROOT / "docs").rglob("*.md") if not MADE & set(path.parts)]
PAGES += [ROOT / "README.md"]
READ = [path for path in PAGES if "decisions" not in path.parts] + [*(ROOT / "examples").glob("*.*")]


def misused(where: str, text: str, words: Mapping[str, str]) -> Iterator[str]:
    """Where a text has one of these words, and what to write."""
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern, better in words.items():
            for word in re.finditer(rf"\b{pattern}\b", line, re.IGNORECASE):
                yield f"{where}:{number}: {word.group()!r}; write {better}"


def in_files(paths: list[Path], words: Mapping[str, str]) -> list[str]:
    return [
        found
        for path in paths
        for found in misused(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"), words)
    ]


def test_words_are_those_of_the_field():
    found = in_files([*PAGES, *PACKAGE.rglob("*.py")], STANDARD)
    assert not found, "\n".join(found)


def test_readers_find_no_word_that_code_alone_uses():
    found = in_files(READ, FOR_READERS)
    found += [hit for name, text in docstrings().items() for hit in misused(name, text, FOR_READERS)]
    assert not found, "\n".join(found)


def test_the_check_sees_words_and_nothing_in_them():
    text = "Its stationary law.\nTwo laws, lawful and flawed.\nWhat it foretold."
    assert list(misused("here", text, FOR_READERS)) == [
        "here:1: 'law'; write distribution",
        "here:2: 'laws'; write distribution",
    ]
    assert list(misused("here", text, STANDARD)) == ["here:3: 'foretold'; write predict, forecast"]
