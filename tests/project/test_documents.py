"""What the README and the pages promise: the two commands, names that exist, links that lead somewhere."""

from __future__ import annotations

import ast
import re
from importlib.metadata import version
from pathlib import Path

import pytest

import sdebayes
from tests.project.source import ROOT

COMMANDS = [
    "python3 -m pip install uv && python3 -m uv run sdebayes demo",
    "python3 -m pip install uv && python3 -m uv run pytest",
]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PAGES = [page for page in PAGES if not {"_build", "generated"} & set(page.parts)]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of code in one language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def dotted(node: ast.expr) -> str | None:
    """``a.b.c`` of an attribute; None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    inner = dotted(node.value) if isinstance(node, ast.Attribute) else None
    return f"{inner}.{node.attr}" if inner else None


def names_used(text: str) -> set[str]:
    """Names such as ``sb.priors.GP`` in code."""
    found = {dotted(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
    return {found_name for found_name in found if found_name and found_name.startswith("sb.")}


def exists(dotted_name: str) -> bool:
    """Whether ``sb.…`` can be reached from the package."""
    value = sdebayes
    for part in dotted_name.split(".")[1:]:
        if not hasattr(value, part):
            return False
        value = getattr(value, part)
    return True


def test_readme_has_exactly_the_two_commands():
    start = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## ")[1]
    assert start.startswith("Start\n")
    assert re.findall(r"^```bash\n(.*?)\n```", start, re.DOTALL | re.MULTILINE) == COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_code_on_pages_uses_names_that_exist(page):
    used = set().union(*(names_used(block) for block in blocks(page, "python")))
    spoken = set(re.findall(r"`(sb(?:\.\w+)+)", page.read_text(encoding="utf-8")))
    assert {found for found in used | spoken if not exists(found)} == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists() and "generated/" not in link]
    assert missing == []


def test_versions_agree():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.*)$", citation, re.MULTILINE) == [version("sdebayes")]


def test_examples_are_there():
    assert {"quickstart_array.py", "quickstart_text.py"} <= {p.name for p in (ROOT / "examples").glob("*.py")}


def test_the_checks_see_a_wrong_name():
    assert names_used("sb.priors.Linear(sb.NUTS)\nother.thing()") == {
        "sb.priors",
        "sb.priors.Linear",
        "sb.NUTS",
    }
    assert not exists("sb.no_such_name")
    assert exists("sb.__doc__")
