"""An SDE together with its initial law and the way it is observed."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.types import Matrix, Scalar
from sdebayes.dynamics.scale_mixture import ScaleMixture
from sdebayes.dynamics.sde import SDE


@checked
class ObservedSDE(eqx.Module):
    """Everything that is needed to simulate and to score observations of an SDE.

    X(t₁) ~ N(m₀, P₀), dX = f dt + G dW, Y_k = H (X(t_k) + c) + ε_k with c ~ N(0, C) once a trajectory and
    ε_k ~ N(0, R), or a scale mixture of such distributions.

    Parameters
    ----------
    sde
        Drift and diffusion.
    initial_mean
        m₀, (state,).
    initial_covariance
        P₀, (state, state).
    matrix
        H, (observed, state).
    noise_covariance
        R, (observed, observed); zero for exact observation.
    effect_covariance
        C, (state, state), the covariance of the trajectory effect; zero without one.
    degrees_of_freedom
        ν of Student-t innovations of exactly observed states; None for normal ones.
    noise_scales
        What R is multiplied by, at random, at each step; None for normal noise.
    noise_slopes
        β, (term,): at a step whose covariates make the terms w, R is multiplied by exp(w · β); None where it is the
        same at all steps.
    level_slopes
        B, (term, state): at a step whose covariates make the terms w, Y_k = H (X(t_k) + c + B w) + ε_k; None without.
    generator
        Q, (regime, regime), in 1/time, of the Markov chain that rules which of several drifts and diffusions is in
        force. ``sde``, m₀ and P₀ then have a leading regime axis. None where there is one regime.

    See Also
    --------
    sdebayes.SDE : Without observation.
    sdebayes.Posterior.observed_sde : One for each draw.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 3, 0.1)
    >>> one, none = jnp.eye(1), jnp.zeros((1, 1))
    >>> observed = sb.dynamics.ObservedSDE(truth, jnp.zeros(1), one, one, 0.09 * one, none)
    >>> dict(sb.simulate(observed, times=[0, 1, 2], paths=8)["y"].sizes)
    {'sample': 1, 'path': 8, 'time': 3, 'state': 1}
    """

    sde: SDE
    initial_mean: Float[Array, "*regime state"]
    initial_covariance: Float[Array, "*regime state state"]
    matrix: Float[Array, "observed state"]
    noise_covariance: Float[Array, "observed observed"]
    effect_covariance: Matrix
    degrees_of_freedom: Scalar | None = None
    noise_scales: ScaleMixture | None = None
    noise_slopes: Float[Array, "*sample term"] | None = None
    level_slopes: Float[Array, "*sample level_term state"] | None = None
    generator: Float[Array, "regime regime"] | None = None

    def of_regime(self, place: int) -> ObservedSDE:
        """Return what there would be if one regime stayed in force.

        Parameters
        ----------
        place
            Its place along the regime axis.

        Returns
        -------
        ObservedSDE
            Without regimes.
        """

        def own(leaf: Any) -> Any:
            return leaf[place] if eqx.is_array(leaf) else leaf

        def parts(one: ObservedSDE) -> tuple[Any, ...]:
            return one.sde, one.initial_mean, one.initial_covariance, one.generator

        found = (*jax.tree.map(own, parts(self)[:3]), None)
        return eqx.tree_at(parts, self, found, is_leaf=lambda leaf: leaf is None)
