"""What regimes are: how long they last, and which steps are theirs."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import vmap

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.kinds import Count
from sdebayes._core.units import with_units
from sdebayes.likelihood.regime_chain import stationary_law
from sdebayes.simulation import as_source
from sdebayes.simulation.source import SourceLike

__all__ = ["dwell_times", "exemplars"]


@checked
def dwell_times(posterior: SourceLike) -> xr.Dataset:
    """Read how long each regime lasts at a stretch, and which share of the time is its own.

    Parameters
    ----------
    posterior
        A fit with `sdebayes.priors.Regimes`.

    Returns
    -------
    xarray.Dataset
        ``dwell_time`` (sample, regime), −1/Q_ii, the mean time from entering a regime to leaving it, in time, and
        ``share`` (sample, regime), the stationary distribution of the chain: both of the process, not of the data.

    Raises
    ------
    ModelError
        If there are no regimes.

    See Also
    --------
    sdebayes.analysis.regimes.exemplars : Steps of each regime.
    sdebayes.plots.regimes.dwell_times : Draws them.

    Examples
    --------
    Continuing the example of :class:`sdebayes.priors.Regimes`:

    >>> found = sb.analysis.regimes.dwell_times(posterior)
    >>> dict(found["dwell_time"].sizes), float(found["share"].sum("regime").mean().round(2))
    ({'sample': 50, 'regime': 2}, 1.0)
    """
    source = as_source(posterior, whole=True)
    if source.observed.generator is None:
        raise ModelError(
            "Expected a posterior of several regimes: SDEModel(drift=sdebayes.priors.Regimes(2))."
        )
    with precision.scope(source.precision):
        Q = jnp.asarray(source.observed.generator)
        share = np.asarray(vmap(stationary_law)(Q))
    dwell = -1 / np.diagonal(np.asarray(Q), axis1=1, axis2=2)
    return with_units(
        xr.Dataset(
            {"dwell_time": (("sample", "regime"), dwell), "share": (("sample", "regime"), share)},
            {"sample": np.arange(len(dwell)), "regime": np.arange(1, dwell.shape[1] + 1)},
            source.provenance,
        ),
        dwell_time="time",
    )


@checked
def exemplars(probability: xr.Dataset, data: xr.Dataset, count: Count = 3) -> xr.Dataset:
    """Find the steps that are most surely of each regime.

    Parameters
    ----------
    probability
        As ``posterior.regime_probability(data)`` returns it.
    data
        The same data, with or without ``text``.
    count
        How many steps for each regime.

    Returns
    -------
    xarray.Dataset
        Over (regime, exemplar), surest first: ``name`` of the trajectory, ``step``, ``time``, ``probability``, the mean
        over draws, and, where the data have it, ``text``.

    Raises
    ------
    DataError
        If the two are not of the same steps.

    See Also
    --------
    sdebayes.analysis.regimes.dwell_times : How long each lasts.
    sdebayes.plots.regimes.probability : Draws the probabilities.

    Examples
    --------
    Continuing the example of :class:`sdebayes.priors.Regimes`:

    >>> near = sb.analysis.regimes.exemplars(posterior.regime_probability(data), data, count=2)
    >>> dict(near["step"].sizes)
    {'regime': 2, 'exemplar': 2}
    """
    if "probability" not in probability or probability.sizes.get("trajectory") != data.sizes["trajectory"]:
        raise DataError("Expected posterior.regime_probability(data), and the same data.")
    mean = probability["probability"].mean("sample").transpose("regime", "trajectory", "time").values
    if mean.shape[1:] != data["t"].shape:
        raise DataError(f"The probabilities are of {mean.shape[1:]} steps, the data of {data['t'].shape}.")
    known = np.where(np.isfinite(mean), mean, -1.0).reshape(len(mean), -1)
    count = min(count, int((known[0] >= 0).sum()))
    order = np.argsort(-known, axis=1, kind="stable")[:, :count]
    rows, columns = np.unravel_index(order, data["t"].shape)
    dims = ("regime", "exemplar")
    found = xr.Dataset(
        {
            "name": (dims, data["trajectory"].values[rows]),
            "step": (dims, columns),
            "time": (dims, data["t"].values[rows, columns]),
            "probability": (dims, np.take_along_axis(known, order, axis=1)),
        },
        {"regime": probability["regime"].values},
        probability.attrs,
    )
    if "text" in data:
        texts = data["text"].transpose("trajectory", "time").values
        found["text"] = (dims, texts[rows, columns])
    return with_units(found, time="time")
