"""Posteriors of few draws get findings that say so, and a report, and no error."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes.inference.findings import Finding

MOST = 30
REPORTED = (1, 2, 5, 24)


def synthetic(chains: int, draws: int) -> xr.DataTree:
    """Independent draws with the statistics of every strategy."""
    generator, lead = np.random.default_rng(0), ("chain", "draw")
    normals = generator.standard_normal((5, chains, draws))
    statistics = {
        "diverging": (lead, np.zeros((chains, draws), dtype=bool)),
        "tree_depth": (lead, np.full((chains, draws), 3)),
        "energy": (lead, normals[0]),
        "log_weight": (lead, normals[1]),
    }
    posterior = {"b": ((*lead, "state"), np.moveaxis(normals[2:4], 0, -1)), "s": (lead, np.exp(normals[4]))}
    groups = {"posterior": xr.Dataset(posterior), "sample_stats": xr.Dataset(statistics)}
    tree = xr.DataTree.from_dict(groups)
    tree.attrs["max_tree_depth"] = 10
    return tree


def findings(strategy: type, tree: xr.DataTree) -> dict[str, Finding]:
    return {found.subject: found for found in strategy.findings(tree, ())}


@pytest.mark.parametrize("draws", range(1, MOST + 1))
@pytest.mark.parametrize("chains", [1, 2])
def test_the_draws_of_chains_are_judged_or_are_too_few(chains, draws):
    found = findings(sb.NUTS, synthetic(chains, draws))
    if draws < 4 or chains * draws < 25:
        assert set(found) == {"Draws"}
        assert found["Draws"].severity == "problem"
        assert found["Draws"].message.startswith(f"{chains * draws} in ")
        assert "draws=1000" in found["Draws"].advice
    else:
        assert {"R-hat", "E-BFMI"} < set(found)


@pytest.mark.parametrize("draws", range(1, MOST + 1))
def test_independent_draws_are_judged_or_are_too_few(draws):
    found = findings(sb.Laplace, synthetic(1, draws))["Pareto k-hat"]
    if draws < 25:
        assert found.severity == "problem"
        assert found.message.startswith(f"{draws} draws are too few")


@pytest.mark.parametrize("usable", range(MOST + 1))
def test_few_finite_importance_weights_are_a_problem(usable):
    tree = synthetic(1, MOST)
    tree["sample_stats"]["log_weight"][:, usable:] = -np.inf
    found = findings(sb.Laplace, tree)["Pareto k-hat"]
    if usable < 25:
        assert found.severity == "problem"
        assert f"{usable} of {MOST} draws" in found.message
        assert "NUTS" in found.advice


def first(posterior: sb.Posterior, draws: int) -> sb.Posterior:
    """The posterior that a fit of so few draws would have been."""
    groups = {
        name: node.to_dataset().isel(draw=slice(draws), missing_dims="ignore").copy(deep=True)
        for name, node in posterior.data.children.items()
    }
    tree = xr.DataTree.from_dict(groups)
    tree.attrs.update(posterior.data.attrs)
    return sb.Posterior(posterior.model, tree)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [sb.NUTS(draws=MOST, warmup=30), sb.Laplace(draws=MOST)])
def test_every_diagnosis_and_some_reports(strategy, tmp_path):
    generator, x = np.random.default_rng(0), np.zeros((4, 25, 1))
    for k in range(1, 25):
        x[:, k] = 0.8 * x[:, k - 1] + 0.6 * generator.standard_normal((4, 1))
    data = sb.trajectories(list(x))
    fitted = sb.fit(sb.SDEModel(observation=sb.Exact()), data, strategy, progress=False)
    name, told, reported = type(strategy).__name__, 0, 0
    for draws in range(1, MOST + 1):
        told += (first(fitted, draws).diagnosis().worst == "problem") or draws > 4
    for draws in REPORTED:
        page = sb.report(first(fitted, draws), tmp_path / f"{draws}.html", data=data)
        reported += page.exists()
    print(f"{name}: {told} of {MOST} posteriors judged, {reported} of {len(REPORTED)} reported")
    assert (told, reported) == (MOST, len(REPORTED))
