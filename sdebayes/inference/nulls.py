"""Models to beat: no dynamics at all, a trajectory effect alone, or a random walk seen through noise.

See Also
--------
sdebayes.compare : Has them as rows.

Examples
--------
Continuing the example of :func:`sdebayes.fit`:

>>> list(sb.nulls.fit(train))
['iid', 'iid + document effect', 'random walk + noise']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from scipy.optimize import minimize

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes.data.validation import feature_dim
from sdebayes.inference.curvature import hessian_of, inverse_factor
from sdebayes.inference.null_form import Flags, Parameters, log_density, start_of, width_of
from sdebayes.likelihood.arrays import Observations, read
from sdebayes.likelihood.labelled import check_space, scores
from sdebayes.model.rebuild import per_draw

__all__ = ["IID", "AbstractNull", "FittedNull", "IIDDocumentEffect", "RandomWalkNoise", "fit"]

Correlations = Literal["diagonal", "full"]
_DRAWS = 200
_FAR = 1e12


@checked
@dataclass(frozen=True)
class AbstractNull:
    """A model without dynamics that are of interest, to judge others by.

    Attributes
    ----------
    name
        Its row in a table of scores.

    See Also
    --------
    sdebayes.nulls.fit : Fits all of them.
    sdebayes.compare : Has them as rows.

    Examples
    --------
    >>> [null.name for null in (sb.nulls.IID(), sb.nulls.IIDDocumentEffect(), sb.nulls.RandomWalkNoise())]
    ['iid', 'iid + document effect', 'random walk + noise']
    """

    name: ClassVar[str]
    _flags: ClassVar[Flags]
    covariance: ClassVar[Correlations] = "diagonal"

    def fit(self, data: xr.Dataset) -> FittedNull:
        """Fit the null to training trajectories.

        Parameters
        ----------
        data
            Trajectories of states. Missing entries, gaps and irregular times are integrated out.

        Returns
        -------
        FittedNull
            The null with its posterior.

        Raises
        ------
        DataError
            If the data are not valid, or embeddings rather than states.
        """
        with precision.scope("float64"), precision.single_blas_thread():
            return _fitted(self, data)


@checked
class IID(AbstractNull):
    """Independent steps from one normal distribution with a full covariance matrix.

    See Also
    --------
    sdebayes.nulls.IIDDocumentEffect : Trajectories with a middle of their own.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> sb.nulls.IID().fit(train).log_score(test).sizes["trajectory"]
    4
    """

    name: ClassVar[str] = "iid"
    _flags: ClassVar[Flags] = Flags(0.0, 0.0, 0.0)


@checked
@dataclass(frozen=True)
class IIDDocumentEffect(AbstractNull):
    """Independent steps around a middle that each trajectory has for itself: all a normal model knows but order.

    Parameters
    ----------
    covariance
        Of the middles: ``"diagonal"`` or ``"full"``.

    See Also
    --------
    sdebayes.nulls.IID : Without the effect.
    sdebayes.nulls.RandomWalkNoise : With an order.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> null = sb.nulls.IIDDocumentEffect().fit(train)
    >>> bool(posterior.log_score(test).sum() > null.log_score(test).sum())
    True
    """

    name: ClassVar[str] = "iid + document effect"
    _flags: ClassVar[Flags] = Flags(0.0, 1.0, 0.0)
    covariance: Correlations = "diagonal"  # type: ignore[misc]


@checked
@dataclass(frozen=True)
class RandomWalkNoise(AbstractNull):
    """A random walk seen through noise: order, but no return to any equilibrium.

    Parameters
    ----------
    covariance
        Of the noise: ``"diagonal"`` or ``"full"``.

    See Also
    --------
    sdebayes.nulls.IIDDocumentEffect : Without an order.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> null = sb.nulls.RandomWalkNoise().fit(train)
    >>> bool(posterior.log_score(test).sum() > null.log_score(test).sum())
    True
    """

    name: ClassVar[str] = "random walk + noise"
    _flags: ClassVar[Flags] = Flags(1.0, 0.0, 1.0)
    covariance: Correlations = "diagonal"  # type: ignore[misc]


ALL: tuple[AbstractNull, ...] = (IID(), IIDDocumentEffect(), RandomWalkNoise())
NAMES = tuple(null.name for null in ALL)


@checked
def fit(data: xr.Dataset, nulls: Sequence[AbstractNull] = ALL) -> dict[str, FittedNull]:
    """Fit null models to training trajectories.

    Parameters
    ----------
    data
        Trajectories of states. Missing entries, gaps and irregular times are integrated out.
    nulls
        Which; all three by default.

    Returns
    -------
    dict
        A `FittedNull` for each name.

    Raises
    ------
    DataError
        If the data are not valid, or embeddings rather than states.

    See Also
    --------
    sdebayes.compare : Has the nulls as rows.
    sdebayes.claims : What beating them supports.

    Notes
    -----
    The posterior is the normal approximation at the mode, under a normal prior on unconstrained parameters that is wide
    (two standard deviations of the data, two units of a logarithm) and matters only for what the data do not tell.
    A null is scored as a model is, averaged over its posterior: with plug-in parameters it would lose what averaging
    gains, and a model fitted to shuffled texts would seem to find order.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> fitted = sb.nulls.fit(train)
    >>> {name: null.log_score(test).sizes["trajectory"] for name, null in fitted.items()}
    {'iid': 4, 'iid + document effect': 4, 'random walk + noise': 4}
    """
    return {null.name: null.fit(data) for null in nulls}


@checked
@dataclass(frozen=True, eq=False)
class FittedNull:
    """A null with its posterior; `AbstractNull.fit` makes it.

    Attributes
    ----------
    null
        Which null.
    states
        Labels of the states of its training data.
    space_hash
        Hash of their state space, None for data that came as arrays.
    draws
        Draws of its unconstrained parameters.

    See Also
    --------
    sdebayes.nulls.AbstractNull.fit : Makes it.
    sdebayes.Posterior.log_score : The same of a model.

    Examples
    --------
    Continuing the example of :func:`sdebayes.nulls.fit`:

    >>> fitted["iid"]
    <IID fitted to 2 states>
    >>> fitted["iid"].log_score(test).dims
    ('trajectory',)
    """

    null: AbstractNull
    states: tuple[str, ...]
    space_hash: str | None
    draws: Parameters

    def __repr__(self) -> str:
        return f"<{type(self.null).__name__} fitted to {len(self.states)} states>"

    def log_score(self, data: xr.Dataset) -> xr.DataArray:
        """Score trajectories: the log posterior-predictive density of each as a whole, as `Posterior.log_score` does.

        Parameters
        ----------
        data
            Trajectories in the state space of the training data; lazy ones are scored a block at a time.

        Returns
        -------
        xr.DataArray
            (trajectory,), in nats, with the coords ``n_scalars`` (observed numbers) and ``n_observed`` (steps).

        Raises
        ------
        StateSpaceError
            If the data are in another state space.
        DataError
            If the data are not valid, or have other states.
        """
        check_space(data, self.space_hash)
        _check_states(data, self.states)
        attrs = {"null": self.null.name, **_space(self.space_hash)}
        return scores(self._densities, data, len(self.draws.mean), attrs)

    def _densities(self, data: xr.Dataset) -> tuple[np.ndarray, Observations]:
        with precision.scope("float64"), precision.single_blas_thread():
            observations = read(data)
            return _log_densities(self.draws, _as_arrays(self.null), observations), observations


def _space(space_hash: str | None) -> dict[str, str]:
    return {} if space_hash is None else {"space_hash": space_hash}


def _check_states(data: xr.Dataset, states: tuple[str, ...]) -> None:
    found = tuple(str(label) for label in data["state"].values)
    if found != states:
        raise DataError(f"The data have the states {found}; the null was fitted to {states}. Give the same.")


def _as_arrays(null: AbstractNull) -> Flags:
    return jax.tree.map(jnp.asarray, null._flags)


def _fitted(null: AbstractNull, data: xr.Dataset) -> FittedNull:
    if feature_dim(data) != "state":
        raise DataError(
            "A null is fitted to states, not to embeddings; transform the data with a StateSpace."
        )
    observations = read(data)
    correlated, flags = null.covariance == "full", _as_arrays(null)
    start, width = start_of(correlated, observations), width_of(correlated, observations)
    first, unravel = ravel_pytree(start)

    def value(z: np.ndarray) -> tuple[float, np.ndarray]:
        at = unravel(jnp.asarray(z, dtype=first.dtype))
        found, slope = _potential_and_gradient(at, start, width, flags, observations)
        if not np.isfinite(found):
            return _FAR, np.zeros_like(z)
        return float(found), np.asarray(ravel_pytree(slope)[0], dtype=np.float64)

    best = minimize(value, np.asarray(first), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    draws = _normal_draws(best, inverse_factor(hessian_of(lambda z: value(z)[1], best, first.dtype)))
    drawn = jax.vmap(unravel)(jnp.asarray(draws, dtype=first.dtype))
    states = tuple(str(label) for label in data["state"].values)
    return FittedNull(null, states, data.attrs.get("space_hash"), drawn)


@eqx.filter_jit
@eqx.filter_value_and_grad
def _potential_and_gradient(
    parameters: Parameters, start: Parameters, width: Parameters, flags: Flags, observations: Observations
) -> Float[Array, ""]:
    standard = jax.tree.map(lambda value, at, sd: (value - at) / sd, parameters, start, width)
    prior = 0.5 * sum(jnp.sum(part**2) for part in jax.tree.leaves(standard))
    return prior - log_density(parameters, flags, observations).sum()


@per_draw
def _log_densities(
    parameters: Parameters, flags: Flags, observations: Observations
) -> Float[Array, " trajectory"]:
    return log_density(parameters, flags, observations).sum(-1)


def _normal_draws(mean: np.ndarray, factor: np.ndarray) -> np.ndarray:
    return mean + np.random.default_rng(0).standard_normal((_DRAWS, len(mean))) @ factor.T
