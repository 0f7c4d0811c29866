"""The law of an observation several steps ahead: what the filter knew then, carried on without looking."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdebayes.dynamics import ObservedSDE
from sdebayes.model.filters import ExtendedKalman
from sdebayes.model.likelihood import filtered_affine, transitions_of
from sdebayes.model.nonlinear_filtering import Law, carry, clock, observed_covariance, sum_parts
from sdebayes.model.observation import AbstractObservation
from sdebayes.model.observations import Observations
from sdebayes.schemes import AbstractScheme

Step = Callable[[Law, Array, Array], Law]
Start = tuple[tuple[Array, Array], Step, tuple[Array, Array], bool]
"""Filtered laws, the step of one law, what it reads of each step of the data, and whether all trajectories share it."""


def horizon_laws(
    model: ObservedSDE,
    scheme: AbstractScheme,
    observation: AbstractObservation,
    observations: Observations,
    horizon: int,
    targets: Int[Array, " target"],
) -> tuple[
    Float[Array, "horizon trajectory target observed"], Float[Array, "horizon some target observed observed"]
]:
    r"""Return mean and covariance of y_k given y_1, …, y_{k−h}, for each step k of ``targets`` and h = 1, …, H.

    Each law of z = (x, c) is the law of the step before it, one horizon less, carried over one step,

    .. math::
        N(m, P)_{k \mid k-h} = \mathrm{step}\bigl(N(m, P)_{k-1 \mid k-h}\bigr), \qquad h = 1, …, H,

    from the filter's own law at h = 0. The step is exact where the SDE is linear; else it is the filter's normal
    approximation, or the extended Kalman filter's for exact observation.

    Parameters
    ----------
    model, scheme, observation
        The SDE as it is observed, and how its law is computed.
    observations
        The data, no step left out, so that a horizon counts the steps of the data.
    horizon
        H.
    targets
        Steps k to be forecast. Where k < h nothing was seen, and the entry has no meaning.

    Returns
    -------
    (mean, covariance)
        The covariances have one trajectory where all trajectories share them.
    """
    start = _affine_start if model.sde.affine else _nonlinear_start
    filtered, step, inputs, shared = start(model, scheme, observation, observations)
    axis = None if shared else 0
    along = jax.vmap(jax.vmap(step), in_axes=((0, axis), axis, axis), out_axes=(0, axis))

    def further(laws: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        mean, P = laws
        following, spread = along((mean[:, :-1], P[..., :-1, :, :]), *inputs)
        mean = jnp.concatenate([mean[:, :1], following], 1)
        P = jnp.concatenate([P[..., :1, :, :], spread], -3)
        seen = sum_parts(mean[:, targets], model) @ model.matrix.T
        wanted = P[..., targets, :, :].reshape(-1, len(targets), *P.shape[-2:])
        return (mean, P), (seen, jax.vmap(jax.vmap(lambda P: observed_covariance(model, P)[1]))(wanted))

    _, laws = jax.lax.scan(further, filtered, length=horizon)
    return laws


def _affine_start(
    model: ObservedSDE, scheme: AbstractScheme, observation: AbstractObservation, observations: Observations
) -> Start:
    """Prepare a linear SDE, whose covariances depend on the times and gaps alone."""
    laws = transitions_of(model, scheme, observations.steps)
    n = model.initial_mean.shape[0]

    def step(law: Law, u: Array, _: Array) -> Law:
        F = laws.matrix[u]
        return carry(law, F @ law[0][:n] + laws.shift[u], F, laws.covariance[u])

    _, filtered = filtered_affine(model, scheme, observation, observations)
    index = jnp.asarray(observations.step_index)
    if not observations.shared:
        return (filtered.mean, filtered.covariance), step, (index, index), False
    longest = jnp.argmax(jnp.any(jnp.asarray(observations.seen), -1).sum(-1))
    return (filtered.mean, filtered.covariance[longest]), step, (index[0], index[0]), True


def _nonlinear_start(
    model: ObservedSDE, scheme: AbstractScheme, observation: AbstractObservation, observations: Observations
) -> Start:
    gaussian = ExtendedKalman() if observation.exact else observation.filter
    filtered = gaussian.run(model, scheme, observations, observation.trajectory_effect)
    n = model.initial_mean.shape[0]

    def step(law: Law, t: Array, dt: Array) -> Law:
        return carry(law, *gaussian.linearize(scheme, model.sde, law[0][:n], law[1][:n, :n], t, dt))

    times, dts = clock(observations)
    return (filtered.mean, filtered.covariance), step, (times[:, 1:], dts[:, 1:]), False
