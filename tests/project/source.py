"""The modules of the package as source text and syntax trees."""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sdebayes"


@dataclass(frozen=True)
class Module:
    """One source file: its path below ``sdebayes/`` and its text."""

    path: str
    text: str

    @property
    def package(self) -> str:
        """The room's package; empty for the modules at the top."""
        return self.path.split("/")[0] if "/" in self.path else ""

    @property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text, self.path)


@cache
def modules() -> tuple[Module, ...]:
    """Every module of ``sdebayes``."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return tuple(Module(p.relative_to(PACKAGE).as_posix(), p.read_text(encoding="utf-8")) for p in paths)


def packages() -> set[str]:
    """Names of the packages directly below ``sdebayes``."""
    return {p.parent.name for p in PACKAGE.glob("*/__init__.py")}


def extension(name: str) -> ModuleType:
    """Load a module of the documentation."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "_extensions" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
