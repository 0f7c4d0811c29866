"""Simulation-based calibration of a model with a strategy."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import InferenceError, ModelError
from sdebayes._core.kinds import Count, Numbers, PathLike, Seed
from sdebayes._core.precision import Precision, scope, single_blas_thread
from sdebayes._core.tasks import FROM_CHECKPOINT, NO_CHECKPOINT, each
from sdebayes.inference import NUTS, AbstractStrategy
from sdebayes.inference.archive import held
from sdebayes.inference.progress import progress_bars
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior import serialization
from sdebayes.posterior.calibration_files import KeptRecords
from sdebayes.posterior.calibration_plan import Plan, replicate
from sdebayes.posterior.calibration_result import labelled
from sdebayes.posterior.calibration_study import Record, study_key
from sdebayes.posterior.calibration_truths import FINE_STEPS
from sdebayes.posterior.fit import data_hash
from sdebayes.simulation.source import SourceLike


@checked
def calibrate(
    model: SDEModel,
    design: xr.Dataset,
    strategy: AbstractStrategy | None = None,
    n: Count = 100,
    seed: Seed = 0,
    *,
    truth: SourceLike | Callable[..., object] | None = None,
    rescale: bool = False,
    substeps: Count | None = None,
    draws: Count = 99,
    points: Numbers | None = None,
    precision: Precision = "float64",
    progress: bool | None = None,
    checkpoint: PathLike | None = None,
) -> xr.Dataset:
    r"""Fit data of known truths, and rank each truth among its posterior draws.

    With truths from the prior that is fitted, as is the default,

    .. math::
        θ \sim p(θ), \quad y \sim p(y \mid θ), \quad θ_1, …, θ_L \sim p(θ \mid y): \qquad
        \#\{l : q(θ_l, y) < q(θ, y)\} \text{ is uniform on } 0, …, L

    for every quantity q, if the draws are right. Ranked are drift and covariance at fixed places, the variances of
    noise and trajectory effect, and the log-likelihood, never weights, which can be written in many ways.

    This judges the strategy. It cannot see what the prior itself costs: a prior that contradicts a truth, or that is
    scaled to the very data it is then fitted to. For these there are ``truth`` and ``rescale``; ranks need not be
    uniform then even if all is right, and the result has the coverage of intervals in their place.

    Parameters
    ----------
    model
        The model; its data-scaled prior constants are frozen to the design once, unless ``rescale``.
    design
        Trajectories whose times, lengths and missing entries every simulated data set has. Their values are used for
        the scale of the prior alone.
    strategy
        How to fit; ``NUTS()`` by default.
    n
        Number of data sets.
    seed
        The same seed gives the same result; more data sets leave the first ones as they are.
    truth
        None: truths are drawn from the prior, frozen to the design. Else what the data sets come from: a
        `sdebayes.SDE`, started in its stationary distribution; a `sdebayes.dynamics.ObservedSDE`, with a start, noise
        and effect of its own; a posterior, one draw for each data set; or a function from a random key to any of these.
    rescale
        Whether the model, which must not be scaled to data yet, is scaled to each simulated data set, as `sdebayes.fit`
        does: the whole procedure is judged, at the price of a compilation for each data set.
    substeps
        None: the data come from the distribution whose likelihood is fitted, the scheme's and the filter's
        approximations included (the scheme's alone for `ParticleCorrection`), and ranks tell of the strategy alone. A
        number: they come from the SDE itself, by so many Euler–Maruyama steps from one observation to the next, and
        ranks tell what these approximations cost as well; take enough that halving them changes nothing. A given truth
        has no likelihood of its own: None means its exact distribution if it is linear with constant Σ, else 50 steps.
    draws
        L, the posterior draws that the truth is ranked among, evenly spread over all. Where ``effective_draws`` is
        smaller, ranks gather at both ends although nothing is wrong.
    points
        Places at which drift and covariance are ranked, (point, state); default: the mean of the design, and the
        places one standard deviation of every state below and above it.
    precision
        ``"float64"`` or ``"float32"``.
    progress
        Whether a progress bar is shown; by default if standard error is a terminal.
    checkpoint
        A folder that keeps finished data sets, each as it comes; the same call, also with another ``n``, goes on from
        there. It is locked as long as the call runs.

    Returns
    -------
    xr.Dataset
        ``rank``, ``pit`` (replicate, quantity), the rank and, normalised and randomised, a value in (0, 1) that is
        uniform if all is right; with ``truth`` or ``rescale`` instead ``bias`` (quantity), the mean error of the
        posterior mean in posterior standard deviations, and its standard error ``bias_error``; ``truth``, ``mean``,
        ``standard_deviation`` and ``effective_draws`` (replicate, quantity); ``coverage`` (nominal, quantity) of
        central intervals, with its 95 % Wilson interval ``lower`` and ``upper``; with ranks, ``p_value`` (quantity) of
        uniformity, ``share_of_band`` (quantity), the largest deviation of the empirical distribution function as a
        share of what leaves the band that holds all quantities with 95 % probability, and ``overall_p_value``, of all
        together; ``failed`` and ``message`` (replicate). What the model knows is no quantity. A failed data set has
        NaN; where a failure depends on the data alone, the ranks of the others stay uniform.

    Raises
    ------
    DataError
        If the design is not valid, or an argument cannot be used.
    ModelError
        If design, model, strategy and truth do not fit together, or a model is to be scaled anew that is scaled.
    InferenceError
        If every fit fails.
    StoreError
        If the checkpoint cannot be used, or another call is using its folder.
    ClusterError
        If data sets are fitted on a cluster that is lost, or whose workers die of one or have another version of the
        package.

    See Also
    --------
    sdebayes.fit : What is judged.
    sdebayes.plots.calibration.ecdf : Draws the ranks.
    sdebayes.plots.calibration.coverage : Draws how often intervals hold the truth.

    Notes
    -----
    Each data set is a task of the Dask scheduler that is active, if one is: the result is the same.

    References
    ----------
    Talts, Betancourt, Simpson, Vehtari & Gelman (2018), arXiv 1804.06788; Modrák et al. (2023),
    doi:10.1214/23-BA1404, for quantities that depend on the data; Säilynoja, Bürkner & Vehtari (2022),
    doi:10.1007/s11222-022-10090-6, for the band.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`, with three data sets where a study takes a hundred:

    >>> study = sb.calibrate(sb.SDEModel(), train, sb.Laplace(draws=50), n=3, draws=9)
    >>> dict(study["rank"].sizes)
    {'replicate': 3, 'quantity': 14}
    >>> study["quantity"].values[:3].tolist()
    ['drift x1 at mean − sd', 'drift x2 at mean − sd', 'drift x1 at mean']
    """
    strategy = NUTS() if strategy is None else strategy
    _check(model, rescale, truth is not None or substeps is not None)
    shown = sys.stderr.isatty() if progress is None else progress
    if checkpoint is not None:
        serialization.check_known_again(strategy)
    plan = Plan(model, design, strategy, seed, truth, rescale, substeps, draws, points, precision)
    with scope(precision), single_blas_thread(), held(checkpoint):
        attrs = _attributes(plan)
        kept = (
            None
            if checkpoint is None
            else KeptRecords(checkpoint, repr((sorted(attrs.items()), plan.places)))
        )
        records = _run(plan, n, kept, shown)
    exact = truth is None and not rescale
    return labelled(records, plan.ranked, np.random.default_rng(seed), attrs, exact=exact)


def _attributes(plan: Plan) -> dict[str, Any]:
    """Say what the study is of."""
    attrs = {
        "model_description": plan.scaled.describe(),
        "strategy": repr(plan.strategy),
        "seed": plan.seed,
        "draws": plan.draws,
        "data_law": _data_law(plan.truth is None, plan.substeps, plan.strategy),
        "design_hash": data_hash(plan.design, plan.scaled.covariates),
        "precision": plan.precision,
        "sdebayes_version": version("sdebayes"),
    }
    if plan.truth is not None:
        attrs |= {"truths": "given", "truth_hash": _hash(*plan.study.simulate(study_key(0, plan.seed)))}
    if plan.rescale:
        attrs["scaled_to"] = "each data set"
    return attrs


def _data_law(from_the_prior: bool, substeps: int | None, strategy: AbstractStrategy) -> str:
    """Say what the data are drawn from."""
    if substeps is not None:
        return f"Euler–Maruyama, {substeps} steps from one observation to the next"
    if from_the_prior:
        return f"the {'scheme' if strategy.corrects_filter else 'likelihood'}'s own"
    return f"the truth's own if it is linear, else Euler–Maruyama, {FINE_STEPS} steps from one observation to the next"


def _hash(*arrays: np.ndarray) -> str:
    """Return a hash of what a truth makes, which tells truths apart that are functions."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _check(model: SDEModel, rescale: bool, other_law: bool) -> None:
    if other_law and model.parts_by_group:
        raise ModelError(
            "calibrate: data of several groups (by_group) are drawn from the likelihood's own distribution; leave "
            "truth and substeps out."
        )
    if other_law and model.regimes is not None:
        raise ModelError(
            "calibrate: data of several regimes are drawn from the likelihood's own distribution; leave truth and "
            "substeps out."
        )
    if rescale and model.scale is not None:
        raise ModelError(
            "calibrate: rescale=True scales the model to each data set, but this one is scaled to data already; give "
            "the model as it was before scaled_to."
        )


def _run(plan: Plan, n: int, kept: KeptRecords | None, shown: bool) -> list[Record]:
    """Fit the data sets that are not kept yet, and keep each as it comes."""
    found = {} if kept is None else {number: kept.read(number) for number in range(n)}
    records = {number: record for number, record in found.items() if record is not None}
    with progress_bars(["data sets"], n, shown) as advance:

        def told(count: int) -> None:
            failures = sum(bool(one.message) for one in records.values())
            advance(0, f"{failures} failed" if failures else "", count)

        def done(number: int, record: Record) -> None:
            if kept is not None:
                kept.write(number, record)
            records[number] = record
            told(1)

        told(len(records))
        missing = [number for number in range(n) if number not in records]
        each(replicate, plan, missing, done, NO_CHECKPOINT if kept is None else FROM_CHECKPOINT)
    if all(record.message for record in records.values()):
        raise InferenceError(f"None of {n} data sets could be fitted. The first: {records[0].message}")
    return [records[number] for number in range(n)]
