r"""Few trajectories that tell a linear-Gaussian likelihood all that many do.

The innovations of a trajectory are linear in (1, y), and their covariances are the same for all trajectories with the
same steps. So with :math:`\bar y` and the scatter :math:`Z^\top Z` of n such trajectories

.. math:: \sum_{i=1}^n e(1, y_i)^\top S^{-1} e(1, y_i)
    = n\, e(1, \bar y)^\top S^{-1} e(1, \bar y) + \sum_j e(0, z_j)^\top S^{-1} e(0, z_j)

with e(w, y) the innovations of y where the model's means are multiplied by w: the filter is run on
:math:`\sqrt n\,(1, \bar y)` and the rows z of Z, one more than a trajectory has numbers, however many there are.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.linear_gaussian import LinearGaussian, shared_laws, shared_squares


class PseudoDocuments(eqx.Module):
    """Trajectories that stand for many, those whose steps begin alike together, padded to equal number and length.

    Parameters
    ----------
    values
        (family, row, time, observed).
    weight
        What the model's means are multiplied by, (family, row).
    last
        (family, row), the number of steps of each.
    seen
        (family, time, observed), the entries that are seen.
    number
        (family, time), the trajectories that they stand for at each step.
    step_index
        (family, time − 1), the Δt of each transition, as an index into ``steps``.
    steps
        (unique,), the different Δt, in time.
    level_terms
        w, (family, time, term), of the covariates that the level depends on; None if there are none.
    """

    values: Float[Array | np.ndarray, "family row time observed"]
    weight: Float[Array | np.ndarray, "family row"]
    last: Int[Array | np.ndarray, "family row"]
    seen: Bool[Array | np.ndarray, "family time observed"]
    number: Float[Array | np.ndarray, "family time"]
    step_index: Int[Array | np.ndarray, "family transition"]
    steps: Float[Array | np.ndarray, " unique"]
    level_terms: Float[Array | np.ndarray, "family time level_term"] | None = None

    def log_density(self, model: LinearGaussian) -> Float[Array, ""]:
        """Return the log density of all trajectories that are stood for, in nats.

        Parameters
        ----------
        model
            The state-space model, its transitions those over ``steps``.
        """

        def of_family(parts: tuple[Array, ...]) -> Float[Array, ""]:
            values, weight, last, seen, number, index = parts
            laws = shared_laws(model, index, seen)
            counted = jnp.arange(len(number)) < last[:, None]
            squares = shared_squares(model, laws, values, counted, weight)
            return -0.5 * (jnp.sum(squares) + jnp.sum(number * laws.normalizer))

        families = self.values, self.weight, self.last, self.seen, self.number, self.step_index
        return jnp.sum(jax.lax.map(of_family, tuple(map(jnp.asarray, families))))

    def centred(self, model: ObservedSDE) -> PseudoDocuments:
        """Return what stands for the trajectories less the level, which enters as the means do."""
        if model.level_slopes is None or self.level_terms is None:
            return self
        level = jnp.asarray(self.level_terms) @ model.level_slopes @ model.matrix.T
        weighted = jnp.asarray(self.weight)[..., None, None] * level[:, None]
        return eqx.tree_at(lambda o: o.values, self, jnp.asarray(self.values) - weighted)
