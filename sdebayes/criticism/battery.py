"""All departures of data from a model at once, by the draws that were fitted to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float

from sdebayes.criticism.comparison import compare
from sdebayes.criticism.departures import FAMILY, Components, Statistic, flattened
from sdebayes.criticism.innovations import Judge, Judged, check_left
from sdebayes.criticism.standardisation import MOST_AT_ONCE

REPLICATES, FEWEST_REPLICATES = 399, 199
MANY_VALUES = 100_000
MOST_STEPS, MOST_VALUES = 20_000, 320_000
MOST_NUMBERS = 2e6
"""In an array of replicates: few enough that its memory is used again by the next. Their number is a power of two, to
which it is filled up where they are computed."""


@dataclass(frozen=True)
class Departure:
    """One question put to the data.

    Parameters
    ----------
    name
        A key of the family.
    p_value
        Of the largest of its components among the replicates.
    what
        The component that is farthest out, with the state where it is one's.
    own, lower, upper
        It in the data, mean over draws, and what 90 % of the replicates have.
    """

    name: str
    p_value: float
    what: str
    own: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Criticism:
    """What came of all questions.

    Parameters
    ----------
    departures
        One for each question that could be put.
    innovations
        Innovations of the data, mean over draws, (trajectory, time, observed), at the steps that were judged.
    predicted
        What was predicted for these steps, in the same form.
    """

    departures: tuple[Departure, ...]
    innovations: Float[np.ndarray, "trajectory time observed"]
    predicted: Float[np.ndarray, "trajectory time observed"]


def criticise(judge: Judge, states: list[str], seed: int = 0) -> Criticism:
    """Put all questions of the family to the data that a judge's draws were fitted to.

    Parameters
    ----------
    judge
        Draws and their training data.
    states
        Labels of the observed coordinates.
    seed
        Seed of the replicates.

    Raises
    ------
    ModelError
        If most replicates leave all bounds.

    Notes
    -----
    Each replicate is drawn from, and the data are judged by, the same draw: as parameters were fitted to the data, a
    right model is rejected more rarely than a p-value says (Gelman, Meng & Stern, 1996). Replicates are fewer where a
    filter is dear or values are many.
    """
    dear = judge.likelihood.approximate or judge.observations.values.size > MANY_VALUES
    count = FEWEST_REPLICATES if dear else REPLICATES
    block = (
        1 << int(np.clip(MOST_NUMBERS // judge.observations.values.size, 1, MOST_AT_ONCE)).bit_length() - 1
    )
    own: dict[str, list[Components]] = {name: [] for name in FAMILY}
    copies: dict[str, list[Components]] = {name: [] for name in FAMILY}
    white = np.zeros(judge.observations.values.shape)
    predicted = white.copy()
    left = 0
    seen = np.asarray(judge.observations.seen).any(axis=(0, 1))
    for replicated in judge.fitted_blocks(count, seed, block):
        if not len(replicated.values):
            continue
        left += len(replicated.values)
        for kept, judged in ((own, replicated.own), (copies, replicated.copies)):
            known = judged if seen.all() else _of_seen(judged, seen)
            for name, statistic in FAMILY.items():
                kept[name].append(_components(statistic, known))
        white += replicated.own.white.sum(axis=0)
        predicted += replicated.own.predicted.sum(axis=0)
    check_left(left, count)
    labels = [label for label, here in zip(states, seen, strict=True) if here]
    questions = [name for name in FAMILY if own[name][0]]
    found = tuple(_departure(name, own[name], copies[name], labels) for name in questions)
    return Criticism(found, white / left, predicted / left)


def excerpt(data: xr.Dataset) -> xr.Dataset:
    """Return as much of the data as can be judged in a short time: evenly chosen trajectories, or one's beginning."""
    trajectories, steps = data.sizes["trajectory"], data.sizes["time"]
    most = min(MOST_STEPS, MOST_VALUES // data.sizes["state"])
    if trajectories * steps <= most:
        return data
    if steps > most:
        data = data.isel(time=slice(most))
        data = data.assign(n_steps=np.minimum(data["n_steps"], most))
    kept = max(1, most // data.sizes["time"])
    return data.isel(trajectory=np.floor(np.arange(kept) * (trajectories / kept)).astype(int))


def adjusted(p_values: Float[np.ndarray, " question"]) -> Float[np.ndarray, " question"]:
    """Return p-values such that one below α among all of them comes by chance with probability α at most.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 65–70.
    """
    order = np.argsort(p_values)
    stepwise = np.maximum.accumulate(p_values[order] * np.arange(p_values.size, 0, -1))
    found = np.empty(p_values.size)
    found[order] = np.minimum(stepwise, 1.0)
    return found


def _of_seen(judged: Judged, seen: np.ndarray) -> Judged:
    """Return the coordinates that are observed anywhere."""
    values, white, predicted = (part[..., seen] for part in judged[:3])
    return Judged(values, white, predicted, judged.times)


def _components(statistic: Statistic, judged: Judged) -> Components:
    found = statistic(judged)
    return {name: np.broadcast_to(part, (len(judged.white), part.shape[1])) for name, part in found.items()}


def _departure(name: str, own: list[Components], copies: list[Components], labels: list[str]) -> Departure:
    _, data = flattened(_joined(own), labels)
    names, replicated = flattened(_joined(copies), labels)
    outcome = compare(data, replicated)
    spread = replicated.std(axis=0)
    far = (data.mean(axis=0) - replicated.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
    k = int(far.argmax())
    lower, upper = np.quantile(replicated[:, k], [0.05, 0.95])
    return Departure(name, outcome.p_value, names[k], float(data[:, k].mean()), float(lower), float(upper))


def _joined(parts: list[Components]) -> Components:
    """Put blocks one after another."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
