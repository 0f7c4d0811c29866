"""The DataTree of a fit, as ArviZ reads it."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import Float, Float64, Int

from sdebayes._core.keys import single_keys
from sdebayes._core.types import Key
from sdebayes.dynamics import ObservedSDE
from sdebayes.inference.problem import Problem
from sdebayes.inference.strategy import Draws
from sdebayes.inference.target import Density
from sdebayes.likelihood import Observations
from sdebayes.model.groups import SCALE
from sdebayes.model.scale import data_scale
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior import compiled, replicated
from sdebayes.posterior.packing import SEED, Packing, pack_steps
from sdebayes.posterior.probes import probe_points, probes
from sdebayes.posterior.relabelling import relabelled
from sdebayes.posterior.replicated import PREDICTIVE_DRAWS, kept_draws

PRIOR_DRAWS = 500


def build_tree(
    problem: Problem,
    data: xr.Dataset,
    draws: Draws,
    key: Key,
    prior: Read,
) -> xr.DataTree:
    """Make all groups of a posterior but those of replicated data.

    Parameters
    ----------
    problem
        What the strategy was asked to solve.
    data
        The trajectories the model was fitted to.
    draws
        What the strategy drew.
    key
        Random key of what is replicated.
    prior
        Draws of the prior.
    """
    model, observations = problem.model, problem.observations
    draws = relabelled(problem, draws)
    packing = pack_steps(data, model, observations)
    posterior = _reader(problem, data)(draws.position)
    log_likelihood, log_predictive = _densities(model, observations, packing, posterior)
    of_prior = kept_draws((1, PRIOR_DRAWS), packing.seen.size, PREDICTIVE_DRAWS).size
    seed = jax.random.bits(jax.random.split(key, 3)[1], dtype=np.uint32)
    groups = {
        "posterior": posterior.parameters,
        "unconstrained": posterior.unconstrained,
        "sample_stats": xr.Dataset(
            {name: (("chain", "draw"), value) for name, value in draws.statistics.items()}
        ),
        "log_prior": posterior.log_prior,
        "log_likelihood": log_likelihood,
        "log_predictive": log_predictive,
        "observed_data": packing.dataset(observations.values),
        "constant_data": packing.constant_data(data, model).assign({SEED: np.int64(seed)}),
        "prior": prior.parameters,
        "unconstrained_prior": prior.unconstrained.isel(draw=slice(of_prior)),
        **{name: _named(dataset, packing.names) for name, dataset in draws.groups.items()},
    }
    return xr.DataTree.from_dict({name: _numbered(dataset) for name, dataset in groups.items()})


def read_prior(
    problem: Problem,
    data: xr.Dataset,
    density: Density,
    key: Key,
    positions: Float[np.ndarray, "draw dimension"] | None = None,
) -> Read:
    """Draw from the prior, in every form that the groups need; no draw of the posterior is needed for it.

    Parameters
    ----------
    problem, data
        As in `build_tree`.
    density
        That of the problem, found before: threads that look for it at the same time would each trace the prior.
    key
        Random key.
    positions
        Draws of the prior, where they are not the model's own.
    """
    if positions is None:
        positions = draw_positions(density, jax.random.split(key, 3)[0])
    return _reader(problem, data)(positions[None])


def _reader(problem: Problem, data: xr.Dataset) -> _Reader:
    model = problem.model
    return _Reader(model, problem.density, probe_points(model, data_scale(data, model.observation)))


def draw_positions(density: Density, key: Key) -> Float[np.ndarray, "draw dimension"]:
    """Draw positions from the prior."""
    return np.stack([density.draw_prior(one) for one in single_keys(key, PRIOR_DRAWS)])


def _named(dataset: xr.Dataset, trajectories: Any) -> xr.Dataset:
    return dataset.assign_coords(trajectory=trajectories) if "trajectory" in dataset.dims else dataset


def _numbered(dataset: xr.Dataset) -> xr.Dataset:
    missing = {
        dim: np.arange(dataset.sizes[dim])
        for dim in ("chain", "draw")
        if dim in dataset.sizes and dim not in dataset.coords
    }
    return dataset.assign_coords(missing)


class Read(NamedTuple):
    """Draws of the prior or the posterior, in every form that the groups need."""

    shape: tuple[int, int]
    stacked: ObservedSDE
    parameters: xr.Dataset
    unconstrained: xr.Dataset
    log_prior: xr.Dataset


class _Reader:
    """Turn positions (chain, draw, dimension) into named groups."""

    def __init__(
        self, model: SDEModel, density: Density, points: tuple[list[str], Float64[np.ndarray, "point state"]]
    ) -> None:
        self.model = model
        self.density = density
        self.points = points
        self.read = compiled.reading(model)

    def __call__(self, positions: np.ndarray) -> Read:
        shape = positions.shape[:2]
        free = self.density.sites(positions.reshape(-1, positions.shape[-1]))
        sites, stacked, prior = self.read(free)
        lead = ("chain", "draw")

        def folded(values: dict[str, np.ndarray], dims: dict[str, list[str]]) -> dict[str, Any]:
            return {
                name: ((*lead, *dims[name]), values[name].reshape(*shape, *values[name].shape[1:]))
                for name in dims
            }

        own = {name: [f"{name}_dim_{axis}" for axis in range(value.ndim - 1)] for name, value in free.items()}
        return Read(
            shape,
            stacked,
            self._parameters(folded(*self._by_group(sites)), stacked, shape),
            xr.Dataset(folded(free, own)),
            xr.Dataset(folded(prior, {name: [] for name in prior})),
        )

    def _by_group(self, sites: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, list[str]]]:
        """Return parameters with their dimensions: ``group`` is one of those that vary between groups."""
        dims, pooling = self.model.dims(), self.model.pooling
        if pooling is None:
            return sites, dims
        common = {name: values[:, 0] for name in dims if not np.ptp(values := sites[name], axis=1).any()}
        varying: dict[str, list[str]] = {
            name: ["group", *own] for name, own in dims.items() if name not in common
        }
        scales: dict[str, list[str]] = {name + SCALE: [] for name in pooling.widths}
        return sites | common, dims | varying | scales

    def _parameters(
        self, variables: dict[str, Any], stacked: ObservedSDE, shape: tuple[int, int]
    ) -> xr.Dataset:
        states, regimes = list(self.model.frozen_scale.states), self.model.regimes
        labels = [] if regimes is None else regimes.labels
        used = {dim for dims, _ in variables.values() for dim in dims}
        known = {"state": states, "state_bis": states, "regime": labels, "regime_bis": labels}
        known |= {"group": list(self.model.frozen_scale.groups)} | self.model.coords()
        coords = {dim: labels for dim, labels in known.items() if dim in used}
        dataset = xr.Dataset(variables, coords)
        return dataset.merge(
            probes(self.model, stacked.sde, self.points, dict(zip(("chain", "draw"), shape, strict=True)))
        )


def _flat(shape: tuple[int, int], draws: Int[np.ndarray, " draw"]) -> Int[np.ndarray, " sample"]:
    """Return where draws of all chains stand, chain after chain."""
    return (np.arange(shape[0])[:, None] * shape[1] + draws).reshape(-1)


def _densities(
    model: SDEModel, observations: Observations, packing: Packing, draws: Read
) -> tuple[xr.Dataset, xr.Dataset]:
    """Return log likelihoods, of transitions or trajectories, and log p(y_k | y_1, …, y_{k−1}): blocks of draws."""
    by_transition, steps = model.likelihood.by_transition(observations), packing.rows.size
    own = kept_draws(draws.shape, steps if by_transition else len(observations.values))
    thin = kept_draws(draws.shape, steps, PREDICTIVE_DRAWS)
    of_own, of_thin = _flat(draws.shape, own), _flat(draws.shape, thin)
    used = np.union1d(of_own, of_thin)
    size = max(1, replicated.MOST_NUMBERS // observations.times.size)
    terms_of = compiled.step_terms(model.likelihood)
    whole: list[np.ndarray] = []
    some: list[np.ndarray] = []
    for start in range(0, len(used), size):
        block = used[start : start + size]
        stacked = jax.tree.map(lambda leaf: leaf[block], draws.stacked)  # noqa: B023
        terms = terms_of(stacked, observations)
        wanted = terms[np.isin(block, of_own)]
        whole.append(packing.pack(wanted) if by_transition else wanted.sum(-1))
        some.append(packing.pack(terms[np.isin(block, of_thin)]))

    def folded(parts: list[np.ndarray]) -> np.ndarray:
        values = np.concatenate(parts)
        return values.reshape(draws.shape[0], -1, values.shape[-1])

    def over_transitions(parts: list[np.ndarray], kept: np.ndarray) -> xr.Dataset:
        variables = {"y": (("chain", "draw", "transition"), folded(parts))}
        return packing.labelled(variables).assign_coords(draw=kept)

    if by_transition:
        return over_transitions(whole, own), over_transitions(some, thin)
    dims, coords = ("chain", "draw", "trajectory"), {"trajectory": packing.names, "draw": own}
    return xr.Dataset({"y": (dims, folded(whole))}, coords), over_transitions(some, thin)
