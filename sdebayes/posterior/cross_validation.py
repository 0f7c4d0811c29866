"""Compare models by the log score of every trajectory, each held out once."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.kinds import Count, PathLike, Seed
from sdebayes._core.precision import Precision
from sdebayes._core.tasks import FROM_CHECKPOINT, NO_CHECKPOINT, each
from sdebayes.data.container import feature_dim
from sdebayes.data.reduce import PCA
from sdebayes.data.time_lagged import TICA
from sdebayes.data.validation import validate
from sdebayes.inference import NUTS, AbstractStrategy
from sdebayes.inference import nulls as null_models
from sdebayes.inference.archive import Archive, held
from sdebayes.inference.progress import progress_bars
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior import serialization
from sdebayes.posterior.candidates import columns, nulls_beside
from sdebayes.posterior.compare import score_table
from sdebayes.posterior.diagnosis import findings_of_computation
from sdebayes.posterior.fit import data_hash, fit


@checked
def cross_validate(
    models: Mapping[str, SDEModel],
    data: xr.Dataset,
    strategy: AbstractStrategy | None = None,
    folds: Count = 5,
    seed: Seed = 0,
    *,
    projection: PCA | TICA | None = None,
    nulls: bool = True,
    baseline: str | None = None,
    precision: Precision = "float64",
    progress: bool | None = None,
    checkpoint: PathLike | None = None,
) -> xr.Dataset:
    r"""Compare models by k-fold cross-validation over trajectories: each is scored by fits that have not seen it.

    Trajectories are dealt to folds at random, those of each group evenly; each fold in turn is held out, and every
    model and null is fitted to the others.

    Parameters
    ----------
    models
        A model for each name, none of them scaled to data: what a prior takes from the data is of the training folds.
    data
        States; or embeddings, with a projection.
    strategy
        How to fit; ``NUTS()`` by default.
    folds
        How many, from 2 to as many as there are trajectories; as many as there are leave one out at a time.
    seed
        Of the folds and of every fit.
    projection
        Fitted to the embeddings of the training folds. Without it the states are taken as they are, and a space that
        was fitted to all trajectories has seen the held-out ones.
    nulls, baseline
        As in `sdebayes.compare`.
    precision, progress
        As in `sdebayes.fit`; the progress bar counts folds.
    checkpoint
        A folder that keeps the scores of finished folds, each as it comes; the same call goes on from there.

    Returns
    -------
    xr.Dataset
        As `sdebayes.compare` returns it, of all trajectories, which `sdebayes.claims` and the figures of scores read;
        besides ``fold`` (trajectory) and ``converged`` (candidate, fold): whether the strategy has no problem with the
        draws of that fit. ``attrs["caution"]`` says so where some have one.

    Raises
    ------
    ModelError
        If there is no model, one is scaled already, or the baseline is no row.
    DataError
        If the data are not valid, are embeddings without a projection or states with one, or there are fewer
        trajectories than folds.
    InferenceError
        If a fit finds no point with a finite density.
    StoreError
        If the checkpoint cannot be used.
    ClusterError
        If folds are fitted on a cluster that is lost, or whose workers die of one or have another version of the
        package.

    See Also
    --------
    sdebayes.compare : Compares by one set of held-out trajectories.
    sdebayes.claims : Says what the table supports.

    Notes
    -----
    Each fold is a task of the Dask scheduler that is active, if one is: the result is the same.

    Intervals are those of `sdebayes.compare`, over trajectories as if their scores were independent. Scores of
    different folds come from fits that share most of their data, which the intervals do not hold: no estimate from the
    folds themselves could (Bengio & Grandvalet 2004, https://www.jmlr.org/papers/v5/grandvalet04a.html).

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> models = {"linear": sb.SDEModel()}
    >>> table = sb.cross_validate(models, data, sb.Laplace(draws=50), folds=2, nulls=False)
    >>> dict(table["log_score"].sizes)
    {'candidate': 1, 'trajectory': 12}
    >>> np.bincount(table["fold"])
    array([6, 6])
    """
    strategy = NUTS() if strategy is None else strategy
    shown = sys.stderr.isatty() if progress is None else progress
    work = _Work(models, data, strategy, folds, seed, projection, nulls, precision)
    baseline = baseline or (null_models.IIDDocumentEffect.name if nulls else next(iter(models), ""))
    _check(work, baseline)
    with held(checkpoint):
        found = _run(work, None if checkpoint is None else work.archive(checkpoint), shown)
    converged = np.array([one["converged"] for one in found]).T
    table = score_table(_rows(work, found), baseline).assign_coords(
        fold=("trajectory", work.number),
        **columns(((model, False) for model in models.values()), len(work.null_names)),
    )
    failed = int((~converged).sum())
    if failed:
        said = f"{failed} of {len(models) * folds} fits have a problem with their draws: see `converged`."
        table.attrs["caution"] = " ".join(filter(None, (said, table.attrs["caution"])))
    return table.assign(converged=(("candidate", "fold"), converged))


@dataclass(frozen=True)
class _Work:
    """What is fitted, and how."""

    models: Mapping[str, SDEModel]
    data: xr.Dataset
    strategy: AbstractStrategy
    folds: int
    seed: int
    projection: PCA | TICA | None
    nulls: bool
    precision: Precision

    @cached_property
    def number(self) -> np.ndarray:
        """The fold of each trajectory: those of each group are dealt in turn, in random order."""
        order = np.random.default_rng(self.seed).permutation(self.data.sizes["trajectory"])
        if "group" in self.data.coords:
            order = order[np.argsort(self.data["group"].values[order], kind="stable")]
        number = np.empty(len(order), dtype=int)
        number[order] = np.arange(len(order)) % self.folds
        return number

    @property
    def null_names(self) -> tuple[str, ...]:
        """The nulls that are rows."""
        return null_models.NAMES if self.nulls else ()

    def archive(self, folder: PathLike) -> Archive:
        """Open what is kept of finished folds."""
        serialization.check_known_again(self.strategy)
        models = {name: serialization.described(model, self.strategy) for name, model in self.models.items()}
        covariates = sorted({name for model in self.models.values() for name in model.covariates})
        said = (
            models,
            data_hash(self.data, covariates),
            self.folds,
            self.seed,
            repr(self.projection),
            self.nulls,
        )
        return Archive(folder, repr((*said, self.precision)), "comparison (models, data or another argument)")


def _fold(work: _Work, fold: int) -> dict[str, np.ndarray]:
    """Fit all to the other folds' trajectories and score those of one, (candidate, trajectory)."""
    held_out = work.number == fold
    train, test = work.data.isel(trajectory=~held_out), work.data.isel(trajectory=held_out)
    if work.projection is not None:
        space = work.projection.fit(train)
        train, test = space.transform(train), space.transform(test)
    scores, converged = [], []
    for model in work.models.values():
        posterior = fit(model, train, work.strategy, work.seed, precision=work.precision, progress=False)
        scores.append(posterior.log_score(test))
        computation = findings_of_computation(posterior.model, posterior.data)
        converged.append(all(one.severity != "problem" for one in computation))
    if work.nulls:
        known = null_models.fit(train, nulls_beside(work.models.values()))
        scores += [known[name].log_score(test) for name in work.null_names]
        converged += [True] * len(work.null_names)
    return {
        "scores": np.array([one.values for one in scores]),
        "converged": np.array(converged),
        "n_observed": scores[0]["n_observed"].values,
    }


def _check(work: _Work, baseline: str) -> None:
    if not work.models:
        raise ModelError('cross_validate got no model; expected {"name": model, ...}.')
    rows = [*work.models, *work.null_names]
    if len(set(rows)) < len(rows):
        raise ModelError(f"A model has the name of a null; the nulls are {', '.join(work.null_names)}.")
    if baseline not in rows:
        raise ModelError(f"baseline={baseline!r} is no row; the rows are {', '.join(rows)}.")
    scaled = [name for name, model in work.models.items() if model.scale is not None]
    if scaled:
        raise ModelError(
            f"{scaled[0]!r} is scaled to data already, which may be those that are held out; give the model as it was "
            "before scaled_to."
        )
    embeddings = feature_dim(validate(work.data)) == "embedding"
    if embeddings != (work.projection is not None):
        found = (
            "embeddings, which need projection=, such as sdebayes.PCA(8)"
            if embeddings
            else ("states, which need no projection")
        )
        raise DataError(f"The data are {found}.")
    count = work.data.sizes["trajectory"]
    if not 2 <= work.folds <= count:
        raise DataError(f"folds={work.folds} of {count} trajectories; expected a number from 2 to {count}.")


def _run(work: _Work, kept: Archive | None, shown: bool) -> list[dict[str, np.ndarray]]:
    """Fit the folds that are not kept yet, and keep each as it comes."""
    found = {fold: {} if kept is None else kept.read(f"fold-{fold}") for fold in range(work.folds)}
    missing = [fold for fold, known in found.items() if not known]
    with progress_bars(["folds"], work.folds, shown) as advance:

        def done(fold: int, known: dict[str, np.ndarray]) -> None:
            if kept is not None:
                kept.write(f"fold-{fold}", known)
            found[fold] = known
            advance(0, "", 1)

        advance(0, "", work.folds - len(missing))
        each(_fold, work, missing, done, NO_CHECKPOINT if kept is None else FROM_CHECKPOINT)
    return list(found.values())


def _rows(work: _Work, found: Sequence[dict[str, np.ndarray]]) -> dict[str, xr.DataArray]:
    """Put the scores of all folds into the order of the trajectories."""
    place = np.argsort(np.concatenate([np.flatnonzero(work.number == fold) for fold in range(len(found))]))
    scores = np.concatenate([one["scores"] for one in found], axis=1)[:, place]
    observed = np.concatenate([one["n_observed"] for one in found])[place]
    coords = {"trajectory": work.data["trajectory"].values, "n_observed": ("trajectory", observed)}
    return {
        name: xr.DataArray(row, coords, ("trajectory",))
        for name, row in zip([*work.models, *work.null_names], scores, strict=True)
    }
