"""Whether a model tells a text from the same steps in another order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Probability, Seed, Trajectories
from sdebayes.analysis.quality.examined import log_mean
from sdebayes.analysis.quality.reading import in_space
from sdebayes.criticism.conditionals import totals
from sdebayes.criticism.innovations import Judge
from sdebayes.data import shuffle
from sdebayes.data.validation import feature_dim
from sdebayes.simulation.source import SourceLike

TASKS: dict[str, dict[str, Any]] = {
    "steps shuffled": {"block": 1},
    "blocks of 2 shuffled": {"block": 2},
    "blocks of 5 shuffled": {"block": 5},
    "neighbours swapped": {"neighbours": True},
    "reversed": {"reverse": True},
}
_RESAMPLES = 2000
_ROUNDING = 1e-9


@checked
def order_tasks(
    posterior: SourceLike,
    data: Trajectories,
    seed: Seed = 0,
    *,
    shuffles: Count = 10,
    prob: Probability = 0.95,
    samples: Count | None = None,
) -> xr.Dataset:
    """Say how often the true order of a trajectory scores above a changed one, beside the cosine of neighbours.

    Parameters
    ----------
    posterior
        A posterior, or a known `sdebayes.dynamics.ObservedSDE`.
    data
        Held-out trajectories in the state space of the posterior, or embeddings by its encoder, whose cosines are then
        those of the embeddings.
    seed
        Seed of the changes and of the bootstrap.
    shuffles
        Changed orders of each trajectory and task, but reversal, of which there is one.
    prob
        Probability of the intervals.
    samples
        At most so many draws, evenly spread; None takes all.

    Returns
    -------
    xarray.Dataset
        ``accuracy`` (task, scorer), the share of trajectories whose true order scores higher, mean over changed orders,
        a tie counting one half; ``lower`` and ``upper``, its bootstrap interval over trajectories;
        ``right`` (task, scorer, trajectory), each one's own share, NaN where a change leaves everything as it is; and
        ``count`` (task,) of trajectories that it does not. The scorers are the model's log score, and the mean cosine
        of neighbouring steps, plain and centred on the mean of the data. A model without order is right in one half.

    Raises
    ------
    DataError
        If data are not valid, or too short for every change.
    StateSpaceError, ModelError
        As `surprise`.

    See Also
    --------
    sdebayes.analysis.quality.coherence : What order is worth.
    sdebayes.plots.quality.order_tasks : Draws it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.quality.order_tasks(posterior, test, shuffles=2)
    >>> found["task"].values.tolist()
    ['steps shuffled', 'blocks of 2 shuffled', 'blocks of 5 shuffled', 'neighbours swapped', 'reversed']
    >>> found["scorer"].values.tolist()
    ['model', 'cosine', 'cosine, centred']
    """
    states = in_space(posterior, data)
    middle = np.nanmean(data["y"].values, axis=(0, 1))
    scorers: dict[str, Callable[[xr.Dataset], np.ndarray]] = {
        "model": lambda one: log_mean(totals(Judge.of(posterior, in_space(posterior, one)), samples)),
        "cosine": lambda one: neighbour_cosine(one["y"].values),
        "cosine, centred": lambda one: neighbour_cosine(one["y"].values - middle),
    }
    true = {name: score(data) for name, score in scorers.items()}
    right = np.full((len(TASKS), len(scorers), states.sizes["trajectory"]), np.nan)
    for place, (task, how) in enumerate(TASKS.items()):
        changes = [
            shuffle(data, seed + number, **how) for number in range(1 if task == "reversed" else shuffles)
        ]
        moved = np.array([_moved(data, one) for one in changes])
        for row, (name, score) in enumerate(scorers.items()):
            share = np.where(moved, _above(true[name], np.array([score(one) for one in changes])), 0.0).sum(0)
            right[place, row] = np.divide(
                share, moved.sum(0), out=np.full(share.shape, np.nan), where=moved.any(0)
            )
    found = _summarized(right, list(scorers), states, seed, prob)
    return found.assign_attrs(cosine_of=f"{feature_dim(data)}s")


def _moved(data: xr.Dataset, other: xr.Dataset) -> np.ndarray:
    """Whether a changed order differs from the true one, (trajectory,)."""
    a, b = (np.nan_to_num(one["y"].values) for one in (data, other))
    differs: np.ndarray = (a != b).any(axis=(1, 2))
    return differs


def _above(own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return 1 where a score is above another, 0 where it is below, and ½ where they differ by rounding alone."""
    gain = own - others
    above: np.ndarray = 0.5 * (1 + np.sign(np.where(np.abs(gain) > _ROUNDING * np.abs(own), gain, 0.0)))
    return above


def neighbour_cosine(values: np.ndarray) -> np.ndarray:
    """Return the mean cosine of neighbouring steps of each trajectory, of values (trajectory, time, feature)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = values / np.linalg.norm(values, axis=-1, keepdims=True)
    cosine = (unit[:, 1:] * unit[:, :-1]).sum(-1)
    known = np.isfinite(cosine)
    total, count = np.where(known, cosine, 0.0).sum(1), known.sum(1)
    return np.divide(total, count, out=np.zeros(total.shape), where=count > 0)


def _summarized(
    right: np.ndarray, scorers: list[str], states: xr.Dataset, seed: int, prob: float
) -> xr.Dataset:
    count = np.isfinite(right[:, 0]).sum(-1)
    if not count.all():
        raise DataError(
            f"order_tasks: no trajectory is long enough for {list(TASKS)[int(np.argmin(count))]!r}; give longer ones."
        )
    rng = np.random.default_rng(seed)
    rows = rng.integers(right.shape[-1], size=(_RESAMPLES, right.shape[-1]))
    with np.errstate(invalid="ignore"):
        drawn = np.array([np.nanmean(right[..., own], axis=-1) for own in rows])
    low, high = np.nanquantile(drawn, [(1 - prob) / 2, (1 + prob) / 2], axis=0)
    dims = ("task", "scorer")
    return xr.Dataset(
        {
            "accuracy": (dims, np.nanmean(right, axis=-1)),
            "lower": (dims, low),
            "upper": (dims, high),
            "right": ((*dims, "trajectory"), right),
            "count": ("task", count),
        },
        {"task": list(TASKS), "scorer": scorers, "trajectory": states["trajectory"].values},
        {"seed": seed, "prob": prob},
    )
