"""The law of an observation several steps ahead: what the filter knew then, carried on without looking."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.gaussian_steps import Law, observed_covariance, sum_parts


class Start(NamedTuple):
    """What is known where forecasts begin, and how it is carried on.

    Attributes
    ----------
    laws
        Means and covariances of z_k given y_1, …, y_k, with the leading axes (trajectory, time), or the covariances
        with (time,) alone.
    step
        From the law of a step and what is read of the data for it to the law of the next step.
    inputs
        What is read of the data, twice (trajectory, transition) or (transition,).
    shared
        Whether all trajectories share their covariances.
    """

    laws: tuple[Array, Array]
    step: Callable[[Law, Array, Array], Law]
    inputs: tuple[Array, Array]
    shared: bool


def horizon_laws(
    model: ObservedSDE,
    begin: Start,
    horizon: int,
    targets: Int[Array, " target"],
    factors: Float[Array, "trajectory time"],
) -> tuple[
    Float[Array, "horizon trajectory target observed"], Float[Array, "horizon some target observed observed"]
]:
    r"""Return mean and covariance of y_k given y_1, …, y_{k−h}, for each step k of ``targets`` and h = 1, …, H.

    Each law of z = (x, c) is the law of the step before it, one horizon less, carried over one step,

    .. math::
        N(m, P)_{k \mid k-h} = \mathrm{step}\bigl(N(m, P)_{k-1 \mid k-h}\bigr), \qquad h = 1, …, H,

    from the filter's own law at h = 0.

    Parameters
    ----------
    model
        The SDE as it is observed.
    begin
        Where forecasts begin. No step of the data is left out, so that a horizon counts the steps of the data.
    horizon
        H.
    targets
        Steps k to be forecast. Where k < h nothing was seen, and the entry has no meaning.
    factors
        What R is multiplied by at each step.

    Returns
    -------
    (mean, covariance)
        The covariances have one trajectory where all trajectories share them.
    """
    filtered, step, inputs, shared = begin
    axis = None if shared else 0
    observed = jax.vmap(jax.vmap(lambda P, factor: observed_covariance(model, P, factor)[1]))
    along = jax.vmap(jax.vmap(step), in_axes=((0, axis), axis, axis), out_axes=(0, axis))

    def further(laws: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        mean, P = laws
        following, spread = along((mean[:, :-1], P[..., :-1, :, :]), *inputs)
        mean = jnp.concatenate([mean[:, :1], following], 1)
        P = jnp.concatenate([P[..., :1, :, :], spread], -3)
        seen = sum_parts(mean[:, targets], model) @ model.matrix.T
        wanted = P[..., targets, :, :].reshape(-1, len(targets), *P.shape[-2:])
        return (mean, P), (seen, observed(wanted, factors[: len(wanted), targets]))

    _, laws = jax.lax.scan(further, filtered, length=horizon)
    return laws
