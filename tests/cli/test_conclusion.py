"""The demo's last words: good news only where the scores bear it."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdebayes.cli.conclusion import conclusion
from sdebayes.inference.findings import Finding, Findings
from sdebayes.posterior.compare import score_table

MODEL, OFFSET, WALK = "OU + noise", "iid + document effect", "random walk + noise"


def table(model: float, walk: float = 0.4, spread: float = 0.1) -> xr.Dataset:
    """Scores of eight speeches of ten sentences; the baseline has 0 nats a sentence."""
    noise = spread * np.random.default_rng(0).standard_normal((3, 8))
    scores = 10 * (np.array([[model], [0.0], [walk]]) + noise - noise.mean(axis=1, keepdims=True))
    coords = {"trajectory": [str(i) for i in range(8)], "n_observed": ("trajectory", np.full(8, 10))}
    named = zip((MODEL, OFFSET, WALK), scores, strict=True)
    rows = {name: xr.DataArray(row, coords, ("trajectory",)) for name, row in named}
    kinds = {
        "kind": ("candidate", ["linear", "null", "null"]),
        "observation": ("candidate", ["noise", "", ""]),
    }
    return score_table(rows, OFFSET).assign_coords(kinds)


def findings(*severities: str) -> Findings:
    return Findings(tuple(Finding(f"Check {k}", one, "", "", {}) for k, one in enumerate(severities)))


def test_what_the_scores_bear_is_said():
    order, back, doubts = conclusion(table(0.7), table(0.0, spread=0.01), findings("good", "note"))
    gain = float(table(0.7)["difference"][0])
    assert f"{np.exp(gain):.1f} times the density" in order
    assert f"{gain:+.3f} [" in order
    assert order.endswith("are left.")
    assert back.startswith("Return: speeches come back to a middle, +0.")
    assert doubts == "Doubts: no check of the fit warns, which does not prove the model true."


@pytest.mark.parametrize(
    ("known", "shuffled", "place", "said"),
    [
        (table(0.02), table(0.0), 0, "is not shown"),
        (table(0.7), table(0.6), 0, "not all of it is order"),
        (table(0.42), table(0.0), 1, "the scores do not tell"),
        (table(0.1), table(0.0), 1, "a random walk with noise predicts better, -0."),
    ],
)
def test_what_they_do_not_bear_is_not(known, shuffled, place, said):
    assert said in conclusion(known, shuffled, findings("good"))[place]


def test_checks_that_warn_are_named():
    doubts = conclusion(table(0.7), table(0.0), findings("good", "warning", "problem"))[2]
    assert doubts.startswith("Doubts: 2 of 3 checks warn (Check 2, Check 1): ")
