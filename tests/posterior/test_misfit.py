"""What a diagnosis says where an assumption is broken, and where none is: fast fits, one data set each."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from types import ModuleType

import numpy as np
import pytest

import sdebayes as sb
from sdebayes._core import precision
from sdebayes._core.errors import DataError
from sdebayes.criticism.innovations import Judge
from tests.cases import first_of
from tests.project.source import ROOT

QUICK = sb.Laplace(draws=400)
FAST = ["duplicates", "far start", "outlier", "regime switching"]
ALIKE = ["far start", "duplicates", "regime switching"]
"""Cases of the model, the size and the times of the Ornstein–Uhlenbeck truth."""
SLOW = ["multiplicative noise", "jumps"]


@pytest.fixture(scope="module")
def misfit() -> ModuleType:
    """The benchmark of violations."""
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(ROOT / "benchmarks")
        return importlib.import_module("misfit_cases")


def data_of(case, seed: int = 0):
    values = case.simulate(np.random.default_rng(seed), case.count)
    return sb.trajectories(values, t=case.dt * np.arange(values.shape[1]), time_unit="unit of time")


@lru_cache
def model_of(make, shared) -> sb.SDEModel:
    """A case's model, scaled to the data of another case if that is given: fits of one model share programs."""
    return make() if shared is None else make().scaled_to(data_of(shared))


@lru_cache(maxsize=8)
def fitted(case, seed: int = 0, shared=None) -> sb.Posterior:
    return sb.fit(model_of(case.model, shared), data_of(case, seed), QUICK, seed=seed, progress=False)


def diagnosed(case, seed: int = 0, shared=None) -> dict[str, sb.inference.findings.Finding]:
    return {finding.subject: finding for finding in fitted(case, seed, shared).diagnosis()}


@pytest.mark.parametrize(
    "name", [*first_of(FAST), *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
def test_a_broken_assumption_is_named(misfit, name):
    case = misfit.VIOLATIONS[name]
    found = diagnosed(case, shared=misfit.TRUTHS["OU"] if name in ALIKE else None)
    assert any(found[subject].severity == "warning" for subject in case.expected), found


@pytest.mark.thorough
def test_an_outlier_is_named_with_its_place(misfit):
    case = misfit.VIOLATIONS["outlier"]
    data = data_of(case)
    trajectory, step, _ = np.argwhere(data["y"].values > 1e5)[0]
    message = diagnosed(case)["Outliers"].message
    assert f"x1 of {data['trajectory'].values[trajectory]} at t = {case.dt * step:g}, 1e+06" in message


def test_a_far_start_is_told_what_to_do(misfit):
    found = diagnosed(misfit.VIOLATIONS["far start"], shared=misfit.TRUTHS["OU"])
    assert 'initial="free"' in found["First state"].advice
    later = [one for one in found.values() if "may follow from this one: First state" in one.advice]
    assert all(one.severity == "warning" for one in later)


@pytest.mark.thorough
def test_a_random_walk_is_not_told_from_a_return(misfit):
    found = diagnosed(misfit.VIOLATIONS["random walk"])["Return to an equilibrium"]
    assert found.severity == "warning"
    assert "time constants" in found.message


def test_a_judgement_of_a_part_of_the_data_says_so(misfit, monkeypatch):
    whole = fitted(misfit.TRUTHS["OU"], shared=misfit.TRUTHS["OU"])
    monkeypatch.setattr("sdebayes.criticism.battery.MOST_STEPS", 300)
    findings = sb.Posterior(whole.model, whole.data).diagnosis()
    part = next(finding for finding in findings if finding.subject == "Part of the data")
    assert part.severity == "note"
    assert "judged on 300 of 800 steps" in part.message


def test_a_right_model_is_not_rejected(misfit):
    posterior = fitted(misfit.TRUTHS["OU"], shared=misfit.TRUTHS["OU"])
    findings = posterior.diagnosis()
    assert findings is posterior.diagnosis()
    found = {finding.subject: finding.severity for finding in findings}
    assert found["Return to an equilibrium"] == "good"
    questions = ["First state", "Outliers", "Constant noise", "Memory", "Trend", "Changing variance"]
    assert {found[name] for name in questions} <= {"not rejected", "note"}
    assert not {"Duplicates", "Repeated steps"} & set(found)


@pytest.mark.parametrize(("every", "severity"), [(20, "warning"), (400, "note")])
def test_steps_said_twice_are_named(misfit, every, severity):
    case = misfit.TRUTHS["OU"]
    data = data_of(case)
    values = data["y"].values.copy()
    values[:, 5::every] = values[:, 4:-1:every]
    posterior = sb.fit(
        model_of(case.model, case), data.assign(y=(data["y"].dims, values)), QUICK, progress=False
    )
    found = {finding.subject: finding for finding in posterior.diagnosis()}["Repeated steps"]
    assert found.severity == severity
    assert f"{values[:, 5::every, 0].size} of {values[..., 0].size} steps" in found.message


@pytest.mark.thorough
def test_one_trajectory_has_no_effect_to_learn(misfit):
    values = misfit.ou(np.random.default_rng(0), 1, 200)
    model = sb.SDEModel(observation=sb.GaussianNoise(trajectory_effect=True))
    data = sb.trajectories(values, t=0.1 * np.arange(200))
    found = {f.subject: f for f in sb.fit(model, data, QUICK, progress=False).diagnosis()}
    assert found["Trajectory effect"].severity == "warning"
    assert "cannot be learned from one trajectory" in found["Trajectory effect"].message


@pytest.mark.thorough
def test_innovations_of_a_tabulated_drift_are_those_of_its_replicates(misfit):
    """Functions tabulated at the data say nothing of replicates, which visit other places."""
    case = misfit.TRUTHS["cubic"]
    drift = sb.priors.GP(basis=sb.priors.HSGP(functions=8))
    model = sb.SDEModel(drift=drift, scheme=sb.schemes.EulerMaruyama(), observation=sb.Exact())
    posterior = sb.fit(model, data_of(case), sb.Laplace(draws=100), progress=False)
    data = posterior.training_data()
    with precision.scope("float64"):
        assert posterior.model.read(data).table is not None
    white = Judge.of(posterior, data).replicated(99, seed=0).innovations_replicated
    assert abs(white.std() - 1) < 0.03


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: np.concatenate([x, 1e-9 * x[::-1]], axis=2), "'state x2' has the standard deviation"),
        (lambda x: np.concatenate([x, x], axis=2), "'state x1', 'state x2' are not different states"),
        (
            lambda x: np.concatenate([x, x[::-1], x - 2 * x[::-1]], axis=2),
            "one is a linear function of the others",
        ),
    ],
)
def test_states_that_say_nothing_are_refused(misfit, change, message):
    values = change(misfit.ou(np.random.default_rng(0), 4, 50))
    with pytest.raises(DataError, match=message):
        sb.fit(misfit.exactly(), sb.trajectories(values), QUICK, progress=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["far start", "multiplicative noise", "random walk", "jumps", "OU", "cubic"])
def test_rates(misfit, name):
    """20 data sets each: named in 80 % of them, or blamed in 10 %, as far as chance allows."""
    case = misfit.CASES[name]
    warned = 0
    for seed in range(20):
        found = diagnosed(case, seed)
        subjects = case.expected or tuple(set(found) - misfit.SAMPLER)
        warned += any(found[s].severity in ("warning", "problem") for s in subjects if s in found)
    print(f"{name}: {warned} of 20")
    assert warned >= 13 if case.expected else warned <= 5
