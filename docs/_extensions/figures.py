"""Which figure shows which analysis, read from the docstrings of ``sdebayes.plots``, which name what they take."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator

from numpydoc.docscrape import FunctionDoc

WITHOUT = {
    "summarize": "a table of any result",
    "fields.data_distance": "figures of grids hatch what is far from all data",
    "fields.points": "the points of a grid, at which fields are read",
    "forecasts.complexity": "measures of texts; `forecasts.dependence` relates errors to them",
    "forecasts.reference_forecasts": "forecasts; rows of `forecasts.by_horizon`",
    "moments.mask_like": "simulated paths with the gaps of the data",
    "phase_space.exemplars": "texts, to be read",
    "regimes.exemplars": "texts, to be read",
    "phase_space.without_effect": "data",
}
"""Functions of ``sdebayes.analysis`` that have no figure of their own, and what they return instead of a result."""

_BESIDE = {"truth", "beside", "data"}
_NAME = re.compile(r"sdebayes\.analysis\.(\w+(?:\.\w+)?)")


def functions(package: str) -> Iterator[tuple[str, Callable]]:
    """Every public function of a package and of its modules, under its name below the package."""
    home = importlib.import_module(package)
    spaces = {"": home} | {
        f"{module.name}.": importlib.import_module(f"{package}.{module.name}")
        for module in pkgutil.iter_modules(home.__path__)
    }
    for prefix, space in spaces.items():
        for name in getattr(space, "__all__", ()):
            if inspect.isfunction(getattr(space, name)):
                yield f"{prefix}{name}", getattr(space, name)


def analyses_of(figure: Callable) -> list[str]:
    """The analyses whose results a figure takes, in the order in which its parameters name them."""
    texts = [
        " ".join(parameter.desc)
        for parameter in FunctionDoc(figure)["Parameters"]
        if parameter.name not in _BESIDE
    ]
    return list(dict.fromkeys(_NAME.findall(" ".join(texts))))


def figures_of() -> dict[str, list[str]]:
    """The figures that show each analysis."""
    shown: dict[str, list[str]] = {name: [] for name, _ in functions("sdebayes.analysis")}
    for figure, function in functions("sdebayes.plots"):
        for analysis in analyses_of(function):
            shown.setdefault(analysis, []).append(figure)
    return shown


def figures_page() -> str:
    """Tabulate the figures."""
    rows = "\n".join(
        f"| `{name}` | {', '.join(f'`{figure}`' for figure in figures) or f'none: {WITHOUT.get(name)}'} |"
        for name, figures in sorted(figures_of().items())
    )
    return (
        "# Figures\n\nWhich function of `sb.plots` shows the result of which function of `sb.analysis`. Every figure "
        f"takes the result first, then `ax=None`, and returns matplotlib axes.\n\n"
        f"| analysis | figure |\n|---|---|\n{rows}\n"
    )
