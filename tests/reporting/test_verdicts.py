"""Verdicts of the summary on moments that simulated copies do not have."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdebayes.reporting.chapters.verdicts import judged_claims, judged_moments, meaning


def pooled(states: int, strange: int) -> xr.Dataset:
    """Moments of a hundred copies, 0 to 99, and data in their middle but for the kurtosis of some states."""
    copies = np.broadcast_to(np.arange(100.0)[:, None], (100, states))
    data = np.full(states, 49.5)
    names = ("mean", "skewness", "kurtosis")
    variables = {name: (("sample", "state"), copies) for name in names} | {
        f"{name}_data": ("state", data) for name in names
    }
    square = np.broadcast_to(copies[..., None], (100, states, states))
    variables["covariance"] = (("sample", "state", "state_bis"), square)
    variables["covariance_data"] = (("state", "state_bis"), np.full((states, states), 49.5))
    variables["kurtosis_data"] = ("state", np.where(np.arange(states) < strange, 1000.0, data))
    return xr.Dataset(variables)


@pytest.mark.parametrize(
    ("states", "strange", "severity"),
    [
        (8, 0, "not rejected"),
        (8, 2, "not rejected"),
        (8, 4, "warning"),
        (3, 3, "warning"),
        (1, 1, "note"),
        (2, 2, "note"),
        (1, 0, "not rejected"),
    ],
)
def test_moments_outside_more_often_than_chance(states, strange, severity):
    verdict = judged_moments(pooled(states, strange))
    assert verdict.severity == severity
    assert (f"excess kurtosis in {strange} of {states} states" in verdict.message) == (
        severity != "not rejected"
    )
    assert "variance in" not in verdict.message


def test_moments_that_are_not_known_are_not_judged():
    few = pooled(8, 4)
    few["kurtosis_data"] = few["kurtosis_data"].where(np.arange(8) < 3)
    assert "excess kurtosis in 3 of 3 states" in judged_moments(few).message
    few["kurtosis_data"] = few["kurtosis_data"] * np.nan
    assert judged_moments(few).severity == "not rejected"


NAMES = ["order", "return to an equilibrium", "coupling", "nonlinearity"]


def claimed(*verdicts: str, caution: str = "") -> xr.Dataset:
    """Claims with these verdicts, those left out not asked."""
    found = [*verdicts, *["not asked"] * (4 - len(verdicts))]
    numbers = {
        name: ("claim", [value] * 4)
        for name, value in (("difference", 0.05), ("lower", 0.02), ("upper", 0.08))
    }
    words = {"verdict": ("claim", found), "against": ("claim", ["rival"] * 4)}
    return xr.Dataset(
        words | numbers, {"claim": NAMES}, {"candidate": "m", "caution": caution, "not_asked": ""}
    )


@pytest.mark.parametrize(
    ("verdicts", "severity", "advice"),
    [
        (("supported", "supported"), "good", ""),
        (("supported", "not supported"), "warning", "do not read equilibria"),
        (("supported", "against"), "warning", "do not read equilibria"),
        (("not supported", "not supported"), "warning", "read no dynamics"),
        (("against", "against"), "problem", "Do not read the dynamics"),
        (("supported", "supported", "not asked", "not supported"), "warning", "do not read curvature"),
        (("supported", "supported", "not supported"), "warning", "do not read rotation"),
    ],
)
def test_the_headline_is_good_only_where_every_claim_is_supported(verdicts, severity, advice):
    verdict = judged_claims(claimed(*verdicts), 12, "speeches", "sentence")
    assert verdict.severity == severity
    assert advice in verdict.advice
    assert "order" in verdict.message
    assert ("coupling" in verdict.message) == (len(verdicts) > 2 and verdicts[2] != "not asked")
    assert "[+0.02, +0.08]" in verdict.message


def test_two_trajectories_make_no_good_news():
    verdict = judged_claims(
        claimed("supported", "supported", caution="Two tell nothing."), 2, "texts", "step"
    )
    assert verdict.severity == "note"
    assert verdict.message.endswith("Two tell nothing.")


def test_where_order_is_not_asked_nothing_is_good():
    found = claimed("not asked", "supported").assign_attrs(not_asked="Not asked: order, for a reason.")
    verdict = judged_claims(found, 12, "texts", "step")
    assert verdict.severity == "note"
    assert "Not asked: order, for a reason." in verdict.message
    nothing = claimed().assign_attrs(not_asked="Nothing is asked: 12 of 12 are those of the fit.")
    assert judged_claims(nothing, 12, "texts", "step").message == nothing.attrs["not_asked"]
    assert judged_claims(claimed(), 12, "texts", "step").message.startswith("not judged")


def test_nats_are_said_as_a_ratio_of_probabilities():
    said = meaning(claimed("supported", "supported").sel(claim="order"), "sentence")
    assert said.startswith("What +0.05 nats per sentence mean: a held-out sentence is")
    assert "1.05 times as probable as under rival" in said
    assert said.endswith("(95 % interval 1.02 to 1.08).")
