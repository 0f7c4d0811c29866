"""House rules that a reader meets first: names, docstrings, lengths, dimension names, no ``assert``."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import warnings
from collections.abc import Iterator

import pytest
from numpydoc.validate import validate

import sdebayes
from sdebayes._core.dims import is_dim
from tests.project.source import Module, modules, packages

MAXIMUM_LINES = 320

# Checks of numpydoc that hold for every public object: there is a docstring, its sections are known and in order, its
# summary is one sentence in the imperative, and what it documents exists, in the order of the signature.
SECTIONS = {"GL03", "GL05", "GL06", "GL07", "GL08", "GL10"}
ALWAYS = SECTIONS | {"SS01", "SS03", "SS04", "PR02", "PR03", "PR07"}
# A function or class describes all of its parameters and its result. A method whose one line says it all need not, nor
# a class that describes its attributes because others make it.
COMPLETE = {"PR01", "RT01", "YD01"}


def namespaces() -> list[str]:
    """The top of the package and the packages below it, without the private one."""
    return ["sdebayes", *(f"sdebayes.{name}" for name in sorted(packages()) if not name.startswith("_"))]


def public_objects() -> dict[str, object]:
    """Functions and classes that the namespaces export, each under the name of its own home."""
    found = {}
    for namespace in namespaces():
        module = importlib.import_module(namespace)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isroutine(value):
                found[f"{value.__module__}.{value.__qualname__}"] = value
            elif inspect.ismodule(value):
                found |= {
                    f"{member.__module__}.{member.__qualname__}": member
                    for member in (getattr(value, entry) for entry in getattr(value, "__all__", ()))
                    if inspect.isclass(member) or inspect.isroutine(member)
                }
    return {name: value for name, value in sorted(found.items()) if name.startswith("sdebayes.")}


def public_methods(value: object) -> list[str]:
    """Names of the public methods and properties that a class defines itself."""
    if not inspect.isclass(value):
        return []
    kinds = (property, classmethod, staticmethod)
    return [
        name
        for name, member in vars(value).items()
        if not name.startswith("_") and (inspect.isroutine(member) or isinstance(member, kinds))
    ]


def complaints(name: str, checks: set[str]) -> list[str]:
    """What numpydoc finds wrong with a docstring."""
    with warnings.catch_warnings():
        # GL06 says it again, and for all objects at once.
        warnings.filterwarnings("ignore", message="Unknown section")
        errors = validate(name)["errors"]
    return [f"{name}: {code} {message}" for code, message in errors if code in checks]


def docstring_complaints(name: str, value: object) -> list[str]:
    """What is wrong with the docstrings of a public object and of its methods."""
    is_made_elsewhere = inspect.isclass(value) and (
        "\nAttributes\n" in inspect.cleandoc(value.__doc__ or "") or getattr(value, "_is_protocol", False)
    )
    found = complaints(name, (ALWAYS | COMPLETE) - {"PR01"} if is_made_elsewhere else ALWAYS | COMPLETE)
    for method in public_methods(value):
        member = getattr(value, method)
        text = inspect.getdoc(member) or ""
        if text and not member.__doc__:
            continue  # described by the class it inherits from
        found += complaints(f"{name}.{method}", ALWAYS | COMPLETE if "\n" in text.strip() else ALWAYS)
    return found


def test_public_docstrings_are_valid():
    found = [c for name, value in public_objects().items() for c in docstring_complaints(name, value)]
    assert not found, "\n".join(found)


def test_every_namespace_says_what_it_is():
    assert [n for n in namespaces() if not importlib.import_module(n).__doc__] == []


def test_package_names_are_not_function_names():
    functions = {name for name in sdebayes.__all__ if inspect.isroutine(getattr(sdebayes, name))}
    assert functions
    assert functions & packages() == set()


def test_everything_exported_exists():
    missing = [
        f"{namespace}.{name}"
        for namespace in namespaces()
        for name in getattr(importlib.import_module(namespace), "__all__", ())
        if not hasattr(importlib.import_module(namespace), name)
    ]
    assert missing == []


def test_no_assert_statement():
    found = [
        f"{module.path}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assert)
    ]
    assert found == []


# Examples and neighbours, each up to the next section or the end of the docstring: they lengthen no thought.
ASIDE = re.compile(
    r'^\n?( *)(?:See Also|Examples)\n\1-+\n(?:(?!\1\w[\w ]*\n\1---)(?!.*""").*\n)*', re.MULTILINE
)


def test_files_are_short():
    lengths = {module.path: len(ASIDE.sub("", module.text).splitlines()) for module in modules()}
    assert {path: lines for path, lines in lengths.items() if lines > MAXIMUM_LINES} == {}


def test_examples_and_neighbours_do_not_make_a_file_long():
    text = (
        'def f():\n    """Do.\n\n    See Also\n    --------\n    g : Do.\n\n    Notes\n    -----\n    N.\n\n'
    )
    text += '    Examples\n    --------\n    >>> f()\n    1\n    """\n    return 1\n'
    assert ASIDE.sub("", text).splitlines()[2:] == [
        "    Notes",
        "    -----",
        "    N.",
        '    """',
        "    return 1",
    ]


def strings(node: ast.expr | None) -> Iterator[tuple[int, str]]:
    """The literal strings of a string, a tuple or a list."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.lineno, node.value
    elif isinstance(node, ast.Tuple | ast.List):
        for element in node.elts:
            yield from strings(element)


def dims_used(module: Module) -> Iterator[tuple[int, str]]:
    """Literal dimension names: ``dim=`` and ``dims=`` of any call, and ``(dims, values)`` pairs given to xarray."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        for keyword in node.keywords:
            if keyword.arg in {"dim", "dims"}:
                yield from strings(keyword.value)
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if called in {"Dataset", "DataArray", "assign", "assign_coords"}:
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            dictionaries = [a for a in arguments if isinstance(a, ast.Dict)]
            pairs = [*arguments, *(value for d in dictionaries for value in d.values)]
            for pair in pairs:
                if isinstance(pair, ast.Tuple) and len(pair.elts) >= 2:
                    yield from strings(pair.elts[0])


def test_every_dimension_has_its_row():
    found = [
        f"{m.path}:{line} uses {dim!r}" for m in modules() for line, dim in dims_used(m) if not is_dim(dim)
    ]
    assert not found, "\n".join([*found, "a new dimension needs a row in sdebayes/_core/dims.py"])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("ds.mean(dim=('chain', 'draws'))", {"chain", "draws"}),
        ("xr.DataArray(x, dims=['states'])", {"states"}),
        (
            "xr.Dataset({'y': (('trajectory', 'step'), y)}, coords={'t': ('clock', t)})",
            {"trajectory", "step", "clock"},
        ),
        ("ds.assign_coords(year=('text', years))", {"text"}),
        ("ds.assign(y=f('nothing', 1))", set()),
    ],
)
def test_the_rule_sees_dimension_names(source, expected):
    assert {dim for _, dim in dims_used(Module("paths/io.py", source))} == expected
