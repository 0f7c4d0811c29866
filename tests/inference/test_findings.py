"""Each finding fires on a fit that is bad in one way, and is quiet on a good one."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdebayes.inference.clustering import cluster
from sdebayes.inference.doubt import doubted
from sdebayes.inference.findings import (
    Finding,
    Findings,
    step_finding,
)
from sdebayes.inference.sampling import sampling_findings
from sdebayes.schemes import EulerMaruyama, LinearNoise, LocalLinearization, Substeps

SUBJECTS = {"R-hat", "Bulk ESS", "Tail ESS", "Divergences", "Tree depth", "E-BFMI"}


def tree(chains: int = 4, draws: int = 500, **changes) -> xr.DataTree:
    """Independent draws and a sampler that did nothing wrong, but for the changes."""
    rng = np.random.default_rng(0)
    lead = ("chain", "draw")
    posterior = {
        "b": (("chain", "draw", "state"), rng.normal(size=(chains, draws, 2))),
        "s": (lead, rng.gamma(2.0, size=(chains, draws))),
    }
    statistics = {
        "diverging": (lead, np.zeros((chains, draws), dtype=bool)),
        "tree_depth": (lead, np.full((chains, draws), 3)),
        "energy": (lead, rng.normal(size=(chains, draws))),
    }
    for name, value in changes.items():
        group = posterior if name in posterior else statistics
        dims, old = group[name]
        group[name] = (dims, value(old.copy()))
    groups = {"posterior": xr.Dataset(posterior), "sample_stats": xr.Dataset(statistics)}
    return xr.DataTree.from_dict(
        {n: d.assign_coords(chain=np.arange(chains), draw=np.arange(draws)) for n, d in groups.items()}
    )


def severities(data: xr.DataTree) -> dict[str, str]:
    return {f.subject: f.severity for f in sampling_findings(data, 10)}


def test_a_good_fit_has_good_findings():
    assert severities(tree()) == dict.fromkeys(SUBJECTS, "good")


def shifted(b: np.ndarray) -> np.ndarray:
    b[0, :, 1] += 3.0
    return b


def slightly_shifted(b: np.ndarray) -> np.ndarray:
    b[0, :, 1] += 0.33
    return b


def sticky(b: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(1)
    for k in range(1, b.shape[1]):
        b[:, k] = 0.97 * b[:, k - 1] + np.sqrt(1 - 0.97**2) * rng.normal(size=b[:, k].shape)
    return b


def drifting_energy(energy: np.ndarray) -> np.ndarray:
    return np.cumsum(energy, axis=1)


def first(count: int, value):
    def change(array: np.ndarray) -> np.ndarray:
        array.reshape(-1)[:count] = value
        return array

    return change


@pytest.mark.parametrize(
    ("changes", "subject", "severity"),
    [
        ({"b": shifted}, "R-hat", "problem"),
        ({"b": slightly_shifted}, "R-hat", "warning"),
        ({"b": sticky}, "Bulk ESS", "warning"),
        ({"b": sticky}, "Tail ESS", ("note", "warning")),
        ({"diverging": first(1, True)}, "Divergences", "note"),
        ({"diverging": first(3, True)}, "Divergences", "note"),
        ({"diverging": first(10, True)}, "Divergences", "warning"),
        ({"diverging": first(100, True)}, "Divergences", "problem"),
        ({"tree_depth": first(10, 10)}, "Tree depth", "note"),
        ({"tree_depth": first(1000, 10)}, "Tree depth", "warning"),
        ({"energy": drifting_energy}, "E-BFMI", "warning"),
    ],
)
def test_each_rule_fires_on_its_own_fault(changes, subject, severity):
    finding = next(f for f in sampling_findings(tree(**changes), 10) if f.subject == subject)
    assert finding.severity in ((severity,) if isinstance(severity, str) else severity)
    assert finding.advice
    assert finding.values
    quiet = SUBJECTS - {subject, "R-hat", "Bulk ESS", "Tail ESS"}
    assert all(severities(tree(**changes))[other] == "good" for other in quiet)


def test_few_divergences_that_lie_together_are_a_warning():
    """Three of 2,000, all where s is smallest, against three anywhere."""
    data = tree()
    smallest = np.argsort(data["posterior"]["s"].values, axis=None)[:3]
    diverging = data["sample_stats"]["diverging"].values.reshape(-1)
    diverging[smallest] = True
    finding = next(f for f in sampling_findings(data, 10) if f.subject == "Divergences")
    assert finding.severity == "warning"
    assert "together, where s is small" in finding.message
    assert finding.values["cluster_p_value"] < 0.01


def test_scattered_divergences_are_said_to_lie_together_no_more_often_than_by_chance():
    rng = np.random.default_rng(0)
    data = tree()
    posterior, shape = data["posterior"].to_dataset(), (4, 500)
    chosen = [np.isin(np.arange(2000), rng.choice(2000, 5, replace=False)).reshape(shape) for _ in range(200)]
    alarms = sum(cluster(posterior, one).p_value < 0.05 for one in chosen)
    assert 2 <= alarms <= 19
    assert cluster(posterior, np.isin(np.arange(2000), [1, 2]).reshape(shape)) is None


def test_parts_that_can_be_exchanged_are_only_noted():
    """Their functions are judged by their values."""
    data = tree(b=shifted)
    found = {f.subject: f for f in sampling_findings(data, 10, ("b",))}
    assert found["R-hat"].severity == "good"
    assert "(s)" in found["R-hat"].message
    assert found["R-hat of the parts"].severity == "note"
    assert "(b)" in found["R-hat of the parts"].message
    assert "R-hat of the parts" not in {f.subject for f in sampling_findings(tree(), 10, ("b",))}


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_chains_that_stand_still_are_a_problem(spread):
    """Every draw of a chain the same: the worst failure must not read as good."""

    def stuck(s: np.ndarray) -> np.ndarray:
        s[:] = 2.0 + spread * np.arange(s.shape[0])[:, None]
        return s

    assert severities(tree(s=stuck))["R-hat"] == "problem"


def test_draws_that_are_not_finite_are_a_problem():
    assert severities(tree(s=first(1, np.nan)))["R-hat"] == "problem"


def test_one_chain_cannot_be_judged():
    finding = next(f for f in sampling_findings(tree(chains=1), 10) if f.subject == "R-hat")
    assert finding.severity == "warning"
    assert "chains=2" in finding.advice


def test_the_step_is_judged_by_the_bias_that_the_scheme_leaves():
    def judge(rate, scheme, additive=True):
        return step_finding(rate, scheme, additive=additive, exact=False)

    assert step_finding(5.0, LocalLinearization(), additive=True, exact=True).severity == "good"
    assert [judge(r, EulerMaruyama()).severity for r in (0.01, 0.1, 1.0)] == ["good", "note", "warning"]
    assert [judge(r, LinearNoise()).severity for r in (0.1, 0.6, 1.5)] == ["good", "note", "warning"]
    assert (
        judge(0.2, Substeps(EulerMaruyama(), 4)).values["bias"]
        < judge(0.2, EulerMaruyama()).values["bias"] / 3
    )
    assert "LocalLinearization()" in judge(0.1, EulerMaruyama()).advice
    assert "LinearNoise()" in judge(0.4, LocalLinearization()).advice
    assert "Moments()" in judge(0.1, EulerMaruyama(), additive=False).advice
    assert judge(1.5, LinearNoise()).advice == "Use shorter steps."


def test_findings_come_worst_first_and_read_as_text():
    items = tuple(Finding(s, s, "found.", "Do.") for s in ("good", "problem", "note", "warning"))
    findings = Findings(items)
    assert [f.severity for f in findings] == ["problem", "warning", "note", "good"]
    assert findings.worst == "problem"
    assert len(findings) == 4
    assert str(findings).splitlines()[0] == "[problem] problem: found. Do."
    assert repr(findings) == str(findings)
    assert Findings(()).worst == "good"


def test_what_is_read_from_draws_with_a_problem_is_no_good_news():
    read = [
        Finding(severity, severity, "told.") for severity in ("good", "not rejected", "assumed", "warning")
    ]
    assert doubted(read, [Finding("R-hat", "warning", "1.02.")]) == read
    found = doubted(read, [Finding("R-hat", "problem", "1.3."), Finding("E-BFMI", "good", "1.")])
    assert [finding.severity for finding in found] == ["note", "note", "assumed", "warning"]
    assert "fail a check (R-hat)" in found[0].advice
    assert found[2:] == read[2:]
