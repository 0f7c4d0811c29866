"""The level about which trajectories move, along the covariates that it depends on."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.kinds import CountFromTwo, Name
from sdebayes._core.units import with_units
from sdebayes.simulation import as_source
from sdebayes.simulation.source import SourceLike, has_groups

__all__ = ["along"]


@runtime_checkable
class _Modelled(Protocol):
    """A posterior, which knows the covariates of its model."""

    model: Any


@checked
def along(posterior: SourceLike, covariate: Name | None = None, *, points: CountFromTwo = 60) -> xr.Dataset:
    """Read the level's dependence on one covariate, all others at an average step.

    Parameters
    ----------
    posterior
        A fit with a ``level``.
    covariate
        Name of the covariate; by default the first.
    points
        Number of places between the least and the largest value in the data; categories are read one by one.

    Returns
    -------
    xarray.Dataset
        ``level`` (sample, point, state), B w of each draw, in units of the states: how far the level is there from that
        of an average step of the data; and the coord ``at`` (point), the covariate.

    Raises
    ------
    ModelError
        If the source has no level.
    DataError
        If its level does not depend on the covariate.

    See Also
    --------
    sdebayes.Level : Puts a level into the model.
    sdebayes.plots.level.along : Draws it.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 60, 0.2, n_trajectories=6, noise=0.3)
    >>> data["y"] = data["y"] + 0.5 * data["t"]  # a trend
    >>> model = sb.SDEModel(observation=sb.GaussianNoise(), level=sb.Level("t"))
    >>> posterior = sb.fit(model, data, sb.Laplace(draws=50), seed=0)
    >>> found = sb.analysis.level.along(posterior, "t", points=2)["level"].mean("sample")
    >>> bool(found.diff("point").squeeze() > 3)  # of the truth: 5.9
    True
    """
    stacked = as_source(posterior, whole=True)
    slopes = stacked.observed.level_slopes
    if slopes is not None and has_groups(posterior):
        slopes = slopes[:, 0]  # groups share the level
    if slopes is None or not isinstance(posterior, _Modelled):
        raise ModelError(
            "Expected a posterior whose model has a level: sdebayes.SDEModel(level=sdebayes.Level(…))."
        )
    model = posterior.model
    names = [level.covariate for level in model.levels]
    name = names[0] if covariate is None else covariate
    if name not in names:
        raise DataError(f"The level does not depend on {name!r}; it does on {', '.join(map(repr, names))}.")
    bases = model.frozen_scale.levels
    index = names.index(name)
    widths = [len(basis.names("")) for basis in bases]
    start = sum(widths[:index])
    places = bases[index].places(points)
    own = np.asarray(slopes, dtype=float)[:, start : start + widths[index]]
    return with_units(
        xr.Dataset(
            {"level": (("sample", "point", "state"), bases[index](places) @ own)},
            {
                "sample": np.arange(stacked.n_draws),
                "at": ("point", places, {"long_name": name}),
                "state": list(stacked.states),
            },
            stacked.provenance | {"covariate": name},
        ),
        level="state",
    )
