"""Wrong arguments of everything public: each ends in the package's own error, which names function and argument."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import sdebayes as sb
from sdebayes._core import arguments
from sdebayes._core.errors import ArgumentError
from tests.reliability.callables import ODD, Public, callables, fitting_values, hints_of
from tests.reliability.calls import DEAR, OWN_METHODS, Calls

ATTACK = settings(database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
EVERYTHING = list(callables())


def test_everything_public_is_checked():
    """Write ``@checked`` above a new function or class."""
    assert len(EVERYTHING) > 400
    assert [one.name for one in EVERYTHING if not one.is_checked] == []


@pytest.fixture(scope="module")
def fitting() -> Callable[[Any], Any]:
    """A value for an annotation."""
    return fitting_values()


def test_what_an_annotation_does_not_take_is_refused_by_name(fitting, untyped):
    """Every argument of everything, by every odd value: nothing is done before."""
    refused = 0
    wrong: list[str] = []
    for one in EVERYTHING:
        hints = hints_of(one)
        parameters = [p for p in one.parameters if p.name in hints]
        needed = {p.name: fitting(hints[p.name]) for p in parameters if p.default is inspect.Parameter.empty}
        self = () if one.owner is None or one.is_static else (object.__new__(type("Any", (), {})),)
        for parameter in parameters:
            for label, value in ODD.items():
                if arguments.accepts(value, hints[parameter.name]):
                    continue
                try:
                    one.function(*self, **{**needed, parameter.name: value})
                except ArgumentError as error:
                    refused += f": {parameter.name}=" in str(error) and "must be" in str(error)
                    if f": {parameter.name}=" in str(error):
                        continue
                    wrong.append(f"{one.name}({parameter.name}={label}): {error}")
                except Exception as error:
                    wrong.append(f"{one.name}({parameter.name}={label}): {type(error).__name__} {error}")
                else:
                    wrong.append(f"{one.name}({parameter.name}={label}) was taken")
    print(
        f"{refused} of {refused + len(wrong)} wrong arguments of {len(EVERYTHING)} callables refused by name"
    )
    assert wrong == []
    assert refused > 20_000


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sb.NUTS(dense_dimension=-1), "NUTS: dense_dimension=-1"),
        (lambda: sb.SVI(learning_rate=np.inf), "SVI: learning_rate=inf"),
        (lambda: sb.PCA(3, standardize="x"), "PCA: standardize='x'"),
        (lambda: sb.trajectories(np.ones((4, 1)), names=3), "trajectories: names=3"),
        (lambda: sb.GaussianNoise(matrix="x"), "GaussianNoise: matrix='x'"),
        (lambda: sb.SentenceEncoder(3), "SentenceEncoder: model=3"),
        (lambda: sb.datasets.benchmark("double_well", "x", 0.1), "benchmark: n_steps='x'"),
        (lambda: sb.fit(sb.SDEModel(), xr.Dataset(), seed=2**64), "fit: seed="),
        (lambda: sb.fit(sb.SDEModel(), xr.Dataset(), checkpoint=5), "fit: checkpoint=5"),
        (lambda: sb.calibrate(sb.SDEModel(), xr.Dataset(), points="x"), "calibrate: points='x'"),
        (lambda: sb.Posterior.predict(None, xr.Dataset(), samples=np.nan), "predict: samples=nan"),
        (lambda: sb.report(object.__new__(sb.Posterior), "x", title=None), "report: title=None"),
    ],
)
def test_what_passed_in_silence_or_ended_in_a_foreign_traceback(call, words, untyped):
    with pytest.raises(ArgumentError, match=words):
        call()


def called(calls: Calls, one: Public, exchanged: dict[str, str]) -> str:
    """Call with some arguments exchanged; say what went wrong, if anything."""
    function, given = calls.of(one)
    values = {name: ODD[label] for name, label in exchanged.items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(**given | values)
    except sb.errors.SdebayesError:
        return ""
    except Exception as error:
        return f"{one.name}({exchanged}): {type(error).__name__} {str(error)[:200]}"
    return ""


def runnable(quick: bool) -> list[Public]:
    """What a user calls: functions, constructors, and methods of the objects that a user has in hand."""
    found = []
    for one in EVERYTHING:
        method = one.owner is not None and one.function is not vars(one.owner).get("__init__")
        if one.name.rpartition(".")[2] in DEAR or (method and one.owner.__name__ not in OWN_METHODS):
            continue
        if inspect.isabstract(one.owner) or (
            quick and not (one.owner and not method) and one.name not in QUICK
        ):
            continue
        if one.parameters:
            found.append(one)
    return found


QUICK = {
    "sdebayes.data.container.trajectories",
    "sdebayes.data.split.split",
    "sdebayes.data.shuffling.shuffle",
    "sdebayes.data.shuffling.shuffle_within",
    "sdebayes.data.validation.validate",
    "sdebayes.data.io.save",
    "sdebayes.data.io.load",
    "sdebayes.data.texts.read_texts",
    "sdebayes.posterior.load.load",
    "sdebayes.datasets.synthetic.benchmark",
    "sdebayes.analysis.summary.summarize",
    "sdebayes.analysis.moments.ensembles.moments",
    "sdebayes.analysis.moments.increments.increments",
    "sdebayes.analysis.phase_space.regions.Ball.contains",
    "sdebayes.analysis.phase_space.regions.Box.contains",
    "sdebayes.data.segment.Sentences.cut",
}
"""Functions that take no compilation."""


@pytest.mark.parametrize("quick", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_odd_values_end_in_an_error_of_ours_or_in_a_result(quick, fitting, untyped, tmp_path, monkeypatch):
    """What an annotation takes may still be wrong: hypothesis exchanges one to three arguments of calls that work."""
    monkeypatch.chdir(tmp_path)
    calls, of = Calls(tmp_path, fitting), runnable(quick)
    tried, wrong = 0, {}

    @settings(ATTACK, max_examples=400 if quick else 5000)
    @given(st.data())
    def attack(data: st.DataObject) -> None:
        nonlocal tried
        one = data.draw(st.sampled_from(of))
        names = [parameter.name for parameter in one.parameters]
        chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        exchanged = {name: data.draw(st.sampled_from(list(ODD))) for name in chosen}
        tried += 1
        complaint = called(calls, one, exchanged)
        if complaint:
            wrong[complaint.split(":")[0]] = complaint
        sys.modules["matplotlib.pyplot"].close("all") if "matplotlib.pyplot" in sys.modules else None

    attack()
    print(
        f"{tried - len(wrong)} of {tried} calls of {len(of)} callables ended in an error of ours or in a result"
    )
    assert list(wrong.values()) == []
