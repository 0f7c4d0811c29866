"""All findings of a fit."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float

from sdebayes._core import precision
from sdebayes._core.stored import class_named
from sdebayes.dynamics import SDE, ObservedSDE
from sdebayes.inference import AbstractStrategy
from sdebayes.inference.doubt import doubted
from sdebayes.inference.findings import (
    Finding,
    Findings,
    explosion_finding,
    step_finding,
)
from sdebayes.inference.identifiability import (
    ridge_finding,
    vanishing_finding,
    variation_finding,
    variation_is_drawn,
)
from sdebayes.inference.learning import learned_finding, time_constant_finding
from sdebayes.model.rebuild import per_draw
from sdebayes.model.sdemodel import SDEModel
from sdebayes.model.several import Several, several
from sdebayes.priors.base import DataScale

_DIRECTIONS, _FAR = 256, 1e3
_POINTS = 64


def diagnose(
    model: SDEModel,
    tree: xr.DataTree,
    stacked: ObservedSDE,
    scale: DataScale,
    precision_name: str,
    criticism: list[Finding],
) -> Findings:
    """Check convergence, divergences, step size, and whether the data tell apart what the model has.

    Parameters
    ----------
    model
        The model, scaled to data.
    tree
        Its posterior.
    stacked
        All draws.
    scale
        Of the data it was fitted to.
    precision_name
        The precision of the fit.
    criticism
        What its training data say of the model.

    Returns
    -------
    Findings
        One finding for each check.

    Raises
    ------
    StoreError
        If the strategy is of a class that is not defined in this process: import its module.
    """
    parameters = tree["posterior"].to_dataset()
    computation = findings_of_computation(model, tree)
    of, sde = several(model), stacked.sde
    findings = _in_each(of, model, parameters, tree["prior"].to_dataset(), scale)
    if of is not None:
        sde = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), sde)
    with precision.scope(precision_name):
        exact_within = model.affine and model.discretization.exact_when_linear
        if model.regimes is None or not exact_within:
            (computation if model.exact_transitions else findings).append(_step(model, sde, scale))
        if model.drift.may_explode:
            findings.append(explosion_finding(_explosive(sde, scale)))
    return Findings((*computation, *doubted([*findings, *criticism], computation)))


def findings_of_computation(model: SDEModel, tree: xr.DataTree) -> list[Finding]:
    """Return what a strategy says of its draws.

    Raises
    ------
    StoreError
        If it is of a class that is not defined in this process.
    """
    strategy = class_named(tree.attrs["strategy_name"], AbstractStrategy)
    return strategy.findings(tree, _parts(model, tree["posterior"].to_dataset()))


def _in_each(
    of: Several | None, model: SDEModel, posterior: xr.Dataset, prior: xr.Dataset, scale: DataScale
) -> list[Finding]:
    """Judge what the data say of each quantity: in every group or regime by itself, where they differ, else once."""
    if of is None or of.dim not in posterior.dims:
        return _of_what_is_learned(model, posterior, prior, scale)
    keys = [{of.dim: label} for label in of.labels]
    parts = [(posterior.sel(key, drop=True), prior.sel(key, drop=True)) for key in keys]
    found: list[Finding] = []
    for same in zip(*(_of_what_is_learned(model, *part, scale) for part in parts), strict=True):
        alike = len({one.message for one in same}) == 1
        own = [
            replace(one, subject=f"{one.subject}, {of.dim} {label}")
            for one, label in zip(same, of.labels, strict=True)
        ]
        found += same[:1] if alike else own
    return found


def _parts(model: SDEModel, parameters: xr.Dataset) -> list[str]:
    """Return the parameters of which several values make one function."""
    drift = model.drift if model.regimes is None else model.regimes.drift
    made = [prior.dims() for prior in (drift, model.diffusion) if not prior.identified]
    return [name for dims in made for name in dims if name in parameters]


def _of_what_is_learned(
    model: SDEModel, posterior: xr.Dataset, prior: xr.Dataset, scale: DataScale
) -> list[Finding]:
    """Judge what the data say of observation noise, Σ and time constants."""
    findings = []
    if "noise_variance" in posterior:
        advice = (
            "If the noise is known, give it (GaussianNoise(covariance=...)); states seen without any have Exact(). "
            "Until then read Σ, time constants and the path's variance as what the prior shares out."
        )
        after, before = posterior["noise_variance"], prior["noise_variance"]
        findings.append(learned_finding("Noise", "the noise variance", after, before, advice))
    if model.diffusion.constant and "covariance_probe" in posterior and "covariance_probe" in prior:
        advice = "Observe at shorter steps, or for longer; do not read Σ as a result."
        states = model.frozen_scale.states
        after, before = (_diagonal(group["covariance_probe"], states) for group in (posterior, prior))
        findings.append(learned_finding("Diffusion", "Σ", after, before, advice))
    if "time_constant" in posterior and "time_constant" in prior:
        after, before = posterior["time_constant"], prior["time_constant"]
        findings.append(time_constant_finding(after, before, scale.step, scale.duration))
    return findings if model.diffusion.constant else findings + _of_varying_noise(model, posterior, prior)


def _of_varying_noise(model: SDEModel, posterior: xr.Dataset, prior: xr.Dataset) -> list[Finding]:
    """Judge what the data say of noise that varies with the state, and of it beside observation noise."""
    if "covariance_probe" not in posterior or "covariance_probe" not in prior:
        return []
    states = model.frozen_scale.states
    after, before = (_log_variances(group["covariance_probe"], states) for group in (posterior, prior))
    findings = [variation_finding(after, before)] if variation_is_drawn(before) else []
    findings.append(vanishing_finding(after))
    if "noise_variance" in posterior and model.observation.observation_matrix is None:
        noise, prior_noise = (_log(group["noise_variance"]) for group in (posterior, prior))
        findings.append(ridge_finding(noise, after.mean("point"), prior_noise, before.mean("point")))
    return findings


def _log_variances(covariance: xr.DataArray, states: tuple[str, ...]) -> xr.DataArray:
    """Take log Σ_jj, (chain, draw, point, state), of the lower triangle's terms."""
    return _log(_diagonal(covariance, states))


def _diagonal(covariance: xr.DataArray, states: tuple[str, ...]) -> xr.DataArray:
    """Take Σ_jj of those states where it is not known, of the lower triangle's terms."""
    terms = {f"{state}·{state}": state for state in states}
    drawn = [term for term in covariance["term"].values if term in terms]
    diagonal = covariance.sel(term=drawn).rename(term="state")
    return diagonal.assign_coords(state=[terms[term] for term in drawn])


def _log(values: xr.DataArray) -> xr.DataArray:
    return xr.apply_ufunc(np.log, values)


def _step(model: SDEModel, sde: SDE, scale: DataScale) -> Finding:
    points = scale.of_path().points
    points = points[np.linspace(0, len(points) - 1, _POINTS).round().astype(int)]
    steep = float(np.median(_steepness(sde, points))) * scale.step
    additive, exact = model.diffusion.constant, model.exact_transitions
    return step_finding(steep, model.discretization, additive=additive, exact=exact)


def _explosive(sde: SDE, scale: DataScale) -> float:
    """Return the share of draws whose drift points outwards somewhere on a far sphere around the data."""
    directions = np.random.default_rng(0).standard_normal((_DIRECTIONS, len(scale.states)))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    places = scale.location + _FAR * scale.extent * directions
    return float(_outward(sde, places, directions / scale.extent).mean())


@per_draw
def _steepness(sde: SDE, x: Float[Array, "point state"]) -> Float[Array, ""]:
    norms = jax.vmap(lambda at: jnp.linalg.norm(sde.drift.jacobian(at), 2))(x)
    return jnp.sqrt(jnp.mean(norms**2))


@per_draw
def _outward(sde: SDE, x: Float[Array, "point state"], u: Float[Array, "point state"]) -> Bool[Array, ""]:
    return jnp.any(jnp.sum(jax.vmap(sde.drift)(x) * u, 1) > 0)
