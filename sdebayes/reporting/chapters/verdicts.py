"""The judgements that the summary repeats from the chapters."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr
from scipy.stats import binom

from sdebayes.analysis.moments import predictive_p_values
from sdebayes.inference.findings import SEVERITIES, Findings
from sdebayes.posterior import claims
from sdebayes.posterior.claims import AGAINST, COUPLING, NONLINEARITY, NOT_ASKED, ORDER, RETURN, SUPPORTED
from sdebayes.reporting.blocks import Block, Paragraph, Verdict, Verdicts
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.wording import bracketed, listed, number, percent, signed, significant

GOOD_COVERAGE, FAIR_COVERAGE = 0.03, 0.06
MOMENT_CHANCE = 0.01
DOUBTS = ("problem", "warning")
_ADVICE = {
    ORDER: "The order of the steps is not seen to predict anything: read no dynamics.",
    RETURN: "A random walk behind noise predicts as well: do not read equilibria, fixed points or time constants.",
    COUPLING: "States by themselves predict as well: do not read rotation or influence of one on another.",
    NONLINEARITY: "A linear drift predicts as well: do not read curvature, several fixed points or basins.",
}


def fit(context: ReportContext) -> list[Verdict]:
    """Judge the fit by its own checks."""
    return of_findings(context.findings)


def of_findings(findings: Findings) -> list[Verdict]:
    """Write findings as verdicts, the worst first."""
    return [Verdict(f.severity, f.subject, f.message, f.advice) for f in findings]


def worst_first(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Sort verdicts by severity, those of the same in their order."""
    order = [str(severity) for severity in SEVERITIES]
    return sorted(verdicts, key=lambda verdict: order.index(verdict.severity))


def caveats(findings: Findings) -> list[Block]:
    """Say before figures of drift and diffusion what must be known to read them; nothing if all is well."""
    found = [verdict for verdict in of_findings(findings) if verdict.severity in DOUBTS]
    return [Verdicts(found)] if found else []


def reminder(findings: Findings) -> list[Block]:
    """Name before later figures what was said in full before the first."""
    names = [verdict.subject for verdict in of_findings(findings) if verdict.severity in DOUBTS]
    if not names:
        return []
    return [Paragraph(f"What the checks of the fit warn of concerns these numbers too: {listed(names)}.")]


def gain(context: ReportContext) -> Verdict:
    """Judge what held-out trajectories support: order, return to an equilibrium, coupling, nonlinearity."""
    table = context.table
    if table is None:
        return Verdict(
            "note",
            "Held-out score",
            f"not judged: fewer than two held-out {context.nouns} were given.",
            "Hold some out with sdebayes.split and pass them as test.",
        )
    return judged_claims(claims(table), table.sizes["trajectory"], context.nouns, context.step_noun)


def worth(context: ReportContext) -> list[Block]:
    """Say what the nats per step of order mean; nothing where it was not asked for."""
    if context.table is None:
        return []
    order = claims(context.table).sel(claim=ORDER)
    return [] if str(order["verdict"].values) == NOT_ASKED else [Paragraph(meaning(order, context.step_noun))]


def meaning(order: xr.Dataset, step: str) -> str:
    """Say a gain in nats per step as a ratio of probabilities."""
    nats = [float(order[name]) for name in ("difference", "lower", "upper")]
    factor, low, high = (_times(float(np.exp(value))) for value in nats)
    return (
        f"What {signed(nats[0])} nats per {step} mean: a held-out {step} is, on the geometric mean, {factor} times as "
        f"probable as under {order['against'].values}, which knows no order (95 % interval {low} to {high})."
    )


def _times(factor: float) -> str:
    return number(factor) if factor < 100 else significant(factor, 2)


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
    if not asked:
        why = found.attrs["not_asked"] or "not judged: no row stands beside this one that it could beat."
        return Verdict("note", "Held-out score", why)
    message = f"{'; '.join(_said(found.sel(claim=name)) for name in asked)}; nats per {step}, {count} held-out {nouns}."
    message = " ".join(filter(None, (message, found.attrs["not_asked"], found.attrs["caution"])))
    missing = [name for name in asked if verdict[name] != SUPPORTED]
    if verdict[ORDER] == AGAINST:
        advice = "Do not read the dynamics below; look at noise, trajectory effect and step."
        return Verdict("problem", "Held-out score", f"{message} Worse than a model without order.", advice)
    if missing:
        return Verdict("warning", "Held-out score", message, " ".join(_ADVICE[name] for name in missing))
    severity = "good" if count >= 3 and ORDER in asked else "note"
    return Verdict(severity, "Held-out score", message)


def _said(claim: xr.Dataset) -> str:
    numbers = signed(float(claim["difference"])), bracketed(float(claim["lower"]), float(claim["upper"]), 2)
    return f"{claim['claim'].values} {claim['verdict'].values} ({' '.join(numbers)} over {claim['against'].values})"


def calibration(context: ReportContext) -> Verdict:
    """Judge whether the 90 % forecast intervals held what came as often as they say."""
    found = context.coverage(0.9)
    count = found["count"].values
    share = float((found["coverage"].values * count).sum() / count.sum())
    off = abs(share - 0.9)
    best = "good" if context.held_out else "not rejected"
    severity = best if off <= GOOD_COVERAGE else "note" if off <= FAIR_COVERAGE else "warning"
    where = "held-out values" if context.held_out else "training values, which flatter"
    message = f"90 % intervals of the one-step forecasts held {percent(share)} of the {where}."
    advice = ""
    if severity != best:
        advice = (
            "Look at the histogram: heavy tails or a shift in level between the texts are the usual reasons."
        )
    return Verdict(severity, "Calibration", message, advice)


def moments(context: ReportContext) -> Verdict | None:
    """Judge whether the data's moments lie among those of simulated copies more rarely than chance lets them."""
    pooled = context.pooled_moments
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
    found = {name: tail[np.isfinite(tail)] for name, tail in found.items()}
    outside = {name: int(np.sum(np.abs(tail - 0.5) > 0.45)) for name, tail in found.items()}
    few = 0.1**states > 0.5 * MOMENT_CHANCE
    strange = [
        name
        for name, count in outside.items()
        if count and (few or binom.sf(count - 1, found[name].size, 0.1) < MOMENT_CHANCE)
    ]
    if not strange:
        return Verdict(
            "not rejected",
            "Moments",
            "the data's lie among those of simulated copies as often as they should.",
        )
    words = ", ".join(f"{name} in {outside[name]} of {found[name].size} states" for name in strange)
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
