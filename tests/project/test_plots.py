"""House rules of figures: the dataset comes first, axes second, and all else has a name."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator

import pytest

import sdebayes.plots


def figures() -> Iterator[tuple[str, Callable]]:
    """Every function that the modules below ``sdebayes.plots`` export."""
    for module in pkgutil.iter_modules(sdebayes.plots.__path__, "sdebayes.plots."):
        home = importlib.import_module(module.name)
        for name in getattr(home, "__all__", ()):
            yield f"{module.name}.{name}", getattr(home, name)


def complaint(figure: Callable) -> str:
    """What is wrong with the signature of a figure."""
    parameters = list(inspect.signature(figure).parameters.values())
    first, *rest = parameters
    if first.name == "ax" or first.default is not inspect.Parameter.empty:
        return "does not take its dataset first"
    if not rest or rest[0].name != "ax" or rest[0].default is not None:
        return "does not take ax=None second"
    positional = [one.name for one in rest[1:] if one.kind is not inspect.Parameter.KEYWORD_ONLY]
    return f"takes {', '.join(positional)} without a name" if positional else ""


def test_figures_take_a_dataset_then_axes_and_the_rest_by_name():
    found = dict(figures())
    assert len(found) > 30
    wrong = {name: complaint(figure) for name, figure in found.items()}
    assert {name: text for name, text in wrong.items() if text} == {}


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (lambda dataset, ax=None, *, prob=0.9: None, ""),
        (lambda ax=None, *, dataset=None: None, "dataset first"),
        (lambda dataset, states=None, ax=None: None, "ax=None second"),
        (lambda dataset: None, "ax=None second"),
        (lambda dataset, ax=None, states=None: None, "takes states"),
    ],
)
def test_the_rule_sees_signatures(figure, expected):
    assert expected in complaint(figure)
    assert bool(expected) == bool(complaint(figure))
