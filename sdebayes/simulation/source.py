"""One form for everything that can be simulated or analysed: a stacked ``ObservedSDE`` with labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeGuard

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sdebayes._core import precision
from sdebayes._core.arguments import Said, checked
from sdebayes._core.draws import take_draws
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Count
from sdebayes._core.linalg import stationary_covariance
from sdebayes._core.units import time_unit
from sdebayes.dynamics import SDE, AbstractAffineDrift, ObservedSDE
from sdebayes.simulation.posterior_like import PosteriorLike, WithGroups, WithRegimes

_CARRIED_ATTRIBUTES = ("time_unit", "step", "encoder", "space_hash", "warning")


@checked
@dataclass(frozen=True)
class Source:
    """A stacked SDE with its observation, precision, labels and provenance.

    Parameters
    ----------
    observed
        The SDE, its initial distribution and its observation; every array has a leading sample axis.
    precision
        ``"float64"`` or ``"float32"``, in which everything is computed.
    states
        Labels of the states.
    has_initial_law
        Whether ``initial_mean`` and ``initial_covariance`` mean anything.
    provenance
        netCDF-safe attributes that results carry on.
    region
        Middle and half-width of the box that the data fill, (2, state); None where there are no data.
    seen
        States of the data, (point, state); None where there are no data.
    n_chains
        Number of chains that the draws come from, one after another; None where that is not known.
    """

    observed: ObservedSDE
    precision: str
    states: tuple[str, ...]
    has_initial_law: bool
    provenance: dict[str, str | int | float]
    region: np.ndarray | None = None
    seen: np.ndarray | None = None
    n_chains: int | None = None

    @property
    def time_unit(self) -> str:
        """The unit of time, in the singular."""
        return time_unit(self.provenance)

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return self.observed.initial_mean.shape[0]

    @property
    def n_states(self) -> int:
        """Number of states."""
        return len(self.states)

    @property
    def sde(self) -> SDE:
        """The stacked SDE."""
        return self.observed.sde

    def take(self, draws: np.ndarray) -> Source:
        """Return the source of these draws alone, in this order."""
        return replace(self, observed=take_draws(self.observed, draws))

    def equilibrium(self) -> np.ndarray | None:
        """Zero of the drift of every draw, (sample, state), NaN where there is none; None if it is not affine."""
        drift = self.sde.drift.as_affine()
        if drift is None:
            return None
        with precision.scope(self.precision):
            return _equilibrium(drift)


type SourceLike = Annotated[
    Source | PosteriorLike | ObservedSDE | SDE,
    Said("a posterior, an SDE or an ObservedSDE", lambda value: not isinstance(value, type)),
]


@checked
def as_source(source: SourceLike, n_states: Count | None = None, *, whole: bool = False) -> Source:
    """Bring a posterior or an SDE into one form.

    Parameters
    ----------
    source
        A posterior; an ``ObservedSDE`` or an ``SDE``, single or stacked (every array with a leading sample axis).
        An SDE whose drift maps (state,) to (state,) and whose diffusion maps (state,) to (state, state) as it is
        counts as single; one that does so only under ``jax.vmap`` is stacked.
    n_states
        Number of states, for a single SDE made of functions from which it cannot be read.
    whole
        Whether a posterior of several groups or regimes is taken, with the arrays of all behind the sample axis.

    Returns
    -------
    Source
        Stacked, in the posterior's precision, and in ``float64`` for an SDE.

    Raises
    ------
    ModelError
        If the argument is none of these, its drift and diffusion do not fit together, or it is a posterior of several
        groups or regimes, which has no one SDE.
    """
    if isinstance(source, Source):
        return source
    if isinstance(source, SDE):
        return _from_sde(source, n_states)
    if isinstance(source, ObservedSDE):
        if source.generator is not None:
            raise ModelError("This ObservedSDE has several regimes; take one: observed.of_regime(0).")
        with precision.scope("float64"):
            observed = _lifted(source, stacked=source.initial_mean.ndim == 2)
        states = _labels(observed.initial_mean.shape[-1])
        return Source(observed, "float64", states, has_initial_law=True, provenance={"source": "ObservedSDE"})
    with precision.scope(source.precision):
        observed = _whole(source) if whole else source.observed_sde()
    return of_posterior(source, observed)


def of_groups(source: WithGroups) -> dict[str, Source]:
    """Return the SDEs of each group of a posterior, with the region of all data together.

    Parameters
    ----------
    source
        A posterior of several groups.
    """
    with precision.scope(source.precision):
        observed = source.observed_sde_by_group()
    return {
        name: of_posterior(source, jax.tree.map(lambda leaf, g=place: leaf[:, g], observed))
        for place, name in enumerate(source.groups)
    }


def _whole(source: PosteriorLike) -> ObservedSDE:
    if has_groups(source):
        return source.observed_sde_by_group()
    if isinstance(source, WithRegimes) and source.regimes:
        return source.observed_sde_by_regime()
    return source.observed_sde()


def has_groups(source: object) -> TypeGuard[WithGroups]:
    """Whether a source is a posterior of several groups."""
    return isinstance(source, WithGroups) and bool(source.groups)


def of_posterior(source: PosteriorLike, observed: ObservedSDE) -> Source:
    """Return an SDE with the labels, the precision and the region of a posterior."""
    provenance = {"source": "posterior", **_carried(source.data)}
    chains = source.data["unconstrained"].sizes["chain"] if "unconstrained" in source.data else None
    return Source(
        observed,
        source.precision,
        tuple(source.states),
        True,
        provenance,
        source.region,
        source.training_points,
        chains,
    )


def _from_sde(sde: SDE, n_states: int | None) -> Source:
    """Observe an SDE exactly; its initial law is the stationary one if it is a stable linear SDE."""
    with precision.scope("float64"):
        n = _dimension(sde, n_states)
        is_stacked = _is_stacked(sde, n)
        stacked = _lifted(sde, stacked=is_stacked)
        draws = (
            next(leaf for leaf in jax.tree.leaves(stacked) if eqx.is_array(leaf)).shape[0]
            if is_stacked
            else 1
        )
        mean = jnp.zeros((draws, n))
        covariance = jnp.zeros((draws, n, n))
        linear = stacked.linear
        stable = linear is not None and bool((np.linalg.eigvals(np.asarray(linear.matrix)).real > 0).all())
        if linear is not None and stable:
            mean = jnp.asarray(_equilibrium(linear.drift))
            covariance = jax.vmap(stationary_covariance)(linear.matrix, linear.covariance_rate)

        def exactly_observed(one: SDE, initial_mean: jax.Array, initial_covariance: jax.Array) -> ObservedSDE:
            zero = jnp.zeros((n, n))
            return ObservedSDE(one, initial_mean, initial_covariance, jnp.eye(n), zero, zero)

        observed = eqx.filter_vmap(exactly_observed)(stacked, mean, covariance)
    return Source(observed, "float64", _labels(n), has_initial_law=stable, provenance={"source": "SDE"})


def _equilibrium(drift: AbstractAffineDrift) -> np.ndarray:
    """Solve A b = v for every draw of a stacked drift."""
    matrices, offsets = np.asarray(drift.matrix), np.asarray(drift.offset)
    regular = np.linalg.matrix_rank(matrices) == matrices.shape[-1]
    equilibria = np.full(offsets.shape, np.nan)
    equilibria[regular] = np.linalg.solve(matrices[regular], offsets[regular, :, None])[..., 0]
    return equilibria


def _read(sde: SDE, x: Any) -> tuple[Any, Any]:
    """Drift and diffusion of every draw of a stacked SDE at one point."""
    return eqx.filter_vmap(
        lambda s, point: (s.drift(point), s.diffusion(point)), in_axes=(eqx.if_array(0), None)
    )(sde, x)


def _is_stacked(sde: SDE, n: int) -> bool:
    """Whether an SDE has a leading sample axis, found by the shapes that its functions return."""
    x = jax.ShapeDtypeStruct((n,), jnp.float64)
    failures = []
    for stacked in (False, True):
        try:
            drift, diffusion = eqx.filter_eval_shape(
                _read if stacked else lambda s, point: (s.drift(point), s.diffusion(point)), sde, x
            )
        except Exception as error:  # a user's function may raise anything at a shape it was not written for
            failures.append(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
            continue
        shapes = (drift.shape[int(stacked) :], diffusion.shape[int(stacked) :])
        if drift.ndim == 1 + stacked and shapes == ((n,), (n, n)):
            return stacked
        failures.append(f"drift {drift.shape} and diffusion {diffusion.shape}")
    raise ModelError(
        f"At a state of shape ({n},) the drift must return ({n},) and the diffusion ({n}, {n}). "
        f"Read as one SDE: {failures[0]}. Read as a stacked one: {failures[1]}. "
        "Mend the functions or the parameters' shapes."
    )


def _dimension(sde: SDE, told: int | None) -> int:
    """Read the number of states off the arrays of an affine drift or a constant diffusion, else take what was told."""
    drift, diffusion = sde.drift.as_affine(), sde.diffusion.as_constant()
    if drift is not None:
        return int(drift.matrix.shape[-1])
    if diffusion is not None:
        return int(diffusion.factor.shape[-1])
    if told is not None:
        return told
    raise ModelError(
        "The number of states cannot be read from an SDE whose drift and diffusion are both functions; "
        "pass a start (x0) or a state (at) of that length."
    )


def _lifted(tree: Any, *, stacked: bool) -> Any:
    """Bring numbers to the precision of the scope, and add the sample axis to a single SDE."""

    def lift(leaf: Any) -> Any:
        if eqx.is_inexact_array_like(leaf):
            leaf = jnp.asarray(leaf, jnp.result_type(float))
        return leaf if stacked or not eqx.is_array(leaf) else leaf[None]

    return jax.tree.map(lift, tree)


def _labels(n: int) -> tuple[str, ...]:
    return tuple(f"x{i + 1}" for i in range(n))


def _carried(data: Any) -> dict[str, str | int | float]:
    """Attributes of a posterior's data that results made from it keep."""
    attributes = dict(getattr(data, "attrs", {}))
    return {name: attributes[name] for name in _CARRIED_ATTRIBUTES if name in attributes}
