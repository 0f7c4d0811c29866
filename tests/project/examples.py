"""The examples of public docstrings, and what each of them has at hand when it begins."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np

import sdebayes as sb
from tests.project.source import extension

CONTINUES = re.compile(r"Continuing\s+the\s+example\s+of\s+:\w+:`~?([\w.]+)`")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def reach(name: str) -> Any:
    """Return what a dotted name of the package stands for."""
    space, _, own = name.rpartition(".")
    if not space:
        return importlib.import_module(name)
    parent = reach(space)
    return getattr(parent, own) if hasattr(parent, own) else importlib.import_module(name)


def public_names() -> list[str]:
    """Every name that a namespace exports, by the shortest; namespaces themselves are among them."""
    found = {}
    for space in extension("namespaces").public_namespaces():
        module = importlib.import_module(space)
        for name in (space, *(f"{space}.{entry}" for entry in getattr(module, "__all__", ()))):
            found.setdefault(id(reach(name)), name)
    return list(found.values())


def shown(name: str) -> str:
    """Return the section of a public object that has its example, empty where there is none."""
    text = inspect.cleandoc(reach(name).__doc__ or "")
    return text.partition("\nExamples\n--------\n")[2]


def before(name: str) -> list[str]:
    """Return the examples that run before one, the last one first."""
    return [name for first in CONTINUES.findall(shown(name)) for name in (first, *before(first))]


def example(name: str) -> doctest.DocTest:
    """Return the example in the docstring of a public object, ready to run."""
    text = shown(name)
    start = {"sb": sb, "np": np, "jnp": jnp}
    for first in CONTINUES.findall(text):
        start |= left_by(first)
    return doctest.DocTestParser().get_doctest(text, start, name, None, 0)


def run(test: doctest.DocTest) -> dict[str, Any]:
    """Run an example, and return the variables that it leaves."""
    report: list[str] = []
    found = doctest.DocTestRunner(verbose=False, optionflags=FLAGS).run(
        test, out=report.append, clear_globs=False
    )
    if found.failed:
        raise AssertionError("".join(report))
    return test.globs


@cache
def left_by(name: str) -> dict[str, Any]:
    """Return the variables that an example leaves to those which continue it."""
    return run(example(name))
