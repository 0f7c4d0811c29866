"""Forecasts of some trajectories at a time: of all of them, or into a store, each block a task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Int

from sdebayes._core.interning import interned
from sdebayes._core.precision import scope, single_blas_thread
from sdebayes._core.stores import fill
from sdebayes._core.tasks import in_order
from sdebayes._core.units import with_units
from sdebayes.dynamics import ObservedSDE
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior import compiled

_BLOCK_BYTES = 2**26


@dataclass(frozen=True, eq=False)
class Forecasting:
    """What is predicted, and by which draws.

    Parameters
    ----------
    model
        The model, scaled to data.
    observed
        The draws, stacked.
    chosen
        Which they are.
    precision
        Of the fit.
    horizon
        Steps ahead, at most.
    targets
        The steps that are predicted.
    data
        Trajectories, without texts.
    names
        Their names, texts of one width in all blocks.
    attrs
        Where the forecasts come from.
    """

    model: SDEModel
    observed: ObservedSDE
    chosen: Int[np.ndarray, " sample"]
    precision: str
    horizon: int
    targets: Int[np.ndarray, " target"]
    data: xr.Dataset
    names: np.ndarray
    attrs: dict[str, Any]

    def of(self, rows: slice) -> xr.Dataset:
        """Predict some of the trajectories."""
        data = self.data.isel(trajectory=rows).assign_attrs(min_steps=1)  # the whole has been checked
        with scope(self.precision), single_blas_thread():
            model = interned(self.model)
            observations = replace(model.read(data, every_step=True), table=None)
            program = compiled.horizon_laws(model.likelihood, self.horizon)
            mean, covariance = program(self.observed, observations, self.targets)
        return self._labelled(data, self.names[rows], mean, covariance)

    def blocks(self) -> list[slice]:
        """Divide trajectories into such as are predicted together."""
        count, width = self.data.sizes["trajectory"], self.data.sizes["state"]
        each = 8 * width * width * self.horizon * self.targets.size * self.chosen.size
        size = max(1, _BLOCK_BYTES // each)
        return [slice(start, min(start + size, count)) for start in range(0, count, size)]

    def _labelled(
        self, data: xr.Dataset, names: np.ndarray, mean: np.ndarray, covariance: np.ndarray
    ) -> xr.Dataset:
        """Name the dimensions, and make NaN of what is no forecast."""
        dim = "state" if self.model.observation.observation_matrix is None else "observed"
        ahead = np.arange(1, self.horizon + 1)
        inside = self.targets < data["n_steps"].values[:, None]
        valid = (self.targets >= ahead[:, None])[:, None] & inside
        lead, labels = ("sample", "horizon", "trajectory", "time"), data["state"].values
        mean = np.where(valid[..., None], mean, np.nan)
        covariance = np.where(valid[..., None, None], covariance, np.nan)
        found = xr.Dataset(
            {
                "mean": ((*lead, dim), mean, {"long_name": "mean of the forecast"}),
                "covariance": (
                    (*lead, dim, f"{dim}_bis"),
                    covariance,
                    {"long_name": "covariance of the forecast"},
                ),
            },
            {
                "sample": self.chosen,
                "horizon": ("horizon", ahead, {"long_name": "steps ahead"}),
                "trajectory": names,
                "time": data["time"].values[self.targets],
                "t": (("trajectory", "time"), data["t"].values[:, self.targets]),
                dim: labels,
                f"{dim}_bis": labels,
            },
            self.attrs,
        )
        return with_units(found, mean="state", covariance="state²")


def into_store(path: Path, forecasting: Forecasting) -> xr.Dataset:
    """Predict trajectories into a zarr directory, each block a task of the Dask scheduler that is active, and open it.

    Parameters
    ----------
    path
        The directory; it is there once all forecasts are.
    forecasting
        What is predicted.

    Raises
    ------
    StoreError
        If it cannot be written.
    ClusterError
        If a cluster is lost, or its workers die of a task or have another version of the package.
    """

    def parts() -> Iterator[xr.Dataset]:
        yield from in_order(_forecast_of, forecasting, forecasting.blocks())

    return fill(path, parts(), "trajectory")


def _forecast_of(forecasting: Forecasting, rows: slice) -> xr.Dataset:
    return forecasting.of(rows)
