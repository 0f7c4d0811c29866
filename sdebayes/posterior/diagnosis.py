"""All findings of a fit."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from sdebayes._core import precision
from sdebayes.dynamics import SDE, ObservedSDE
from sdebayes.inference import STRATEGIES
from sdebayes.inference.findings import (
    Finding,
    Findings,
    explosion_finding,
    separation_finding,
    step_finding,
)
from sdebayes.model.rebuild import per_draw
from sdebayes.model.sdemodel import SDEModel

_DIRECTIONS, _FAR = 256, 1e3


def diagnose(model: SDEModel, tree: xr.DataTree, stacked: ObservedSDE, precision_name: str) -> Findings:
    """Check convergence, divergences, step size, and whether noise and diffusion are told apart.

    Parameters
    ----------
    model
        The model, scaled to data.
    tree
        Its posterior.
    stacked
        All draws.
    precision_name
        The precision of the fit.

    Returns
    -------
    Findings
        One finding for each check.
    """
    parameters = tree["posterior"].to_dataset()
    strategy = STRATEGIES[tree.attrs.get("strategy_name", "NUTS")]
    findings = strategy.findings(tree, _parts(model, parameters))
    prior_sd = model.observation.prior_noise_logit_sd()
    if prior_sd is not None and "stationary_variance" in parameters:
        noise, path = parameters["noise_variance"], parameters["stationary_variance"]
        findings.append(separation_finding(noise, path, prior_sd))
    with precision.scope(precision_name):
        findings.append(_step(model, stacked))
        if model.drift.may_explode:
            findings.append(explosion_finding(_explosive(model, stacked)))
    return Findings(tuple(findings))


def _parts(model: SDEModel, parameters: xr.Dataset) -> list[str]:
    """Return the parameters of which several values make one function."""
    made = [prior.dims() for prior in (model.drift, model.diffusion) if not prior.identified]
    return [name for dims in made for name in dims if name in parameters]


def _step(model: SDEModel, stacked: ObservedSDE) -> Finding:
    scale = model.frozen_scale
    norms = per_draw(lambda s, at: jnp.linalg.norm(s.drift.jacobian(at), 2))(stacked.sde, scale.location)
    scheme = type(model.discretization).__name__
    return step_finding(float(np.median(norms)) * scale.step, scheme, exact=model.exact_transitions)


def _explosive(model: SDEModel, stacked: ObservedSDE) -> float:
    """Return the share of draws whose drift points outwards somewhere on a far sphere around the data."""
    scale = model.frozen_scale
    directions = np.random.default_rng(0).standard_normal((_DIRECTIONS, len(scale.states)))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    places = scale.location + _FAR * scale.extent * directions

    def outward(sde: SDE, x: Array, u: Array) -> Array:
        speed = jax.vmap(sde.drift)(x) / scale.extent
        return jnp.any(jnp.sum(speed * u, 1) > 0)

    return float(per_draw(outward)(stacked.sde, places, directions).mean())
