"""Posteriors of few draws get findings that say so, and a report, and no error."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb

MOST = 30


def walk() -> xr.Dataset:
    generator = np.random.default_rng(0)
    x = np.zeros((4, 25, 1))
    for k in range(1, 25):
        x[:, k] = 0.8 * x[:, k - 1] + 0.6 * generator.standard_normal((4, 1))
    return sb.trajectories(list(x))


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    return walk()


@pytest.fixture(scope="module")
def fits(data) -> dict[str, sb.Posterior]:
    model = sb.SDEModel(observation=sb.Exact()).scaled_to(data)
    strategies = {"nuts": sb.NUTS(draws=MOST, warmup=30, chains=2), "laplace": sb.Laplace(draws=MOST)}
    return {name: sb.fit(model, data, way, progress=False) for name, way in strategies.items()}


def first(posterior: sb.Posterior, draws: int, chains: int = 2) -> sb.Posterior:
    """The posterior that a fit of so few draws and chains would have been."""
    part = {"draw": slice(draws), "chain": slice(chains)}
    groups = {
        name: node.to_dataset().isel(part, missing_dims="ignore").copy(deep=True)
        for name, node in posterior.data.children.items()
    }
    tree = xr.DataTree.from_dict(groups)
    tree.attrs.update(posterior.data.attrs)
    return sb.Posterior(posterior.model, tree)


def computation(posterior: sb.Posterior) -> dict[str, sb.inference.findings.Finding]:
    """What the strategy finds in its draws."""
    strategy = sb.inference.STRATEGIES[posterior.data.attrs["strategy_name"]]
    return {found.subject: found for found in strategy.findings(posterior.data, ())}


@pytest.mark.parametrize("draws", range(1, MOST + 1))
def test_the_draws_of_a_chain_are_judged_or_are_too_few(fits, draws):
    for chains in (1, 2):
        found = computation(first(fits["nuts"], draws, chains))
        if draws < 4 or chains * draws < 25:
            assert set(found) == {"Draws"}
            assert found["Draws"].severity == "problem"
            assert found["Draws"].message.startswith(f"{chains * draws} in ")
            assert "draws=1000" in found["Draws"].advice
        else:
            assert "R-hat" in found


@pytest.mark.parametrize("draws", range(1, MOST + 1))
def test_independent_draws_are_judged_or_are_too_few(fits, draws):
    found = computation(first(fits["laplace"], draws))["Pareto k-hat"]
    if draws < 25:
        assert found.severity == "problem"
        assert found.message.startswith(f"{draws} draws are too few")


@pytest.mark.parametrize("usable", [0, 1, 4, 5, 24, 29])
def test_few_finite_importance_weights_are_a_problem(fits, usable):
    posterior = first(fits["laplace"], MOST)
    posterior.data["sample_stats"]["log_weight"][:, usable:] = -np.inf
    found = next(f for f in posterior.diagnosis() if f.subject == "Pareto k-hat")
    if usable < 25:
        assert found.severity == "problem"
        assert f"{usable} of {MOST} draws" in found.message
        assert "NUTS" in found.advice


@pytest.mark.parametrize("name", ["nuts", "laplace"])
@pytest.mark.parametrize("draws", [1, 2, 5])
def test_a_diagnosis_of_few_draws_is_a_problem(fits, name, draws):
    assert first(fits[name], draws).diagnosis().worst == "problem"


@pytest.mark.parametrize(("name", "draws"), [("nuts", 1), ("laplace", 5)])
def test_a_report_of_few_draws_says_so(fits, data, tmp_path, name, draws):
    path = sb.report(first(fits[name], draws), tmp_path / "report.html", data=data)
    assert "too few to" in path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_diagnosis_of_up_to_thirty_draws(fits):
    found = [
        first(posterior, draws).diagnosis() for posterior in fits.values() for draws in range(1, MOST + 1)
    ]
    assert all(len(findings) > 3 for findings in found)
    print(f"{len(found)} of {2 * MOST} posteriors judged")
