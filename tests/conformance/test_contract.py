"""What is asked of a part from outside, and what is said where it does not hold."""

from __future__ import annotations

import json
import runpy
import sys
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import own_parts as own
import pytest
from typer.testing import CliRunner

import sdebayes as sb
from sdebayes._core.errors import ModelError, StoreError
from sdebayes._core.stored import Stored, class_named, decode, defined, encode, name_of
from sdebayes.cli import choices
from sdebayes.cli.app import app
from sdebayes.data import Steps
from sdebayes.inference import AbstractGuide, AbstractStrategy
from sdebayes.inference.findings import step_finding
from sdebayes.model import AbstractObservation
from sdebayes.posterior.diagnosis import diagnose
from sdebayes.priors import AbstractDiffusionPrior, AbstractDriftPrior, AbstractLibrary
from sdebayes.schemes import AbstractScheme, EulerMaruyama, LinearNoise

STATES = sb.trajectories(np.random.default_rng(0).standard_normal((2, 30, 1)).cumsum(1) / 3)


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        (AbstractScheme, "transition"),
        (AbstractDriftPrior, "sample"),
        (AbstractDiffusionPrior, "describe"),
        (AbstractObservation, "likelihood"),
        (AbstractStrategy, "findings"),
        (AbstractGuide, "build"),
        (AbstractLibrary, "basis"),
        (Steps, "cut"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_part_without_a_method_is_told_which(kind, method):
    class Unfinished(kind):
        pass

    with pytest.raises(TypeError, match=f"abstract class Unfinished without.*{method}"):
        Unfinished()


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        (own.Heun, {"requires_additive_noise": True, "exact_when_linear": True}),
        (own.TwoWells, {"affine": True, "stable": True, "linear_in_weights": True, "smooth": False}),
        (own.Growing, {"constant": True, "diagonal": True, "overparameterized": True}),
    ],
)
def test_what_a_part_says_of_itself_may_be_a_class_attribute(kind, flags):
    part = type("Plain", (kind,), dict(flags))()
    assert {name: getattr(part, name) for name in flags} == flags
    assert all(getattr(kind(), name) is not value for name, value in flags.items())


def test_an_encoder_without_its_method_is_told_so():
    with pytest.raises(ModelError, match=r"encoder=.* must be an object with encode\(list of str\)"):
        sb.embed(["One. Two. Three."], object())


class Undeclared(Stored):
    """A part that is no dataclass."""

    def __init__(self, size: float = 1.0) -> None:
        self.size = size


@dataclass(frozen=True, eq=False)
class Holding(own.Instrument):
    """A part with a field of any kind."""

    held: Any = None


@dataclass(frozen=True, eq=False)
class Doubling(own.Instrument):
    """A part that is another when it is made of its own fields."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "error", 2 * self.error)


def local_part() -> Any:
    @dataclass(frozen=True, eq=False)
    class Inner(own.Instrument):
        pass

    return Inner()


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (Holding(held=np.sin), r"Holding\.held is of the class ufunc"),
        (Holding(held=lambda x: x), r"Holding\.held is a function"),
        (Holding(held={1, 2}), r"Holding\.held is of the class set"),
        (Holding(held=Undeclared()), r"Holding\.held is of the class Undeclared.*@dataclass"),
        (local_part(), "class Inner, defined within a function"),
        (Doubling(), "Doubling made of its own fields is another"),
    ],
    ids=["function", "lambda", "set", "no dataclass", "local", "another"],
)
def test_what_no_file_can_hold_is_named(part, said):
    with pytest.raises(StoreError, match=said):
        encode(part)


def test_fields_come_back_in_their_kinds():
    held = {
        "a": (1, 2.5, True, None, "x"),
        "b": [np.arange(3), np.array([[0.5]]), np.zeros(0)],
        "c": float("inf"),
        "d": own.Words(4),
    }
    again = decode(encode(Holding(held=held))).held
    assert (again["a"], again["c"], again["d"]) == (held["a"], held["c"], held["d"])
    for one, other in zip(again["b"], held["b"], strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_own_names_are_short_and_tell_classes_apart():
    names = [
        name_of(kind) for kind in dict.fromkeys(defined(Stored)) if kind.__module__.startswith("sdebayes.")
    ]
    assert len(set(names)) == len(names)
    assert name_of(sb.NUTS) == "NUTS"
    assert name_of(own.Heun) == "own_parts:Heun"


def test_of_two_classes_of_one_name_the_last_is_meant():
    made = [
        type("Twice", (own.Words,), {"__module__": "notebook", "__qualname__": "Twice"}) for _ in range(2)
    ]
    assert class_named("notebook:Twice") is made[1]


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """A module that could be imported, and must not be because a file names it."""
    (tmp_path / "evil.py").write_text(
        "from pathlib import Path\nfrom own_parts import Heun, Instrument, RandomWalk, Words\n"
        "Path('imported').touch()\nclass Evil(Heun): pass\nclass Walk(RandomWalk): pass\nclass Cut(Words): pass\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path / "imported"
    sys.modules.pop("evil", None)


def test_no_module_that_a_file_names_is_imported(evil):
    for name in (
        "evil:Evil",
        "evil:Walk",
        "evil:Cut",
        "os:system",
        "__main__:Nothing",
        "evil:",
        ":Evil",
        "x\x1b:Y",
    ):
        with pytest.raises(StoreError, match="not defined here") as refusal:
            decode(json.dumps({"class": name}))
        assert "\x1b" not in str(refusal.value)
    assert not evil.exists()


def test_it_is_found_once_the_user_has_imported_it(evil):
    result = CliRunner().invoke(app, ["--import", "evil", "score", "a.nc", "b.txt"])
    assert "a.nc does not exist" in result.stderr
    assert evil.exists()
    assert type(decode('{"class": "evil:Evil"}')).__name__ == "Evil"


def test_a_module_that_fails_is_said_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken_parts.py").write_text("1 / 0")
    result = CliRunner().invoke(app, ["--import", "broken_parts", "score", "a.nc", "b.txt"])
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "sdebayes: error: --import broken_parts: the module cannot be imported (Zero"
    )


def test_a_strategy_that_is_not_defined_is_named_by_the_diagnosis(posterior):
    tree = posterior.data.copy()
    tree.attrs = {**tree.attrs, "strategy_name": "absent:Walk"}
    with pytest.raises(StoreError, match="class 'Walk' of the module 'absent' is not defined here"):
        diagnose(posterior.model, tree, posterior.observed_sde(), posterior.training_scale, "float64", [])


@pytest.fixture(scope="module")
def posterior() -> sb.Posterior:
    model = sb.SDEModel(observation=sb.Exact(), scheme=EulerMaruyama())
    return sb.fit(model, STATES, sb.Laplace(draws=5), progress=False)


def test_a_strategy_that_a_checkpoint_could_not_know_again_is_refused_before_it_runs(tmp_path):
    class Plain(AbstractStrategy):
        findings = staticmethod(own.RandomWalk.findings)

        def run(self, *arguments, **options):
            raise AssertionError("it has run")

    for call in (sb.fit, sb.calibrate):
        with pytest.raises(StoreError, match="Plain is no dataclass"):
            call(sb.SDEModel(observation=sb.Exact()), STATES, Plain(), checkpoint=tmp_path, progress=False)


def judge(scheme: AbstractScheme, additive: bool = True) -> Any:
    return step_finding(0.1, scheme, additive=additive, exact=False)


def test_a_scheme_of_unknown_bias_is_said_to_be_one():
    found = judge(own.Heun())
    assert found.severity == "note"
    assert "is not known of this scheme" in found.message
    assert "LocalLinearization()" in found.advice
    assert "bias" not in found.values
    assert "is not known" in judge(sb.schemes.Substeps(own.Heun(), 2)).message


def test_a_scheme_of_outside_may_be_recommended(monkeypatch):
    monkeypatch.setattr(own.Heun, "recommended", True)
    monkeypatch.setattr(own.Heun, "multiplicative_bias", (1e-6, 1))
    monkeypatch.setattr(sb.schemes.Moments, "recommended", False)
    assert "own_parts.Heun()" in judge(EulerMaruyama(), additive=False).advice
    assert "own_parts.Heun()" not in judge(EulerMaruyama()).advice


def test_the_law_of_a_linear_sde_is_read_from_the_transition(x64):
    sde = sb.dynamics.LinearSDE(
        sb.dynamics.LinearDrift(jnp.array([[0.5, 0.2], [-0.1, 0.8]]), jnp.array([1.0, -2.0])),
        sb.dynamics.ConstantDiffusion(jnp.array([[0.7, 0.0], [0.2, 0.4]])),
    )
    for scheme in (EulerMaruyama(), LinearNoise()):
        own_law = scheme.affine_transition(sde, 0.3)
        default = AbstractScheme.affine_transition(scheme, sde, 0.3)
        for one, other in ((own_law.matrix, default.matrix), (own_law.shift, default.shift)):
            np.testing.assert_allclose(one, other, atol=1e-12)
        np.testing.assert_allclose(own_law.covariance, default.covariance, atol=1e-12)


def test_parts_of_the_user_are_named_on_the_command_line():
    assert type(choices.scheme("own_parts:Heun")) is own.Heun
    assert type(choices.drift("own_parts:TwoWells", False)) is own.TwoWells
    assert type(choices.diffusion("own_parts:Growing", False)) is own.Growing
    assert type(choices.observation("own_parts:Instrument", False, False, True)) is own.Instrument
    settings = {"draws": 7, "warmup": None}
    assert choices.strategy("own_parts:RandomWalk", settings) == own.RandomWalk(draws=7)


@pytest.mark.parametrize(
    ("choose", "said"),
    [
        (lambda: choices.scheme("own_parts:Words"), "of the class Words, expected AbstractScheme"),
        (lambda: choices.scheme("own_parts:Nothing"), "has no Nothing"),
        (lambda: choices.scheme("no_such_module:Heun"), "cannot be imported"),
        (lambda: choices.drift("sdebayes.priors:Fixed", False), "cannot be made without arguments"),
        (lambda: choices.observation("Instrument", False, False, True), "give module:Name"),
        (lambda: choices.observation("own_parts:Instrument", True, False, True), "leave --exact"),
        (lambda: choices.strategy("own_parts:RandomWalk", {"chains": 2}), "does not take --chains"),
    ],
)
def test_a_wrong_name_is_said(choose, said):
    with pytest.raises(ModelError, match=said):
        choose()


def test_texts_are_embedded_by_parts_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("SDEBAYES_CACHE", str(tmp_path / "cache"))
    (tmp_path / "a.txt").write_text("river stone market " * 40)
    options = [
        "--encoder",
        "own_parts:Letters",
        "--step",
        "own_parts:Words",
        "--output",
        str(tmp_path / "a.nc"),
    ]
    result = CliRunner().invoke(app, ["embed", str(tmp_path / "a.txt"), *options])
    assert result.exit_code == 0, result.output
    data = sb.data.load(tmp_path / "a.nc")
    assert data.attrs["encoder"] == "letters 1"
    assert data.attrs["step_meaning"] == "20 words"
    assert data.attrs["step_rule"] == '{"class": "own_parts:Words", "count": 20}'


def test_classes_of_a_script_are_found_again(tmp_path, capsys):
    """``__main__`` is a module like others: a script that defines a part saves it and loads it."""
    script = tmp_path / "script.py"
    script.write_text(
        "from dataclasses import dataclass\nfrom sdebayes.data import Sentences\n"
        "from sdebayes._core.stored import decode, encode\n"
        "@dataclass(frozen=True)\nclass Mine(Sentences):\n    more: int = 3\n"
        "print(encode(Mine(2)), decode(encode(Mine(2))) == Mine(2))\n"
    )
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out == '{"class": "__main__:Mine", "block": 2, "more": 3} True\n'
