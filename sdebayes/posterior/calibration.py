"""Simulation-based calibration of a model with a strategy."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import xarray as xr

from sdebayes._core.errors import InferenceError, ModelError
from sdebayes._core.numbers import random_generator, whole_number
from sdebayes._core.precision import scope, single_blas_thread
from sdebayes.inference import NUTS, AbstractStrategy
from sdebayes.inference.progress import progress_bars
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior.calibration_files import KeptRecords
from sdebayes.posterior.calibration_result import labelled
from sdebayes.posterior.calibration_study import Record, Study, study_key
from sdebayes.posterior.fit import data_hash
from sdebayes.posterior.quantities import as_places, quantities


def calibrate(
    model: SDEModel,
    design: xr.Dataset,
    strategy: AbstractStrategy | None = None,
    n: int = 100,
    seed: int = 0,
    *,
    substeps: int | None = None,
    draws: int = 99,
    points: Any = None,
    precision: str = "float64",
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
) -> xr.Dataset:
    r"""Fit data of known truths from the prior, and rank each truth among its posterior draws.

    .. math::
        θ \sim p(θ), \quad y \sim p(y \mid θ), \quad θ_1, …, θ_L \sim p(θ \mid y): \qquad
        \#\{l : q(θ_l, y) < q(θ, y)\} \text{ is uniform on } 0, …, L

    for every quantity q, if the draws are right. Ranked are drift and covariance at fixed places, the variances of
    noise and trajectory effect, and the log-likelihood, never weights, which can be written in many ways.

    Parameters
    ----------
    model
        The model; its data-scaled prior constants are frozen to the design once.
    design
        Trajectories whose times, lengths and missing entries every simulated data set has. Their values are used for
        the scale of the prior alone.
    strategy
        How to fit; ``NUTS()`` by default.
    n
        Number of data sets.
    seed
        The same seed gives the same result; more data sets leave the first ones as they are.
    substeps
        None: the data come from the law whose likelihood is fitted, the scheme's and the filter's approximations
        included (the scheme's alone for `ParticleCorrection`), and ranks tell of the strategy alone. A number: they
        come from the SDE itself, by so many Euler–Maruyama steps from one observation to the next, and ranks tell what
        these approximations cost as well; take enough that halving them changes nothing.
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
        A folder that keeps finished data sets; the same call, also with another ``n``, goes on from there.

    Returns
    -------
    xr.Dataset
        ``rank``, ``pit`` (replicate, quantity), the rank and, normalised and randomised, a value in (0, 1) that is
        uniform if all is right; ``truth``, ``mean``, ``standard_deviation`` and ``effective_draws`` (replicate,
        quantity); ``coverage`` (nominal, quantity) of central intervals, with its 95 % Wilson interval ``lower`` and
        ``upper``; ``p_value`` (quantity) of uniformity, ``share_of_band`` (quantity), the largest deviation of the
        empirical distribution function as a share of what leaves the band that holds all quantities with 95 %
        probability, and ``overall_p_value``, of all together; ``failed`` and ``message`` (replicate). What the model
        knows is no quantity. A failed data set has NaN; where a failure depends on the data alone, the ranks of the
        others stay uniform.

    Raises
    ------
    DataError
        If the design is not valid, or an argument cannot be used.
    ModelError
        If design, model and strategy do not fit together.
    InferenceError
        If every fit fails.
    StoreError
        If the checkpoint cannot be used.

    References
    ----------
    Talts, Betancourt, Simpson, Vehtari & Gelman (2018), arXiv 1804.06788; Modrák et al. (2023),
    doi:10.1214/23-BA1404, for quantities that depend on the data; Säilynoja, Bürkner & Vehtari (2022),
    doi:10.1007/s11222-022-10090-6, for the band.
    """
    strategy = NUTS() if strategy is None else strategy
    _check(model, strategy)
    n, draws, seed = whole_number("n", n), whole_number("draws", draws), whole_number("seed", seed, 0)
    substeps = None if substeps is None else whole_number("substeps", substeps)
    shown = sys.stderr.isatty() if progress is None else progress
    with scope(precision), single_blas_thread():
        scaled = model.scaled_to(design)
        places = as_places(scaled, points)
        ranked = quantities(scaled, places)
        study = Study(scaled, scaled.read(design), strategy, ranked, draws, substeps, precision)
        attrs = {
            "model_description": scaled.describe(),
            "strategy": repr(strategy),
            "seed": seed,
            "draws": draws,
            "data_law": f"the {'scheme' if strategy.corrects_filter else 'likelihood'}'s own"
            if substeps is None
            else f"Euler–Maruyama, {substeps} steps from one observation to the next",
            "design_hash": data_hash(design),
            "precision": precision,
            "sdebayes_version": version("sdebayes"),
        }
        kept = None if checkpoint is None else KeptRecords(checkpoint, repr((sorted(attrs.items()), places)))
        records = _run(study, n, seed, kept, shown)
    return labelled(records, ranked, random_generator(seed), attrs)


def _check(model: SDEModel, strategy: AbstractStrategy) -> None:
    if not isinstance(model, SDEModel):
        raise ModelError(f"calibrate: model is {type(model).__name__}; expected a sdebayes.SDEModel.")
    if not isinstance(strategy, AbstractStrategy):
        raise ModelError(
            f"calibrate: strategy is {strategy!r}; expected an object such as sdebayes.NUTS(draws=200)."
        )


def _run(study: Study, n: int, seed: int, kept: KeptRecords | None, shown: bool) -> list[Record]:
    records: list[Record] = []
    with progress_bars(["data sets"], n, shown) as advance:
        for number in range(n):
            record = kept.read(number) if kept is not None else None
            if record is None:
                record = study.replicate(study_key(number, seed))
                if kept is not None:
                    kept.write(number, record)
            records.append(record)
            failures = sum(bool(one.message) for one in records)
            advance(0, f"{failures} failed" if failures else "", 1)
    if all(record.message for record in records):
        raise InferenceError(f"None of {n} data sets could be fitted. The first: {records[0].message}")
    return records
