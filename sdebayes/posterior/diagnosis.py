"""All findings of a fit."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import xarray as xr

from sdebayes._core import precision
from sdebayes.dynamics import ObservedSDE
from sdebayes.inference import STRATEGIES
from sdebayes.inference.findings import (
    Finding,
    Findings,
    separation_finding,
    step_finding,
)
from sdebayes.model.rebuild import per_draw
from sdebayes.model.sdemodel import SDEModel


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
