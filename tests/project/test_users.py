"""Nothing without a user: a page, an example, the report or a command names every analysis and every figure."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

from tests.project.source import PACKAGE, ROOT

PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
CODE = [ROOT / "examples", PACKAGE / "reporting", PACKAGE / "cli"]
ASIDE = {"reference", "decisions", "_build", "generated"}


def code(text: str) -> str:
    """The Python of a page as one program: cells that are executed, blocks, and names in the text."""
    found = re.findall(r"^```(?:\{code-cell\} ipython3|python)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    spoken = re.findall(r"`(?:sb\.)?((?:analysis|plots)(?:\.\w+)+)", text)
    return re.sub(
        r"^[:%].*$", "", "\n".join([*found, *(f"sb.{name}" for name in spoken)]), flags=re.MULTILINE
    )


def users() -> Iterator[str]:
    """Every program that shows what the package does."""
    for page in PAGES:
        if not ASIDE & set(page.relative_to(ROOT).parts):
            yield code(page.read_text(encoding="utf-8"))
    for folder in CODE:
        yield from (path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))


def names(program: str) -> set[str]:
    """``analysis.fields.grid`` and the like, as attributes of the package or of rooms that are imported from it."""
    tree, aliases, found = ast.parse(program), {"sb": "", "sdebayes": ""}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sdebayes":
            room = ".".join((node.module or "").split(".")[1:])
            own = {entry.asname or entry.name: f"{room}.{entry.name}".strip(".") for entry in node.names}
            aliases |= own
            found |= set(own.values())
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            first, *rest = ast.unparse(node).split(".")
            if first in aliases:
                found.add(".".join([aliases[first], *rest]).strip("."))
    return found


def offered() -> set[str]:
    """Every public analysis and figure."""
    path = ROOT / "docs" / "_extensions" / "figures.py"
    spec = importlib.util.spec_from_file_location("figures", Path(path))
    figures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(figures)
    return {
        f"{room}.{name}"
        for room in ("analysis", "plots")
        for name, _ in figures.functions(f"sdebayes.{room}")
    }


def test_every_analysis_and_figure_has_a_user():
    used = set().union(*map(names, users()))
    assert sorted(offered() - used) == [], "show it on a how-to page, or remove it"


def test_the_rule_sees_uses():
    program = "import sdebayes as sb\nfrom sdebayes import analysis, plots as p\n"
    program += "from sdebayes.analysis.fields import grid\nanalysis.moments.moments(1)\np.fields.line(sb.analysis.x)\n"
    assert {"analysis.fields.grid", "analysis.moments.moments", "plots.fields.line", "analysis.x"} <= names(
        program
    )
    page = "```{code-cell} ipython3\n:tags: [x]\n\nf()\n```\n`g()`, `analysis.fields.line`\n```python\nh()\n```\n"
    assert code(page).split() == ["f()", "h()", "sb.analysis.fields.line"]
