"""What the package imports is declared in pyproject.toml, and nothing is declared that it does not need."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions

from tests.project.source import ROOT, Module, modules

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NOT_IMPORTED = {
    "arviz": "what users read the results with; its extra brings the engine of .nc files",
    "accelerate": "transformers asks for it where a model is put on devices",
    "gguf": "transformers reads GGUF files by it",
}


def normalized(name: str) -> str:
    """The name of a distribution as indices compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    """Distributions that the package and its extras ask for."""
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return {normalized(re.match(r"[\w.-]+", asked).group()) for every in lists for asked in every}


def imported(module: Module) -> Iterator[str]:
    """Top-level names of other packages that a module imports, at its top or in a function."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=names):
                found = [alias.name for alias in names]
            case ast.ImportFrom(module=str(name), level=0):
                found = [name]
            case _:
                continue
        yield from {name.split(".")[0] for name in found} - {"sdebayes", *sys.stdlib_module_names}


def undeclared(source: tuple[Module, ...]) -> dict[str, str]:
    """Names that no declared distribution brings, with a module that imports each."""
    homes = packages_distributions()
    allowed = declared()
    return {
        name: module.path
        for module in source
        for name in imported(module)
        if not allowed & {normalized(home) for home in homes.get(name, [name])}
    }


def test_what_is_imported_is_declared():
    assert undeclared(modules()) == {}


def test_what_is_declared_is_imported():
    homes = packages_distributions()
    used = {normalized(home) for module in modules() for name in imported(module) for home in homes[name]}
    assert declared() - used == set(NOT_IMPORTED)


def test_the_rule_sees_what_comes_along_by_chance():
    source = (
        Module("a.py", "import os, numpy\nfrom . import b\ndef f():\n    from joblib.memory import Memory\n"),
    )
    assert undeclared(source) == {"joblib": "a.py"}
