"""Fit a model to trajectories."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

import jax
import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import PathLike, Seed
from sdebayes._core.precision import Precision, scope, single_blas_thread
from sdebayes._core.processes import are_several, check_same
from sdebayes._core.threads import meanwhile
from sdebayes.data.blocks import parts
from sdebayes.inference import NUTS, AbstractStrategy, Problem, RunOptions
from sdebayes.inference.archive import held
from sdebayes.inference.checkpoint import Checkpoint
from sdebayes.inference.progress import stage
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior import serialization
from sdebayes.posterior.export import build_tree, read_prior
from sdebayes.posterior.posterior import Posterior
from sdebayes.posterior.reading import read_for
from sdebayes.posterior.store import SCHEMA_VERSION


@checked
def fit(
    model: SDEModel,
    data: xr.Dataset,
    strategy: AbstractStrategy | None = None,
    seed: Seed = 0,
    *,
    precision: Precision = "float64",
    progress: bool | None = None,
    checkpoint: PathLike | None = None,
) -> Posterior:
    """Fit a model to trajectories.

    Parameters
    ----------
    model
        The model; its data-scaled prior constants are frozen to these data unless that is done already.
    data
        Trajectories, as `sdebayes.trajectories` or ``StateSpace.transform`` return them. Where sums are all that the
        likelihood reads of large lazy data, no more than a block of them is in memory at a time: see the notes. All
        else is read into memory.
    strategy
        How to fit; ``NUTS()`` by default.
    seed
        The same seed gives the same draws.
    precision
        ``"float64"`` or ``"float32"``, for the fit and for everything computed from it.
    progress
        Whether what is being done is shown on standard error, with the time that is left: with bars and clocks on a
        terminal, else a line for each stage. By default if standard error is a terminal.
    checkpoint
        A folder that keeps finished blocks of draws; the same call resumes there after an interrupt, with identical
        draws. It is locked as long as the fit runs: one fit, of one process, at a time.

    Returns
    -------
    Posterior
        The draws, and what is computed from them.

    Raises
    ------
    DataError
        If the data set is not valid, a state is negligible beside the others or a linear function of them, or ``seed``
        is no whole number, 0 or more.
    ModelError
        If data, model and strategy do not fit together, or processes that ``jax.distributed`` has joined were not asked
        for the same.
    InferenceError
        If no point with a finite density is found.
    ClusterError
        If data are read on a cluster that is lost, or whose workers die of a task or have another version of the
        package.
    StoreError
        If the checkpoint cannot be used, another fit is using its folder, or the strategy is no dataclass, whose fields
        tell one fit from another.

    See Also
    --------
    sdebayes.SDEModel : What is fitted.
    sdebayes.Posterior : What is returned.
    sdebayes.compare : Whether it predicts better than others.
    sdebayes.cross_validate : The same where data are few.

    Notes
    -----
    `NUTS`, `HMC` and `Laplace` read sums over documents, of a linear drift behind normal noise without groups and
    covariates, where documents share their times; these and `Marginal` read sums over transitions under Euler–Maruyama
    of exactly observed states. Each piece of lazy data is a task of the Dask scheduler that is active, if one is, and
    the digits do not depend on it. The posterior is that of all trajectories. The scale of the prior, unless it is
    frozen already, and the groups of the posterior that hold a number for each step or trajectory, are of some of them
    that are evenly spread over the data, as the attribute ``kept_trajectories`` says.

    JAX's configuration and the BLAS threads are as they were when the call returns.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck", 100, 0.1, n_trajectories=12, noise=0.3)
    >>> train, test = sb.split(data, test=4, seed=0)
    >>> posterior = sb.fit(sb.SDEModel(), train, sb.Laplace(draws=50), seed=0)
    >>> posterior.drift([1.0, 0.0]).mean("sample").values.round()  # of the truth: -1 and 2
    array([[-1.,  2.]])
    """
    strategy = NUTS() if strategy is None else strategy
    shown = sys.stderr.isatty() if progress is None else progress
    if checkpoint is not None:
        serialization.check_known_again(strategy)
        if are_several():
            raise ModelError("A fit over several processes keeps no checkpoint; leave checkpoint= out.")
    with scope(precision), single_blas_thread(), held(checkpoint):
        target_key, run_key, export_key = jax.random.split(jax.random.key(seed), 3)
        with stage("reading the data", shown):
            read = read_for(strategy, model, data)
        problem = Problem(
            read.model, read.observations, target_key, read.sums, streamed=read.parts, pieces=read.pieces
        )
        attrs = _attributes(read.model, data, strategy, seed, precision) | read.attributes
        check_same(repr(sorted(attrs.items())))
        kept = None if checkpoint is None else Checkpoint(checkpoint, repr(sorted(attrs.items())))
        with meanwhile(partial(read_prior, problem, read.data, problem.density, export_key)) as prior:
            draws = strategy.run(problem, RunOptions(run_key, precision, shown, kept))
        with stage("predictions and scores of the draws", shown):
            tree = build_tree(problem, read.data, draws, export_key, prior())
    tree.attrs.update(attrs | draws.attributes)
    return Posterior(read.model, tree)


_CARRIED = (
    "space",
    "space_hash",
    "time_unit",
    "step",
    "step_meaning",
    "step_rule",
    "encoder",
    "warning",
    "left_out",
    "cut_off",
    "windows",
    "missing",
    "skipped",
    "null",
)


def _attributes(
    model: SDEModel, data: xr.Dataset, strategy: AbstractStrategy, seed: int, precision: str
) -> dict[str, Any]:
    return {
        "schema": "sdebayes posterior",
        "schema_version": SCHEMA_VERSION,
        "sdebayes_version": version("sdebayes"),
        "inference_library": "numpyro",
        "inference_library_version": version("numpyro"),
        **serialization.described(model, strategy),
        **strategy.attributes,
        "seed": seed,
        "data_hash": data_hash(data, model.covariates),
        "precision": precision,
        **{name: data.attrs[name] for name in _CARRIED if name in data.attrs},
    }


def data_hash(data: xr.Dataset, covariates: Sequence[str]) -> str:
    """Return a hash of the values, the times and the groups of a data set, and of the covariates that a model reads."""
    digest = hashlib.sha256()
    for name in ("y", "t"):
        for part in parts(data):
            values = data[name].isel(trajectory=part).values
            digest.update(np.ascontiguousarray(values, dtype=np.float64).tobytes())
    for name in (*(["group"] if "group" in data else []), *covariates):
        digest.update(json.dumps([name, data[name].values.tolist()], default=str).encode())
    return digest.hexdigest()[:16]
