"""The density of data at values of all parameters but the weights of the drift."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import jax
import jax.numpy as jnp
import xarray as xr
from jaxtyping import Array
from numpyro.handlers import seed, substitute, trace

from sdebayes._core import precision as precision_scope
from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.tracing import one_at_a_time
from sdebayes._core.types import Key
from sdebayes.inference.marginal.marginalized import Marginalized, marginalized
from sdebayes.inference.marginal.term_sets import MOST_TERMS
from sdebayes.inference.sufficient_statistics.euler_maruyama import Statistics
from sdebayes.inference.sufficient_statistics.linear_weights import obstacle, refuse
from sdebayes.inference.sufficient_statistics.reduction import statistics
from sdebayes.model.sdemodel import SDEModel


@checked
def log_evidence(
    model: SDEModel, data: xr.Dataset | Statistics, hyperparameters: Mapping[str, object]
) -> float:
    r"""Return log p(y | h), the weights of the drift integrated out.

    Parameters
    ----------
    model
        A model that `Marginal` can fit, under Euler–Maruyama; scaled to data already if these are statistics.
    data
        Trajectories, or their `statistics`.
    hyperparameters
        h: the value of each parameter of the model that is no weight, on its own support, under the names that
        ``model.numpyro_model(data)`` gives them; of a correlation matrix artanh of its partial correlations, row by
        row.

    Returns
    -------
    float
        In nats, constants included: :math:`\log \int p(y \mid h, w)\, p(w)\, dw`.

    Raises
    ------
    DataError
        If the data are not valid.
    ModelError
        If the weights cannot be integrated out, or a parameter is missing or of another shape.

    See Also
    --------
    sdebayes.Marginal : Draws the hyperparameters.

    Examples
    --------
    Continuing the example of :func:`sdebayes.inference.statistics`:

    >>> known = {"initial_mean": [0.0], "initial_variance": [1.0]}
    >>> evidence = [
    ...     sb.inference.log_evidence(model.scaled_to(data), sums, {"diffusion_scale": [size], **known})
    ...     for size in (0.1, 0.25, 0.6)
    ... ]
    >>> int(np.argmax(evidence))  # of the truth: 1, as Σ is 0.25
    1
    """
    with precision_scope.scope("float64"):
        ready = _in_closed_form(model if isinstance(data, Statistics) else model.scaled_to(data))
        if ready.sweeps:
            raise ModelError(
                f"log_evidence: the library has {ready.functions.shape[0]} functions, too many to sum over all sets of "
                f"them (at most {MOST_TERMS}); use a lower degree or a library of your own."
            )
        sums = data if isinstance(data, Statistics) else statistics(ready.model, data)
        known = {name: jnp.asarray(value, dtype=float) for name, value in hyperparameters.items()}
        _check_names(ready, known)
        return float(_evidence(ready)(known, sums))


@lru_cache(maxsize=8)
def _evidence(ready: Marginalized) -> Callable[[Mapping[str, Array], Statistics], Array]:
    @one_at_a_time
    def evidence(known: Mapping[str, Array], sums: Statistics) -> Array:
        given, sites = substitute(seed(ready.given, jax.random.key(0)), data=known)()
        return ready.log_evidence(given, sites, sums)

    return jax.jit(evidence)


def _check_names(ready: Marginalized, known: Mapping[str, Array]) -> None:
    expected: dict[str, tuple[int, ...]] = {}

    @one_at_a_time
    def once(key: Key) -> None:
        sites = trace(seed(ready.drawn, key)).get_trace()
        drawn = {name: site["value"] for name, site in sites.items() if site["type"] == "sample"}
        expected.update((name, value.shape) for name, value in drawn.items())

    jax.eval_shape(once, jax.random.key(0))
    found = {name: value.shape for name, value in known.items()}
    if found != expected:
        raise ModelError(f"log_evidence: the hyperparameters have the shapes {found}; expected {expected}.")


def _in_closed_form(model: SDEModel) -> Marginalized:
    refuse(obstacle(model))
    return marginalized(model)
