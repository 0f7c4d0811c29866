"""The judgements that the summary repeats from the chapters."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.stats import binom

from sdebayes.analysis.moments import predictive_p_values
from sdebayes.posterior import claims
from sdebayes.posterior.claims import AGAINST, COUPLING, NONLINEARITY, NOT_ASKED, ORDER, RETURN, SUPPORTED
from sdebayes.reporting.blocks import Verdict
from sdebayes.reporting.material import Material
from sdebayes.reporting.wording import bracketed, number, percent, signed

GOOD_COVERAGE, FAIR_COVERAGE = 0.03, 0.06
MOMENT_CHANCE = 0.01
_ADVICE = {
    ORDER: "The order of the steps is not seen to foretell anything: read no dynamics.",
    RETURN: "A random walk behind noise foretells as well: do not read equilibria, fixed points or time constants.",
    COUPLING: "States by themselves foretell as well: do not read rotation or influence of one on another.",
    NONLINEARITY: "A linear drift foretells as well: do not read bends, several fixed points or basins.",
}


def fit(material: Material) -> list[Verdict]:
    """Judge the fit by its own checks."""
    return [Verdict(f.severity, f.subject, f.message, f.advice) for f in material.posterior.diagnosis()]


def gain(material: Material) -> Verdict:
    """Judge what held-out trajectories support: order, return to an equilibrium, coupling, nonlinearity."""
    table = material.table
    if table is None:
        return Verdict(
            "note",
            "Held-out score",
            f"not judged: fewer than two held-out {material.nouns} were given.",
            "Hold some out with sdebayes.split and pass them as test.",
        )
    return judged_claims(claims(table), table.sizes["trajectory"], material.nouns, material.step_noun)


def judged_claims(found: xr.Dataset, count: int, nouns: str, step: str) -> Verdict:
    """Judge what the scores of a model support, against all that it was compared with.

    Parameters
    ----------
    found
        As `sdebayes.claims` returns it.
    count
        Number of held-out trajectories.
    nouns, step
        What trajectories and a step are called.
    """
    verdict = found["verdict"].to_series()
    asked = [name for name in verdict.index if verdict[name] != NOT_ASKED]
    message = f"{'; '.join(_said(found.sel(claim=name)) for name in asked)}; nats per {step}, {count} held-out {nouns}."
    message = f"{message} {found.attrs['caution']}".strip()
    missing = [name for name in asked if verdict[name] != SUPPORTED]
    if verdict[ORDER] == AGAINST:
        advice = "Do not read the dynamics below; look at noise, trajectory effect and step."
        return Verdict("problem", "Held-out score", f"{message} Worse than a model without order.", advice)
    if missing:
        return Verdict("warning", "Held-out score", message, " ".join(_ADVICE[name] for name in missing))
    severity = "good" if count >= 3 and asked else "note"
    return Verdict(severity, "Held-out score", message)


def _said(claim: xr.Dataset) -> str:
    numbers = signed(float(claim["difference"])), bracketed(float(claim["lower"]), float(claim["upper"]), 2)
    return f"{claim['claim'].values} {claim['verdict'].values} ({' '.join(numbers)} over {claim['against'].values})"


def calibration(material: Material) -> Verdict:
    """Judge whether the 90 % forecast intervals held what came as often as they say."""
    found = material.coverage(0.9)
    count = found["count"].values
    share = float((found["coverage"].values * count).sum() / count.sum())
    off = abs(share - 0.9)
    severity = "good" if off <= GOOD_COVERAGE else "note" if off <= FAIR_COVERAGE else "warning"
    where = "held-out" if material.held_out else "training"
    message = f"90 % intervals of the one-step forecasts held {percent(share)} of the {where} values."
    advice = ""
    if severity != "good":
        advice = (
            "Look at the histogram: heavy tails or a shift in level between the texts are the usual reasons."
        )
    return Verdict(severity, "Calibration", message, advice)


def moments(material: Material) -> Verdict | None:
    """Judge whether the data's moments lie among those of simulated copies more rarely than chance lets them."""
    pooled = material.pooled_moments
    return None if pooled is None else judged_moments(pooled)


def judged_moments(pooled: xr.Dataset) -> Verdict:
    """Judge pooled moments; in one or two states chance alone is never rare enough to warn of."""
    tails = predictive_p_values(pooled)
    states = pooled.sizes["state"]
    found = {
        "mean": tails["mean"].values,
        "variance": np.diagonal(tails["covariance"].values),
        "skewness": tails["skewness"].values,
        "excess kurtosis": tails["kurtosis"].values,
    }
    outside = {name: int(np.sum(np.abs(tail - 0.5) > 0.45)) for name, tail in found.items()}
    few = 0.1**states > 0.5 * MOMENT_CHANCE
    strange = [
        name
        for name, count in outside.items()
        if count and (few or binom.sf(count - 1, states, 0.1) < MOMENT_CHANCE)
    ]
    if not strange:
        return Verdict(
            "good", "Moments", "those of simulated copies hold the data's about as often as they should."
        )
    words = ", ".join(f"{name} in {outside[name]} of {states} states" for name in strange)
    advice = "The process is no copy of the data in this respect: read tails, surprise and simulations of it with care."
    message = f"outside of what 90 % of simulated copies have: {words}."
    if few:
        return Verdict("note", "Moments", f"{message} Of so few states this may be chance.")
    return Verdict("warning", "Moments", message, advice)


def autocorrelation(data: float, shuffled: np.ndarray) -> Verdict:
    """Judge whether the data have any order at all."""
    low, high = float(shuffled.min()), float(shuffled.max())
    message = f"mean lag-1 autocorrelation {number(data)}; shuffled within, {number(low)} to {number(high)}."
    if data > high:
        return Verdict("good", "Order in the data", message)
    advice = "Without order in the data, drift and time constants describe noise."
    return Verdict("warning", "Order in the data", message, advice)
