"""Findings about the model: where the data that it was fitted to speak against it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.errors import ModelError
from sdebayes.criticism.battery import Criticism, Departure, adjusted, criticise, excerpt
from sdebayes.criticism.copies import copied, repeated
from sdebayes.criticism.innovations import Judge
from sdebayes.criticism.walk import directions_of_return
from sdebayes.inference.findings import Finding, Severity
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior.advice import ADVICE, MEANINGS

if TYPE_CHECKING:
    from sdebayes.posterior.posterior import Posterior

ALPHA = 0.05
WALKS = 399
FEW_TRAJECTORIES = 5
MOST_REPEATS = 0.01
ROOTS = ("Outliers", "First state")
_NAMED = 3


def model_findings(posterior: Posterior) -> list[Finding]:
    """Judge the model by its training data.

    Parameters
    ----------
    posterior
        The fit.

    Returns
    -------
    list
        Findings about the data themselves, about each question of `sdebayes.criticism`, and about a return to an
        equilibrium. A p-value is a warning only if it is below 5 % after Holm's adjustment for all questions together.
    """
    data = posterior.training_data()
    judged = excerpt(data)
    findings = [
        *_copies(data),
        *_repeats(data),
        *_effect(posterior.model, data),
        *_groups(posterior.model, data),
        *_excerpted(judged, data),
    ]
    try:
        judge = Judge.of(posterior, judged)
        criticism = criticise(judge, [str(label) for label in data["state"].values])
    except ModelError as error:
        return [*findings, Finding("Fit to the data", "note", f"not judged: {error}")]
    level = adjusted(np.array([departure.p_value for departure in criticism.departures]))
    first = findings[0].subject if findings and findings[0].subject == "Duplicates" else ""
    for departure, p in zip(criticism.departures, level, strict=True):
        found = _departed(departure, float(p), criticism, judge, judged, posterior.model)
        if first and found.severity == "warning":
            found = replace(
                found, advice=f"It may follow from this one: {first}; mend that first. {found.advice}"
            )
        elif found.severity == "warning" and departure.name in ROOTS:
            first = departure.name
        findings.append(found)
    return [*findings, _return(judge)]


def _departed(
    departure: Departure, level: float, criticism: Criticism, judge: Judge, data: xr.Dataset, model: SDEModel
) -> Finding:
    p = departure.p_value
    severity: Severity = "warning" if level <= ALPHA else "note" if p <= ALPHA else "not rejected"
    values = {"p_value": p, "adjusted_p_value": level}
    if severity == "not rejected":
        return Finding(departure.name, severity, f"p = {p:.2g}.", values=values)
    numbers = (
        f"{departure.what} is {departure.own:.3g}, of 90 % of replicates {departure.lower:.3g} to "
        f"{departure.upper:.3g} (p = {p:.2g}"
    )
    chance = ")." if severity == "warning" else "; among so many questions this may be chance)."
    places = f" Largest: {_places(criticism, judge, data)}." if departure.name == "Outliers" else ""
    message = f"{MEANINGS[departure.name]}: {numbers}{chance}{places}"
    return Finding(departure.name, severity, message, ADVICE[departure.name](model), values)


def _places(criticism: Criticism, judge: Judge, data: xr.Dataset) -> str:
    """Name trajectory, time and state of the largest innovations."""
    white = criticism.innovations
    size = np.nan_to_num(np.abs(white))
    largest = np.argsort(size, axis=None)[::-1][:_NAMED]
    found = []
    for i, k, j in zip(*np.unravel_index(largest, size.shape), strict=True):
        if size[i, k, j] < size.max() / 2:
            continue
        value, time = judge.observations.values[i, k, j], judge.observations.times[i, k]
        found.append(
            f"{data['state'].values[j]} of {data['trajectory'].values[i]} at t = {time:g}, {value:.4g} where "
            f"{criticism.predicted[i, k, j]:.3g} was predicted"
        )
    return "; ".join(found)


def _return(judge: Judge) -> Finding:
    """Judge whether the data tell the process from a random walk seen through noise."""
    name = "Return to an equilibrium"
    try:
        directions = directions_of_return(judge, WALKS, seed=0)
    except ModelError as error:
        return Finding(name, "note", f"not judged: {error}")
    level = adjusted(np.array([direction.outcome.p_value for direction in directions]))
    values = {"p_value": float(level.max())}
    open_ = [direction.name for direction, p in zip(directions, level, strict=True) if p > ALPHA]
    if not open_:
        said = f"a random walk with the same noise is rejected in every direction (largest p = {level.max():.2g})."
        return Finding(name, "good", said, values=values)
    return Finding(
        name,
        "warning",
        f"not told from a random walk seen through noise in {_listed(open_, len(directions))} "
        f"(p = {level.max():.2g}): the data do not say that the process comes back, and slow time constants, "
        "stationary variances and equilibria are the prior's.",
        "Use longer trajectories; read time constants beside their prior, and compare with the random walk "
        "(sdebayes.compare).",
        values,
    )


def _listed(names: list[str], of: int) -> str:
    if len(names) == of:
        return "any direction" if of > 1 else "the one direction there is"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _copies(data: xr.Dataset) -> list[Finding]:
    """Report trajectories that occur more than once."""
    pairs = copied(data["y"].values)
    if not pairs:
        return []
    names = data["trajectory"].values
    told = "; ".join(f"{names[j]} and {names[i]}" for i, j in pairs[:_NAMED])
    more = f" and {len(pairs) - _NAMED} more pairs" if len(pairs) > _NAMED else ""
    return [
        Finding(
            "Duplicates",
            "warning",
            f"trajectories share most of their steps: {told}{more}. They were counted as independent, so intervals are "
            "too narrow.",
            "Keep each stretch once.",
            {"pairs": float(len(pairs))},
        )
    ]


def _repeats(data: xr.Dataset) -> list[Finding]:
    """Report steps that repeat others, as sentences do that a text says twice."""
    repeats, steps = repeated(data["y"].values)
    if not repeats:
        return []
    said = (
        f"{repeats} of {steps} steps are, to the last digit, an earlier step of their trajectory, as no path of an SDE "
        "is: a variance can shrink around them, and the log score grow without saying anything of the other steps."
    )
    severity: Severity = "warning" if repeats > MOST_REPEATS * steps else "note"
    advice = "Leave repeats out, such as sentences that a text has said before, and compare scores."
    return [Finding("Repeated steps", severity, said, advice, {"repeats": float(repeats)})]


def _excerpted(judged: xr.Dataset, data: xr.Dataset) -> list[Finding]:
    """Say how much of the data were judged, if not all."""
    used, steps = int(judged["n_steps"].sum()), int(data["n_steps"].sum())
    if used == steps:
        return []
    said = f"judged on {used:,} of {steps:,} steps, so that single outliers elsewhere are not seen."
    advice = "sdebayes.analysis.process judges any part of the data that it is given."
    return [Finding("Part of the data", "note", said, advice, {"steps": float(used)})]


def _effect(model: SDEModel, data: xr.Dataset) -> list[Finding]:
    """Say where there are too few trajectories to learn how far apart their levels are."""
    count = data.sizes["trajectory"]
    if not model.observation.trajectory_effect or count >= FEW_TRAJECTORIES:
        return []
    severity: Severity = "warning" if count == 1 else "note"
    said = (
        "cannot be learned from one trajectory"
        if count == 1
        else f"is hardly learned from {count} trajectories"
    )
    return [
        Finding(
            "Trajectory effect",
            severity,
            f"the variance of the trajectory effect {said}: what is said of it is the prior's.",
            "Use GaussianNoise(trajectory_effect=False), or more trajectories.",
            {"trajectories": float(count)},
        )
    ]


def _groups(model: SDEModel, data: xr.Dataset) -> list[Finding]:
    """Say which groups have one trajectory alone."""
    if model.pooling is None:
        return []
    names, counts = np.unique(data["group"].values, return_counts=True)
    alone = [str(name) for name, count in zip(names, counts, strict=True) if count == 1]
    if not alone:
        return []
    return [
        Finding(
            "Groups",
            "warning",
            f"{', '.join(map(repr, alone))} has one trajectory each: what is its group's cannot be told from what is "
            "that trajectory's own.",
            "Use more trajectories of these groups, or join them with others; do not read their differences as those "
            "of groups.",
            {"groups_of_one": float(len(alone))},
        )
    ]
