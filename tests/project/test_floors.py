"""The import rule: a package imports only from itself and from lower floors."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.project.source import Module, modules, packages

FLOORS = {
    "_core": 0,
    "data": 1,
    "dynamics": 1,
    "priors": 2,
    "schemes": 2,
    "likelihood": 3,
    "model": 4,
    "simulation": 4,
    "inference": 5,
    "datasets": 5,
    "criticism": 5,
    "posterior": 6,
    "analysis": 6,
    "plots": 7,
    "explorer": 7,
    "steering": 7,
    "reporting": 8,
    "cli": 9,
}


def imported_names(module: Module) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything that a module imports, at any depth and in any way."""
    parents = ["sdebayes", *module.path.split("/")[:-1]]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = parents[: len(parents) - node.level + 1] if node.level else []
            origin = ".".join([*start, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            target = node.args[0]
            if name in {"import_module", "__import__"} and isinstance(target, ast.Constant):
                yield node.lineno, str(target.value)


def violations(module: Module) -> list[str]:
    """Imports of a module that the floor plan forbids."""
    found = []
    for line, name in imported_names(module):
        top, _, rest = name.partition(".")
        if top != "sdebayes" or not module.package:
            continue
        target = rest.split(".")[0]
        if target == module.package:
            continue
        if target not in FLOORS:
            found.append(f"{module.path}:{line} imports {name}: take it from the package that defines it")
        elif FLOORS[target] >= FLOORS[module.package]:
            found.append(
                f"{module.path}:{line} (floor {FLOORS[module.package]}) imports {name} (floor {FLOORS[target]})"
            )
    return found


def test_every_package_has_a_floor():
    assert packages() == set(FLOORS)


@pytest.mark.parametrize("package", ["analysis", "plots", "simulation", "dynamics"])
def test_what_reads_functions_knows_nothing_of_probabilistic_programs(package):
    """Analyses take a known SDE as well as a posterior: that is how they are tested."""
    names = [name for module in modules() if module.package == package for _, name in imported_names(module)]
    assert names
    assert [name for name in names if name.split(".")[0] == "numpyro"] == []


@pytest.mark.smoke
@pytest.mark.parametrize("package", FLOORS)
def test_package_imports_only_from_lower_floors(package):
    found = [v for module in modules() if module.package == package for v in violations(module)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source", "broken"),
    [
        ("priors/gp.py", "from sdebayes.dynamics import SDE", 0),
        ("priors/gp.py", "from sdebayes.priors.base import Prior", 0),
        ("priors/gp.py", "from .base import Prior\nfrom . import linear", 0),
        ("priors/gp.py", "import numpyro, sdebayes_contrib", 0),
        ("priors/gp.py", "from sdebayes.schemes import Strang", 1),
        ("priors/gp.py", "from ..schemes import Strang", 1),
        ("priors/gp.py", "from sdebayes import model, dynamics", 1),
        ("priors/gp.py", "import sdebayes.model.sdemodel, sdebayes.likelihood.linear_gaussian", 2),
        ("priors/gp.py", "from sdebayes import fit", 1),
        ("priors/gp.py", "import sdebayes", 1),
        ("priors/gp.py", "def f():\n    from sdebayes.cli import app", 1),
        ("priors/gp.py", "if TYPE_CHECKING:\n    from sdebayes.posterior import Posterior", 1),
        ("priors/gp.py", "import_module('sdebayes.plots')", 1),
        ("_core/types.py", "from sdebayes.dynamics import SDE", 1),
        ("analysis/deep/room.py", "from ...posterior import Posterior", 1),
        ("__init__.py", "from sdebayes.cli import app", 0),
    ],
)
def test_the_rule_sees_each_way_of_importing(path, source, broken):
    assert len(violations(Module(path, source))) == broken
