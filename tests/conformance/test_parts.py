"""Parts of the package, and parts written outside of it, do the same: fit, resume, save, load, diagnose, report."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import own_parts as own
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.stored import Stored, decode, defined, encode
from sdebayes.cli.inputs import states_for

WORDS = [
    "river",
    "stone",
    "market",
    "winter",
    "music",
    "engine",
    "garden",
    "letter",
    "harbour",
    "silence",
    "quiz",
]
TEXTS = {
    name: " ".join(
        "The " + " ".join(np.random.default_rng([seed, k]).choice(WORDS, 2)) + "." for k in range(20)
    )
    for seed, name in enumerate("ab")
}


@dataclass(frozen=True)
class Case:
    """One of each kind of part, as far as they go together."""

    model: sb.SDEModel
    strategy: sb.inference.AbstractStrategy
    encoder: Any
    step: sb.data.Steps
    encoder_name: str | None = None


def precomputed(step: sb.data.Steps) -> sb.Precomputed:
    pieces = sorted({piece for text in TEXTS.values() for one in step.cut(text) for piece in one.pieces})
    return sb.Precomputed(pieces, own.Letters().encode(pieces))


CASES = {
    "outside": Case(
        sb.SDEModel(own.TwoWells(), own.Growing(), own.Heun(), own.Instrument(0.3)),
        own.RandomWalk(draws=20, block=10),
        own.Letters(),
        own.Words(3),
        "own_parts:Letters",
    ),
    "library and guide": Case(
        sb.SDEModel(
            sb.priors.Sparse(own.Waves(), sb.priors.Horseshoe()),
            scheme=sb.schemes.EulerMaruyama(),
            observation=sb.Exact(),
        ),
        sb.SVI(draws=30, steps=100, guide=own.FullNormal()),
        own.Letters(),
        own.Words(3),
        "own_parts:Letters",
    ),
    "ours": Case(
        sb.SDEModel(observation=sb.Exact()), sb.Laplace(draws=30), precomputed(sb.Sentences()), sb.Sentences()
    ),
}


class Fitted(NamedTuple):
    """A case, and how far it has come."""

    case: Case
    states: xr.Dataset
    posterior: sb.Posterior
    loaded: sb.Posterior
    folder: Path


@pytest.fixture(scope="module", params=CASES)
def fitted(request, tmp_path_factory) -> Fitted:
    case, folder = CASES[request.param], tmp_path_factory.mktemp("case")
    data = sb.embed(TEXTS, case.encoder, case.step, cache=False, progress=False)
    states = sb.PCA(1).fit(data).transform(data)
    posterior = sb.fit(case.model, states, case.strategy, checkpoint=folder / "kept", progress=False)
    return Fitted(case, states, posterior, sb.load(posterior.to_netcdf(folder / "fit.nc")), folder)


def test_the_same_call_resumes(fitted):
    again = sb.fit(
        fitted.case.model,
        fitted.states,
        fitted.case.strategy,
        checkpoint=fitted.folder / "kept",
        progress=False,
    )
    assert again.data["unconstrained"].identical(fitted.posterior.data["unconstrained"])


def test_what_is_loaded_is_what_was_saved(fitted):
    posterior, loaded = fitted.posterior, fitted.loaded
    assert loaded.data.identical(posterior.data)
    assert encode(loaded.model) == encode(posterior.model)
    assert loaded.model.describe() == posterior.model.describe()
    xr.testing.assert_identical(loaded.drift([0.3]), posterior.drift([0.3]))
    xr.testing.assert_identical(loaded.log_score(fitted.states), posterior.log_score(fitted.states))


@pytest.mark.thorough
def test_what_is_loaded_is_judged_alike(fitted):
    assert str(fitted.loaded.diagnosis()) == str(fitted.posterior.diagnosis())
    kind = type(fitted.case.strategy)
    own_findings = kind.findings(fitted.posterior.data, [])
    assert {found.subject for found in own_findings} <= {found.subject for found in fitted.loaded.diagnosis()}


def test_new_texts_are_cut_and_embedded_as_the_file_says(fitted, tmp_path, monkeypatch):
    """By the rule that the file describes, and by an encoder that the user names."""
    case = fitted.case
    if case.encoder_name is None:
        monkeypatch.setattr("sdebayes.data.alike.local_encoder", lambda wanted: case.encoder)
    (tmp_path / "a.txt").write_text(TEXTS["a"], encoding="utf-8")
    monkeypatch.setenv("SDEBAYES_CACHE", str(tmp_path / "cache"))
    states = states_for(fitted.loaded, [tmp_path / "a.txt"], case.encoder_name)
    np.testing.assert_allclose(states["y"].values[0], fitted.states["y"].values[0], atol=1e-5)


@pytest.mark.parametrize("fitted", ["outside"], indirect=True)
@pytest.mark.thorough
def test_a_report_is_written_and_calibration_runs(fitted, tmp_path):
    """Long to compile, so for one case, which has all parts that these read."""
    path = sb.report(fitted.loaded, tmp_path / "report.html", data=fitted.states, draws=10)
    page = path.read_text(encoding="utf-8")
    assert "RandomWalk(draws=20" in page
    assert "3 words" in page
    model = fitted.posterior.model
    found = sb.calibrate(model, fitted.states, fitted.case.strategy, n=2, checkpoint=tmp_path, progress=False)
    assert not found["failed"].any()


def examples() -> list[Stored]:
    """An object of each class that is made without arguments, of the package and from outside."""
    found = []
    for kind in defined(Stored):
        if inspect.isabstract(kind) or kind.__module__.split(".")[0] not in ("sdebayes", "own_parts"):
            continue
        try:
            found.append(kind())
        except TypeError:
            continue
    return list({type(one): one for one in found}.values())


@pytest.mark.smoke
def test_each_part_comes_back_as_it_was():
    names = set()
    for one in examples():
        again = decode(encode(one))
        assert type(again) is type(one)
        assert encode(again) == encode(one)
        names.add(type(one).__name__)
    outside = {"Heun", "TwoWells", "Growing", "Instrument", "RandomWalk", "FullNormal", "Words", "Waves"}
    assert outside <= names
    assert {"SDEModel", "GP", "Sparse", "Moments", "NUTS", "SVI", "GaussianNoise", "Sentences"} <= names
    print(f"{len(names)} classes")


def read(seed: int, failing: bool) -> xr.Dataset:
    """Readings of four slow paths, every twelfth or none of them ten times as far off."""
    rng = np.random.default_rng(seed)
    x = [rng.normal(size=(4, 1))]
    for _ in range(59):
        x.append(0.9 * x[-1] + np.sqrt(1 - 0.9**2) * rng.normal(size=(4, 1)))
    far = np.where(failing & (rng.random((4, 60, 1)) < 1 / 12), 10.0, 1.0)
    return sb.trajectories(list(np.stack(x, axis=1) + 0.3 * far * rng.normal(size=(4, 60, 1))))


@pytest.mark.thorough
def test_noise_that_expects_outliers_is_one_class_outside_of_the_package(tmp_path):
    """It predicts readings with outliers better, those without little worse, and comes back from a file."""
    scores: dict[tuple[str, bool], float] = {}
    for failing in (True, False):
        for name, instrument in {
            "normal": own.Instrument(0.3),
            "failing": own.FailingInstrument(0.3, 1 / 12),
        }.items():
            model = sb.SDEModel(observation=instrument)
            fitted = sb.fit(model, read(0, failing), sb.Laplace(draws=50), seed=0, progress=False)
            scores[name, failing] = float(fitted.log_score(read(1, failing)).sum()) / 240
            assert len(fitted.diagnosis()) > 3
            if failing:
                again = sb.load(fitted.to_netcdf(tmp_path / f"{name}.nc"))
                xr.testing.assert_identical(again.log_score(read(1, True)), fitted.log_score(read(1, True)))
    assert scores["failing", True] - scores["normal", True] > 0.3
    assert -0.1 < scores["failing", False] - scores["normal", False] < 0
