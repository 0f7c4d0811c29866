"""What a posterior of several groups has beside that of one: a posterior for each group, and scores under each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.flatten_util import ravel_pytree
from scipy.special import log_softmax

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.compiled import Compiled
from sdebayes._core.draws import choose_draws, take_draws
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Count, Positive, Seed
from sdebayes.dynamics import ObservedSDE
from sdebayes.inference.problem import Problem
from sdebayes.inference.strategy import Draws
from sdebayes.likelihood.labelled import labelled_scores
from sdebayes.model.groups import Pooling
from sdebayes.posterior import compiled, serialization
from sdebayes.posterior.export import build_tree, draw_positions, read_prior
from sdebayes.posterior.packing import training_data
from sdebayes.posterior.trained import Trained

MOST_DRAWS = 100

_NO_GROUPS = (
    "The posterior has no groups: give by_group=True to what may differ between them, as in "
    "SDEModel(drift=priors.Linear(by_group=True)), and fit data that say the group of each trajectory."
)


@checked
class Groups(Trained):
    """The part of a posterior that is about groups of trajectories."""

    @cached_property
    def _observed_sde(self) -> ObservedSDE:
        """The SDEs of all draws: every array has a leading sample axis, and behind it that of the groups, if any."""
        free = self.data["unconstrained"].to_dataset()
        sites = {str(name): array.values.reshape(-1, *array.shape[2:]) for name, array in free.items()}
        with precision.scope(self.data.attrs["precision"]):
            return jax.tree.map(jax.device_put, compiled.reading(self.model)(sites)[1])

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups; none where no prior has ``by_group``."""
        return () if self.model.pooling is None else self.model.pooling.groups

    def group_log_score(self, data: xr.Dataset, weights: Mapping[str, Positive] | None = None) -> xr.Dataset:
        r"""Score each trajectory under each group, and say from which it is likely to come.

        .. math::
            \log \frac{1}{S} \sum_s p(y_{i,1:n} \mid θ_{s,g}), \qquad
            p(g \mid y_i) \propto π_g\, \frac{1}{S} \sum_s p(y_{i,1:n} \mid θ_{s,g}).

        Parameters
        ----------
        data
            Trajectories in the state space of the training data; their own groups, if they have any, are not read.
        weights
            π_g before the trajectory is read, a positive number for each group; default: equal ones.

        Returns
        -------
        xr.Dataset
            ``log_score`` in nats and ``probability``, (trajectory, group), with the coords of ``log_score``. Of
            trajectories that the model was fitted to they are too sure.

        Raises
        ------
        ModelError
            If the posterior has no groups, or the weights are not of its groups.
        StateSpaceError, DataError
            As ``log_score``.
        """
        stacked = self.observed_sde_by_group()
        weights = dict.fromkeys(self.groups, 1.0) if weights is None else weights
        if set(weights) != set(self.groups):
            raise ModelError(
                f"weights are of {sorted(weights)}; expected one for each of {list(self.groups)}."
            )
        self.check_alike(data)
        one = self.model.of_one_group
        score = compiled.log_density(one.likelihood)
        with precision.scope(self.data.attrs["precision"]), precision.single_blas_thread():
            read = one.read(data)
            found = [
                score(jax.tree.map(lambda leaf, g=g: leaf[:, g], stacked), read)
                for g in range(len(self.groups))
            ]
        scores = xr.concat([labelled_scores(terms, data, read, {}) for terms in found], "group")
        scores = scores.assign_coords(group=list(self.groups)).transpose("trajectory", "group")
        prior = np.log([float(weights[name]) for name in self.groups])
        probability = np.exp(log_softmax(scores.values + prior, axis=1))
        return xr.Dataset({"log_score": scores, "probability": (("trajectory", "group"), probability)})

    def draw_prior(self, draws: Count = 200, seed: Seed = 0, group: str | None = None) -> ObservedSDE:
        """Draw from the prior what `observed_sde` has of the posterior: any analysis takes it.

        Parameters
        ----------
        draws, seed
            Number of draws, and their seed.
        group
            Whose, where there are groups; those of one seed are draws of all groups together.

        Returns
        -------
        ObservedSDE
            With a leading sample axis on every array.
        """
        self._check_one(group)
        drawn = compiled.draw_prior(self.model, self.data.attrs["precision"], draws, seed)
        place = None if group is None else self._place(group)
        return drawn if place is None else jax.tree.map(lambda leaf: leaf[:, place], drawn)

    def _draws(self, samples: int | None, bytes_per_draw: int) -> tuple[ObservedSDE, np.ndarray]:
        total = self.data["unconstrained"].sizes["chain"] * self.data["unconstrained"].sizes["draw"]
        chosen = choose_draws(total, bytes_per_draw, samples, MOST_DRAWS)
        return take_draws(self._observed_sde, chosen), chosen

    def observed_sde_by_group(self) -> ObservedSDE:
        """Return the SDEs of all groups: every array has a leading sample axis and a group axis behind it."""
        if not self.groups:
            raise ModelError(_NO_GROUPS)
        return self._observed_sde

    def _place(self, name: str) -> int:
        if name not in self.groups:
            known = f"The posterior has no group {name!r}; it has {', '.join(map(repr, self.groups))}."
            raise ModelError(known if self.groups else _NO_GROUPS)
        return self.groups.index(name)

    def _check_one(self, group: str | None = None) -> None:
        """Raise a ModelError unless there is one SDE."""
        if self.groups and group is None:
            raise ModelError(
                f"The posterior is of the groups {', '.join(map(repr, self.groups))}, each with an SDE of its own; "
                f"take one: posterior.group({self.groups[0]!r}). What differs between them: "
                "sdebayes.analysis.contrast.contrast."
            )
        if self.model.regimes is not None:
            raise ModelError(
                f"The posterior is of {self.model.regimes.n} regimes, each with an SDE of its own; take the one that "
                "there would be if a regime stayed in force: posterior.regime(1). Which steps are of which: "
                "posterior.regime_probability(data)."
            )


def group_tree(posterior: Groups, name: str, place: int) -> xr.DataTree:
    """Make the tree of one group: its draws, its trajectories, its part of the prior.

    Parameters
    ----------
    posterior
        The fit of all groups.
    name, place
        The group, and its place among all.
    """
    tree, model = posterior.data, posterior.model.of_one_group
    pooling = posterior.model.pooling
    if pooling is None:
        raise ModelError(_NO_GROUPS)
    whole, data = training_data(tree), _data_of(tree, name)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(tree.attrs["seed"]), place), 3)
    free = tree["unconstrained"].to_dataset()
    shape = free.sizes["chain"], free.sizes["draw"]
    with precision.scope(tree.attrs["precision"]), precision.single_blas_thread():
        density = Problem(posterior.model, posterior.model.read(whole), keys[0]).density
        before = density.sites(draw_positions(density, keys[1]))
        after = {str(site): v.values.reshape(-1, *v.shape[2:]) for site, v in free.data_vars.items()}
        draws = Draws(
            _positions(pooling, after, place).reshape(*shape, -1),
            {str(key): value.values for key, value in tree["sample_stats"].data_vars.items()},
        )
        problem = Problem(model, model.read(data), keys[0])
        prior = read_prior(problem, data, problem.density, keys[2], _positions(pooling, before, place))
        made = build_tree(problem, data, draws, keys[2], prior)
    made.attrs.update(tree.attrs | serialization.described_model(model) | {"group": name})
    return made


def _data_of(tree: xr.DataTree, name: str) -> xr.Dataset:
    """Return the training data of one group, with the state space that they are in."""
    whole, constant = training_data(tree), tree["constant_data"].to_dataset()
    own = whole.isel(trajectory=np.flatnonzero(whole["group"].values == name))
    space = {key: values for key, values in constant.data_vars.items() if str(key).startswith("space_")}
    return own.isel(time=slice(0, int(own["n_steps"].max()))).assign(space)


def _positions(pooling: Pooling, free: Mapping[str, Any], place: int) -> np.ndarray:
    """Return one group's flat positions, (sample, dimension), of the unconstrained sites of all, (sample, …)."""

    def one(sites: dict[str, Any]) -> Any:
        own = pooling.of_groups(sites)
        return ravel_pytree({site: v[place] if site in pooling.widths else v for site, v in own.items()})[0]

    return np.asarray(Compiled(jax.vmap(one))({name: jnp.asarray(values) for name, values in free.items()}))
