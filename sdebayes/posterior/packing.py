"""Observed steps of all trajectories in one row after another, without the padding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float, Int

from sdebayes._core import stored
from sdebayes._core.draws import evenly_spread
from sdebayes.data.attached import Steps, read_covariates
from sdebayes.data.container import pack
from sdebayes.likelihood import Observations
from sdebayes.model.covariates import read_covariate
from sdebayes.model.scale import data_scale
from sdebayes.model.sdemodel import SDEModel
from sdebayes.priors.base import DataScale

SEED = "replicate_seed"
"""The constant that replicated data are drawn with."""

_COVARIATE = "covariate_"
_MOST_POINTS = 20_000


@dataclass(frozen=True)
class Packing:
    """Which rows of padded arrays hold an observed step.

    Parameters
    ----------
    rows, columns
        Trajectory and step of each packed row.
    seen
        (transition, observed), which entries have a value.
    times
        (transition,), in time.
    names
        Names of the trajectories.
    labels
        Names of the observed coordinates.
    dim
        Dimension of the observed coordinates: ``"state"``, or ``"observed"`` where H makes them of the states.
    """

    rows: Int[np.ndarray, " transition"]
    columns: Int[np.ndarray, " transition"]
    seen: Bool[np.ndarray, "transition observed"]
    times: Float[np.ndarray, " transition"]
    names: list[str]
    labels: list[str]
    dim: str

    def pack(self, padded: Array | np.ndarray) -> np.ndarray:
        """Take the packed rows of (..., trajectory, time)."""
        return np.asarray(padded)[..., self.rows, self.columns]

    def labelled(self, variables: Mapping[str, object]) -> xr.Dataset:
        """Make a dataset over ``transition`` with the trajectory, step and time of each row."""
        coords = {
            "trajectory": ("transition", np.array(self.names)[self.rows]),
            "time": ("transition", self.columns),
            "t": ("transition", self.times),
        }
        return xr.Dataset(variables, coords)

    def values(self, padded: Array | np.ndarray) -> np.ndarray:
        """Take the packed values of (..., trajectory, time, observed); NaN where none was observed."""
        return np.where(self.seen, np.asarray(padded)[..., self.rows, self.columns, :], np.nan)

    def dataset(self, padded: Array | np.ndarray) -> xr.Dataset:
        """Make ``y`` over (transition, coordinate) of padded values."""
        variables = {"y": (("transition", self.dim), self.values(padded))}
        return self.labelled(variables).assign_coords({self.dim: self.labels})

    def constant_data(self, data: xr.Dataset, model: SDEModel) -> xr.Dataset:
        """Keep what later steps need of the data: times, the state space, the data's scale."""
        dataset = self.labelled({"trajectory_index": ("transition", self.rows)})
        space = [name for name in data.data_vars if str(name).startswith("space_")]
        scale = model.frozen_scale
        dataset = dataset.assign(
            scale_location=("state", scale.location),
            scale_variance=("state", scale.variance),
            scale_rate=("state", scale.rate),
            scale_observed_variance=(self.dim, scale.observed_variance),
            scale_step=scale.step,
            scale_decorrelation_time=("state", scale.decorrelation_time),
            scale_extent=("state", scale.extent),
            scale_points=(("point", "state"), scale.points),
            scale_path_variance=("state", scale.path_variance),
            scale_duration=scale.duration,
        ).assign_coords(state=list(scale.states))
        for covariate in model.covariates:
            values, seen = read_covariate(data, covariate, "The model")
            kept = values[seen] if values.dtype.kind != "O" else values[seen].astype(str)
            dataset[_COVARIATE + covariate] = ("transition", kept)
        if "group" in data:
            dataset["trajectory_group"] = ("transition", data["group"].values.astype(str)[self.rows])
        if scale.groups:
            dataset["scale_groups"] = ("group", list(scale.groups))
        if len(scale.covariates):
            dataset["scale_covariates"] = (("covariate", "moment"), np.array(scale.covariates))
        if scale.levels:
            dataset["scale_levels"] = stored.encode(scale.levels)
        for name in space:
            dataset[name] = data[name].drop_vars([c for c in data[name].coords if c not in ("state",)])
        return dataset.assign_attrs(data.attrs)


def pack_steps(data: xr.Dataset, model: SDEModel, observations: Observations) -> Packing:
    """Find the observed steps of a data set as the model reads it."""
    seen = np.asarray(observations.seen)
    rows, columns = np.nonzero(seen.any(-1))
    whole = model.observation.observation_matrix is None
    return Packing(
        rows,
        columns,
        seen[rows, columns],
        np.asarray(observations.times)[rows, columns],
        [str(name) for name in data["trajectory"].values],
        [str(label) for label in data["state"].values],
        "state" if whole else "observed",
    )


def stored_scale(tree: xr.DataTree) -> DataScale:
    """Read the scale that the prior of a posterior was frozen with, which may be that of other data."""
    constant = tree["constant_data"].to_dataset()
    return DataScale(
        tuple(str(label) for label in constant["state"].values),
        constant["scale_location"].values,
        constant["scale_variance"].values,
        constant["scale_rate"].values,
        constant["scale_observed_variance"].values,
        float(constant["scale_step"]),
        constant["scale_decorrelation_time"].values,
        constant["scale_extent"].values,
        constant["scale_points"].values,
        constant["scale_path_variance"].values,
        float(constant["scale_duration"]),
        tuple(map(tuple, constant["scale_covariates"].values.tolist()))
        if "scale_covariates" in constant
        else (),
        stored.decode(str(constant["scale_levels"].values)) if "scale_levels" in constant else (),
        tuple(map(str, constant["scale_groups"].values)) if "scale_groups" in constant else (),
    )


def training_data(tree: xr.DataTree) -> xr.Dataset:
    """Rebuild the trajectories a posterior was fitted to from its packed rows.

    Steps at which nothing was observed come back only where a later step of their trajectory makes them count.
    """
    observed, constant = tree["observed_data"].to_dataset(), tree["constant_data"].to_dataset()
    index = constant["trajectory_index"].values
    dim = "state" if "state" in observed["y"].dims else "observed"
    order = np.unique(index)
    names = [str(observed["trajectory"].values[index == i][0]) for i in order]
    values = [observed["y"].values[index == i] for i in order]
    times = [observed["t"].values[index == i] for i in order]
    dataset = pack(values, times, names, "state").assign_coords(state=list(observed[dim].values))
    covariates = {
        str(name).removeprefix(_COVARIATE): [constant[name].values[index == i] for i in order]
        for name in constant.data_vars
        if str(name).startswith(_COVARIATE)
    }
    covariates.pop("t", None)
    covariates.pop("group", None)
    if "trajectory_group" in constant:
        own = [str(constant["trajectory_group"].values[index == i][0]) for i in order]
        dataset = dataset.assign_coords(group=("trajectory", own))
    counts = [len(one) for one in values]
    _, along = read_covariates(covariates, Steps(names, counts, counts))
    return dataset.assign(along).assign_attrs({**dataset.attrs, **constant.attrs})


def training_scale(tree: xr.DataTree, model: SDEModel) -> DataScale:
    """Return the scale of the data a posterior was fitted to, wherever its prior was frozen."""
    return data_scale(training_data(tree), model.observation)


def training_points(tree: xr.DataTree, model: SDEModel) -> Float[np.ndarray, "point state"]:
    """Return states of the training data, evenly over all steps, carried to state space where H is given."""
    y = np.asarray(tree["observed_data"]["y"].values, dtype=float)
    seen = y[np.isfinite(y).all(axis=-1)]
    H = model.observation.observation_matrix
    chosen = seen[evenly_spread(len(seen), _MOST_POINTS)]
    return chosen if H is None else chosen @ np.linalg.pinv(H).T
