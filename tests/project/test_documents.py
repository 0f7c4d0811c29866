"""What the README and the pages promise: the two commands, names that exist, links that lead somewhere."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from functools import reduce
from importlib.metadata import version
from pathlib import Path

import pytest
import typer

import sdebayes
from sdebayes.cli.app import app
from tests.project.source import ROOT

INSTALL = "python3 -m venv --clear .uv && .uv/bin/pip install -q uv"
COMMANDS = [f"{INSTALL} && .uv/bin/uv run {job}" for job in ("sdebayes demo", "pytest")]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MADE = {"_build", "gallery", "generated"}
"""Folders that the build of the documentation makes."""
PAGES = [page for page in PAGES if not MADE & set(page.parts)]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of code in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def code(text: str) -> list[str]:
    """The Python of a page: plain blocks, and cells that are executed, without their tags and magics."""
    cells = [
        re.sub(r"^[:%].*$", "", cell, flags=re.MULTILINE) for cell in blocks(text, r"\{code-cell\} ipython3")
    ]
    return [*blocks(text, "python"), *cells]


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


def unknown_arguments(text: str) -> list[str]:
    """Calls of the package that its signatures do not allow."""
    found = []
    for node in ast.walk(ast.parse(text)):
        called = dotted(node.func) if isinstance(node, ast.Call) else None
        if not called or not called.startswith("sb.") or not exists(called):
            continue
        value = reduce(getattr, called.split(".")[1:], sdebayes)
        positional = [argument for argument in node.args if not isinstance(argument, ast.Starred)]
        keywords = {keyword.arg: None for keyword in node.keywords if keyword.arg}
        try:
            inspect.signature(value).bind_partial(*positional, **keywords)
        except TypeError as error:
            found.append(f"{called}: {error}")
    return found


def unknown_commands(text: str) -> list[str]:
    """Lines that call the command line with a command or an option that it does not have."""
    commands = typer.main.get_command(app).commands
    found = []
    for line in re.findall(r"^(?:.* )?sdebayes ([a-z].*)$", text, re.MULTILINE):
        command, *arguments = line.split()
        known = commands.get(command)
        options = {name for option in known.params for name in option.opts} if known else set()
        if not known or {argument for argument in arguments if argument.startswith("-")} - options:
            found.append(line)
    return found


def test_readme_has_exactly_the_two_commands():
    start = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## ")[1]
    assert start.startswith("Start\n")
    assert re.findall(r"^```bash\n(.*?)\n```", start, re.DOTALL | re.MULTILINE) == COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_code_on_pages_uses_names_that_exist(page):
    text = page.read_text(encoding="utf-8")
    used = set().union(*map(names_used, code(text)))
    spoken = set(re.findall(r"`(sb(?:\.\w+)+)", text))
    assert {found for found in used | spoken if not exists(found)} == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_code_on_pages_calls_what_is_there_as_it_is(page):
    text = page.read_text(encoding="utf-8")
    assert [found for block in code(text) for found in unknown_arguments(block)] == []
    assert [found for block in blocks(text, "bash") for found in unknown_commands(block)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists() and not MADE & {*Path(link).parts}]
    assert missing == []


def test_versions_agree():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert re.findall(r"^version: (.*)$", citation, re.MULTILINE) == [project["version"]]
    assert sdebayes.__version__ == version("sdebayes") == project["version"]


def test_the_version_is_not_imported_over_that_of_others():
    assert "__version__" not in sdebayes.__all__


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


def test_the_checks_see_a_wrong_call():
    cell = "```{code-cell} ipython3\n:tags: [remove-cell]\n\n%config x\nsb.PCA(8, whiten=True)\n```\n"
    assert [found.split(":")[0] for block in code(cell) for found in unknown_arguments(block)] == ["sb.PCA"]
    assert unknown_arguments("sb.fit(model, data, sb.NUTS(draws=10), seed=0)\nsb.fit(*parts)") == []
    assert unknown_commands(
        "sdebayes fit a.nc --output b.nc\nsdebayes fit a.nc --outptu b.nc\nsdebayes fti"
    ) == [
        "fit a.nc --outptu b.nc",
        "fti",
    ]
