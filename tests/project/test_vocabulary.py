"""The field's words: what a reader would search for in vain stands in no page, docstring or message."""

from __future__ import annotations

import re

from tests.project.source import PACKAGE, ROOT

STANDARD = {
    r"foret(el|ol)\w*": "predict, forecast",
    r"so-manieth": "every k-th",
    r"shaken": "pushed about at random",
}
FILES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *PACKAGE.rglob("*.py")]


def test_words_are_those_of_the_field():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {word.group()!r}; write {better}"
        for path in FILES
        if not {"_build", "generated"} & set(path.parts)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for pattern, better in STANDARD.items()
        for word in re.finditer(rf"\b{pattern}", line, re.IGNORECASE)
    ]
    assert not found, "\n".join(found)
