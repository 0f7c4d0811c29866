"""Public docstrings hold no bare bars, which Sphinx reads as substitutions: absolute values go into mathematics."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest

from tests.project.test_names import namespaces, public_methods, public_objects

MATH_BLOCK = re.compile(r"^( *)\.\. math::.*(?:\n(?:\1 +\S.*| *$))*", re.MULTILINE)
INLINE = re.compile(r"``.+?``|:\w+:`.+?`|`.+?`", re.DOTALL)
SUBSTITUTION = re.compile(r"(?<![\w|])\|(?=[^\s|])[^|]*?(?<=\S)\|(?![\w|])")


def bars(docstring: str) -> list[str]:
    """What Sphinx would read as substitutions."""
    return SUBSTITUTION.findall(INLINE.sub("", MATH_BLOCK.sub("", inspect.cleandoc(docstring))))


def docstrings() -> dict[str, str]:
    """Of namespaces, public functions and classes and their public methods."""
    found = {name: importlib.import_module(name).__doc__ or "" for name in namespaces()}
    for name, value in public_objects().items():
        found[name] = value.__doc__ or ""
        found |= {
            f"{name}.{method}": getattr(value, method).__doc__ or "" for method in public_methods(value)
        }
    return found


def test_no_bare_bars():
    found = {name: bars(text) for name, text in docstrings().items()}
    assert len(found) > 200
    assert {name: hits for name, hits in found.items() if hits} == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Return |x| of it.", ["|x|"]),
        ("The time 1/|Re λ| it\ntakes, and |a b|.", ["|Re λ|", "|a b|"]),
        ("Return :math:`|x|`, or ``|x|``, or ``a | b``.", []),
        ("Both a | b and c | d.", []),
        ("Either ``str | None``\nor ``int | None``.", []),
        (".. math:: y = |x|\n          + |z|\n\nThen |w|.", ["|w|"]),
        ("Return.\n\n.. math::\n\n    y = |x|\n\nNow.", []),
    ],
)
def test_the_rule_sees_bars(text, expected):
    assert bars(text) == expected
