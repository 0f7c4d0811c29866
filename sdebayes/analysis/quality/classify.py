"""Which of two groups a trajectory is from, and by what: place, level or order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import CountFromTwo, Probability, Seed, Trajectories
from sdebayes._core.units import with_units
from sdebayes.analysis.quality.examined import log_mean
from sdebayes.criticism.conditionals import totals
from sdebayes.criticism.innovations import Judge
from sdebayes.inference import AbstractStrategy, Laplace
from sdebayes.inference.drawing import draw
from sdebayes.inference.nulls import IID, IIDDocumentEffect
from sdebayes.model.sdemodel import SDEModel

PARTS = ("place", "level", "order", "total", "total per step", "length")
_RESAMPLES = 2000


@checked
def classify(
    groups: Mapping[str, Trajectories],
    model: SDEModel,
    strategy: AbstractStrategy | None = None,
    folds: CountFromTwo = 5,
    seed: Seed = 0,
    *,
    prob: Probability = 0.95,
) -> xr.Dataset:
    r"""Tell two groups apart by likelihood ratios, cross-fitted over documents.

    Each document is scored by a fit to the first group and one to the second, neither of which has seen it, and so by
    the nulls. The log ratio is divided exactly,

    .. math::
        \log \frac{p_1(y)}{p_2(y)} = \underbrace{ΔS_{\mathrm{iid}}}_{\mathrm{place}}
        + \underbrace{Δ(S_{\mathrm{iid + effect}} - S_{\mathrm{iid}})}_{\mathrm{level}}
        + \underbrace{Δ(S_{\mathrm{model}} - S_{\mathrm{iid + effect}})}_{\mathrm{order}},

    into where the steps lie, what documents have in common with themselves, and how steps follow one another.

    Parameters
    ----------
    groups
        Two names, each with trajectories of one state space.
    model
        The model of either group; prior constants are frozen at the scale of both groups' training documents.
    strategy
        How to fit; ``Laplace()`` by default.
    folds
        Number of folds of each group's documents.
    seed
        Seed of folds, fits and bootstrap.
    prob
        Probability of the intervals.

    Returns
    -------
    xarray.Dataset
        ``log_ratio`` (trajectory, part) in nats, above zero for the first group, with the coord ``group``; ``auc``
        (part,), how often a document of the first group is above one of the second, with its bootstrap interval over
        documents ``lower`` and ``upper``. Beside the three parts and their ``total`` stand the total per step, and the
        length alone, in steps: where that tells groups apart, so does the total, without telling how texts move.

    Raises
    ------
    DataError
        If there are not two groups, their states differ, or one has fewer documents than folds.
    ModelError, InferenceError
        If a fit fails.
    """
    _check(groups, folds)
    strategy = Laplace() if strategy is None else strategy
    rng = np.random.default_rng(seed)
    fold = {name: rng.permutation(data.sizes["trajectory"]) % folds for name, data in groups.items()}
    ratios = {name: np.full((data.sizes["trajectory"], len(PARTS)), np.nan) for name, data in groups.items()}
    for number in range(folds):
        training = {name: data.isel(trajectory=fold[name] != number) for name, data in groups.items()}
        test = {name: data.isel(trajectory=fold[name] == number) for name, data in groups.items()}
        scaled = model.scaled_to(_united(training))
        first, second = (
            _scores(scaled, training[name], test, strategy, seed + 2 * number + place)
            for place, name in enumerate(groups)
        )
        for name in groups:
            ratios[name][fold[name] == number] = _parts(first[name] - second[name], test[name])
    return _labelled(groups, ratios, rng, prob).assign_attrs(folds=folds, seed=seed, strategy=repr(strategy))


def _check(groups: Mapping[str, xr.Dataset], folds: int) -> None:
    if len(groups) != 2:
        raise DataError(f"classify tells two groups apart and got {len(groups)}; give two.")
    first, second = groups.values()
    if any(data["y"].dims[-1] != "state" for data in groups.values()):
        raise DataError("classify: transform embeddings to states first, with one space for both groups.")
    same = list(first["state"].values) == list(second["state"].values)
    if not same or first.attrs.get("space_hash") != second.attrs.get("space_hash"):
        raise DataError("classify: the groups are in different state spaces; transform both with one space.")
    for name, data in groups.items():
        if data.sizes["trajectory"] < folds:
            raise DataError(
                f"classify: {name!r} has {data.sizes['trajectory']} documents, fewer than {folds} folds; take fewer."
            )


def _united(parts: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Put the trajectories of all groups into one data set, whose scale is read."""
    renamed = [
        data.drop_vars([one for one in ("text", "group") if one in data.variables]).assign_coords(
            trajectory=[f"{name}: {own}" for own in data["trajectory"].values]
        )
        for name, data in parts.items()
    ]
    kept = set.intersection(*({str(one) for one in data.variables} for data in renamed))
    shared = [data.drop_vars([one for one in data.variables if str(one) not in kept]) for data in renamed]
    joined: xr.Dataset = xr.concat(
        shared, "trajectory", data_vars="minimal", coords="minimal", compat="override", join="outer"
    )
    return joined


def _scores(
    model: SDEModel,
    training: xr.Dataset,
    test: Mapping[str, xr.Dataset],
    strategy: AbstractStrategy,
    seed: int,
) -> dict[str, np.ndarray]:
    """Score held-out documents of both groups by nulls and model of one, (trajectory, 3)."""
    source = draw(model, training, strategy, seed)
    nulls = [null.fit(training) for null in (IID(), IIDDocumentEffect())]
    return {
        name: np.stack(
            [
                *(null.log_score(data).values for null in nulls),
                log_mean(totals(Judge(source, model.likelihood, model.read(data)))),
            ],
            axis=1,
        )
        for name, data in test.items()
    }


def _parts(difference: np.ndarray, data: xr.Dataset) -> np.ndarray:
    """Divide differences of scores, (trajectory, 3), into the parts."""
    steps = data["y"].notnull().any("state").sum("time").values
    iid, effect, model = difference.T
    return np.stack([iid, effect - iid, model - effect, model, model / steps, steps], axis=1)


def _labelled(
    groups: Mapping[str, xr.Dataset], ratios: dict[str, np.ndarray], rng: np.random.Generator, prob: float
) -> xr.Dataset:
    first, second = ratios.values()
    drawn = np.array(
        [
            auc(*(one[rng.integers(len(one), size=len(one))] for one in (first, second)))
            for _ in range(_RESAMPLES)
        ]
    )
    low, high = np.quantile(drawn, [(1 - prob) / 2, (1 + prob) / 2], axis=0)
    names = [str(own) for data in groups.values() for own in data["trajectory"].values]
    labels = [name for name, data in groups.items() for _ in range(data.sizes["trajectory"])]
    return with_units(
        xr.Dataset(
            {
                "log_ratio": (("trajectory", "part"), np.concatenate([first, second])),
                "auc": ("part", auc(first, second)),
                "lower": ("part", low),
                "upper": ("part", high),
            },
            {"trajectory": names, "group": ("trajectory", labels), "part": list(PARTS)},
            {"first": next(iter(groups)), "prob": prob},
        ),
        log_ratio="nat",
    )


def auc(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return how often a row of the first is above one of the second, ties being one half, for each column."""
    gain = np.sign(first[:, None] - second[None])
    share: np.ndarray = 0.5 * (1 + gain.mean((0, 1)))
    return share
