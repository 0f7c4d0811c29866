"""All findings of a fit."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float

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
from sdebayes.inference.identifiability import (
    ridge_finding,
    vanishing_finding,
    variation_finding,
    variation_is_drawn,
)
from sdebayes.model.rebuild import per_draw
from sdebayes.model.sdemodel import SDEModel

_DIRECTIONS, _FAR = 256, 1e3
_POINTS = 64


def diagnose(model: SDEModel, tree: xr.DataTree, stacked: ObservedSDE, precision_name: str) -> Findings:
    """Check convergence, divergences, step size, and whether the data tell apart what the model has.

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
    if not model.diffusion.constant:
        findings += _of_varying_noise(model, parameters, tree["prior"].to_dataset())
    with precision.scope(precision_name):
        findings.append(_step(model, stacked))
        if model.drift.may_explode:
            findings.append(explosion_finding(_explosive(model, stacked)))
    return Findings(tuple(findings))


def _parts(model: SDEModel, parameters: xr.Dataset) -> list[str]:
    """Return the parameters of which several values make one function."""
    made = [prior.dims() for prior in (model.drift, model.diffusion) if not prior.identified]
    return [name for dims in made for name in dims if name in parameters]


def _of_varying_noise(model: SDEModel, posterior: xr.Dataset, prior: xr.Dataset) -> list[Finding]:
    """Judge what the data say of noise that varies with the state, and of it beside observation noise."""
    if "covariance_probe" not in posterior or "covariance_probe" not in prior:
        return []
    states = model.frozen_scale.states
    after, before = (_log_variances(group["covariance_probe"], states) for group in (posterior, prior))
    findings = [variation_finding(after, before)] if variation_is_drawn(before) else []
    findings.append(vanishing_finding(after))
    if "noise_variance" in posterior and model.observation.matrix is None:
        noise, prior_noise = (_log(group["noise_variance"]) for group in (posterior, prior))
        findings.append(ridge_finding(noise, after.mean("point"), prior_noise, before.mean("point")))
    return findings


def _log_variances(covariance: xr.DataArray, states: tuple[str, ...]) -> xr.DataArray:
    """Take log Σ_jj, (chain, draw, point, state), of the lower triangle's terms."""
    diagonal = covariance.sel(term=[f"{state}·{state}" for state in states])
    return _log(diagonal).rename(term="state").assign_coords(state=list(states))


def _log(values: xr.DataArray) -> xr.DataArray:
    return xr.apply_ufunc(np.log, values)


def _step(model: SDEModel, stacked: ObservedSDE) -> Finding:
    points = model.frozen_scale.of_path().points
    points = points[:: -(-len(points) // _POINTS)]
    steep = float(np.median(_steepness(stacked.sde, points))) * model.frozen_scale.step
    additive, exact = model.diffusion.constant, model.exact_transitions
    return step_finding(steep, model.discretization, additive=additive, exact=exact)


def _explosive(model: SDEModel, stacked: ObservedSDE) -> float:
    """Return the share of draws whose drift points outwards somewhere on a far sphere around the data."""
    scale = model.frozen_scale
    directions = np.random.default_rng(0).standard_normal((_DIRECTIONS, len(scale.states)))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    places = scale.location + _FAR * scale.extent * directions
    return float(_outward(stacked.sde, places, directions / scale.extent).mean())


@per_draw
def _steepness(sde: SDE, x: Float[Array, "point state"]) -> Float[Array, ""]:
    norms = jax.vmap(lambda at: jnp.linalg.norm(sde.drift.jacobian(at), 2))(x)
    return jnp.sqrt(jnp.mean(norms**2))


@per_draw
def _outward(sde: SDE, x: Float[Array, "point state"], u: Float[Array, "point state"]) -> Bool[Array, ""]:
    return jnp.any(jnp.sum(jax.vmap(sde.drift)(x) * u, 1) > 0)
