"""Drift and covariance at a few places of state space: quantities that every model has, to judge chains by."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import xarray as xr
from jaxtyping import Float64

from sdebayes._core.draws import evenly_spread
from sdebayes.dynamics import SDE
from sdebayes.model.sdemodel import SDEModel
from sdebayes.model.several import several
from sdebayes.posterior.compiled import covariance_at, drift_at
from sdebayes.priors.base import DataScale

PROBED_STATES = 4
PROBED_DATA = 8

PROBES = ("drift_probe", "covariance_probe")
"""What is read at places, where a function of the user's own need not be defined."""


def probe_points(model: SDEModel, scale: DataScale) -> tuple[list[str], Float64[np.ndarray, "point state"]]:
    """Return the mean of data, one standard deviation either side of it along the first states, and some of the data.

    The scale is that of the data. A linear drift is known everywhere once it is known at the former; others are read at
    the data too.
    """
    names, points = ["mean"], [scale.location]
    for index, label in enumerate(scale.states[:PROBED_STATES]):
        for sign, word in ((1, "+"), (-1, "−")):
            shift = np.zeros_like(scale.location)
            shift[index] = sign * np.sqrt(scale.variance[index])
            names.append(f"{label} {word} 1 sd")
            points.append(scale.location + shift)
    if not model.affine and len(scale.points):
        rows = evenly_spread(len(scale.points), PROBED_DATA)
        names += [f"datum {number + 1}" for number in range(len(rows))]
        points += list(scale.points[rows])
    return names, np.array(points)


def probes(
    model: SDEModel,
    sde: SDE,
    points: tuple[list[str], Float64[np.ndarray, "point state"]],
    shape: dict[str, int],
) -> xr.Dataset:
    """Read every draw at the probe points.

    Parameters
    ----------
    model
        The model, scaled to data.
    sde
        Drift and diffusion of all its draws.
    points
        Names and places, from :func:`probe_points`.
    shape
        Numbers of chains and draws.

    Returns
    -------
    xr.Dataset
        ``drift_probe`` (chain, draw, point, state), ``covariance_probe`` (chain, draw, point, term) with a term for
        each entry of Σ's lower triangle, and for a linear drift ``time_constant`` (chain, draw, mode), 1/Re λ of the
        drift's Jacobian, slowest first. What is the same in all draws is known, not inferred, and is left out; where Σ
        does not depend on the state, ``covariance_probe`` has no point.
    """
    names, places = points
    states = list(model.frozen_scale.states)
    of = several(model)
    if of is not None and of.dim not in shape:
        flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), sde)
        found = probes(model, flat, points, {**shape, of.dim: len(of.labels)})
        return _without_common(found.assign_coords({of.dim: of.labels}), of.dim)
    lead, sizes = tuple(shape), tuple(shape.values())
    drift, covariance = (read(sde, places) for read in (drift_at, covariance_at))
    variables: dict[str, Any] = {}
    coords: dict[str, Any] = {}
    if np.ptp(drift, axis=0).any():
        variables["drift_probe"] = (
            (*lead, "point", "state"),
            drift.reshape(*sizes, *drift.shape[1:]),
        )
        coords |= {"point": names, "state": states}
    rows, columns = np.tril_indices(len(states))
    terms = covariance[:, :, rows, columns]
    varying = np.ptp(terms, axis=0).any(axis=0)
    if varying.any():
        labels = np.array([f"{states[i]}·{states[j]}" for i, j in zip(rows, columns, strict=True)])
        kept = terms[:, :, varying]
        dims: tuple[str, ...] = (*lead, "point", "term")
        if model.diffusion.constant:
            kept, dims = kept[:, 0], (*lead, "term")
        else:
            coords["point"] = names
        variables["covariance_probe"] = (dims, kept.reshape(*sizes, *kept.shape[1:]))
        coords["term"] = labels[varying]
    linear = sde.drift.as_affine()
    if linear is not None:
        rates = np.sort(np.linalg.eigvals(np.asarray(linear.matrix)).real, axis=-1)
        if np.ptp(rates, axis=0).any() and np.all(rates > 0):
            variables["time_constant"] = ((*lead, "mode"), (1 / rates).reshape(*sizes, -1))
            coords["mode"] = np.arange(1, len(states) + 1)
    return xr.Dataset(variables, coords)


def _without_common(dataset: xr.Dataset, dim: str) -> xr.Dataset:
    """Leave groups or regimes out of what does not vary between them."""
    common = {
        name: values.isel({dim: 0}, drop=True)
        for name, values in dataset.data_vars.items()
        if dim in values.dims and bool((values == values.isel({dim: 0})).all())
    }
    kept = dataset.assign(common)
    return kept if any(dim in values.dims for values in kept.values()) else kept.drop_vars(dim)
