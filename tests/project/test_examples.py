"""Every public name has an example, which runs and prints what the docstring says, and neighbours that exist."""

from __future__ import annotations

import doctest
import inspect
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString

from tests.project import examples

NAMES = examples.public_names()
MODULES_OF_FUNCTIONS = ("sdebayes.analysis.", "sdebayes.plots.")
WITH_EXAMPLE = [name for name in NAMES if examples.shown(name)]
# What compiles much, or loads a language model.
THOROUGH = {
    "sdebayes.ActivationSteering",
    "sdebayes.HiddenStates",
    "sdebayes.Marginal",
    "sdebayes.NUTS",
    "sdebayes.SVI",
    "sdebayes.calibrate",
    "sdebayes.cross_validate",
    "sdebayes.explore",
    "sdebayes.priors.Parametric",
    "sdebayes.priors.Regimes",
    "sdebayes.report",
    "sdebayes.steer",
}


def cost(name: str) -> object:
    """Leave what is dear, and what is below analyses and figures, to ``-m thorough``."""
    dear = {name, *examples.before(name)} & THOROUGH or name.startswith(MODULES_OF_FUNCTIONS)
    return pytest.param(name, marks=pytest.mark.thorough) if dear else name


@pytest.fixture(autouse=True)
def aside(monkeypatch, tmp_path):
    """Let examples write where nothing is, and forget what they cached."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SDEBAYES_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", [cost(name) for name in WITH_EXAMPLE])
def test_an_example_prints_what_it_says(name):
    examples.run(examples.example(name))


def test_every_public_name_has_an_example():
    without = set(NAMES) - set(WITH_EXAMPLE)
    rooms = {name for name in without if inspect.ismodule(examples.reach(name))}
    assert {name for name in rooms if not name.startswith(MODULES_OF_FUNCTIONS)} == {"sdebayes"}
    assert sorted(without - rooms) == []


def test_no_example_is_left_out():
    skipped = [n for n in NAMES if "doctest: +SKIP" in (inspect.getdoc(examples.reach(n)) or "")]
    assert skipped == []


def test_neighbours_exist():
    missing = []
    for name in NAMES:
        found = NumpyDocString(inspect.getdoc(examples.reach(name)) or "")["See Also"]
        for neighbour in (entry for group, _ in found for entry, _ in group):
            try:
                examples.reach(neighbour)
            except ImportError:
                missing.append(f"{name}: {neighbour}")
    assert missing == []


def test_a_wrong_example_is_found_out():
    parser = doctest.DocTestParser()
    with pytest.raises(AssertionError, match="Expected:\n    3\nGot:\n    2"):
        examples.run(parser.get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0))
    with pytest.raises(ImportError):
        examples.reach("sdebayes.fitt")


def test_examples_go_on_from_others():
    assert examples.before("sdebayes.load") == ["sdebayes.fit"]
    assert examples.before("sdebayes.plots.fields.signal_to_noise") == [
        "sdebayes.analysis.fields.signal_to_noise",
        "sdebayes.analysis.fields.grid",
        "sdebayes.fit",
    ]
    assert not Path("posterior.nc").exists()
