"""Findings about noise that varies with the state: whether the data told anything of how it varies."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes.inference.findings import SEPARATION_LIMIT, Finding
from sdebayes.inference.learning import Width

RIDGE_CORRELATION = -0.9
RIDGE_LIMIT = 0.5
VANISHING = 1e-2

_DRAWS = ("chain", "draw")
_NO_WIDTH = 1e-9


def variation_is_drawn(prior: xr.DataArray) -> bool:
    """Say whether how Σ varies with the state is open, as it is not in a user's formula with one factor to learn.

    Parameters
    ----------
    prior
        Draws of log Σ_jj at places near the data, (chain, draw, point, state); the first place is the middle.
    """
    return bool((_width(_contrast(prior)) > _NO_WIDTH).any())


def variation_finding(posterior: xr.DataArray, prior: xr.DataArray) -> Finding:
    r"""Check whether the data say how Σ varies from place to place.

    Judged are the differences of :math:`\log Σ_{jj}` between places: the width of the central 68 % of their posterior,
    as a share of the prior's, and its median over places. The prior's standard deviation is mostly that of its rare
    large amplitudes, which a handful of data exclude without telling anything else.

    Parameters
    ----------
    posterior, prior
        Draws of log Σ_jj at places near the data, (chain, draw, point, state); the first place is the middle.
    """
    before = _width(_contrast(prior))
    ratio = (_width(_contrast(posterior)) / before).where(before > _NO_WIDTH, 0.0)
    middle = ratio.median("point")
    values = {"largest_width_ratio": float(middle.max())}
    unclear = [str(label) for label in middle["state"].values[(middle > SEPARATION_LIMIT).values]]
    if unclear:
        return Finding(
            "State-dependent noise",
            "warning",
            f"how Σ varies with the state is not learned for {', '.join(unclear)}: the posterior of its variation is "
            "nearly the prior's.",
            "Use priors.Constant() for the diffusion, or more or longer trajectories; do not read Σ(x) as a result.",
            values,
        )
    point = str(ratio["point"].values[int(ratio.max("state").values.argmax())])
    widest = float(ratio.max())
    far = widest > SEPARATION_LIMIT
    return Finding(
        "State-dependent noise",
        "note" if far else "good",
        f"Σ's variation with the state is learned: its posterior is {values['largest_width_ratio']:.2f} as wide as the "
        f"prior, at the worst place ({point}) {widest:.2f}.",
        "Read Σ(x) where the data are; at that place it is the prior's." if far else "",
        values | {"width_ratio_at_worst_place": widest},
    )


def _contrast(log_variance: xr.DataArray) -> xr.DataArray:
    """Return log Σ_jj at each place but the first, less that at the first."""
    return log_variance.isel(point=slice(1, None)) - log_variance.isel(point=0, drop=True)


def _width(draws: xr.DataArray) -> xr.DataArray:
    """Return the width of the central 68 %, which rare large amplitudes of the prior do not decide."""
    return draws.quantile(0.84, _DRAWS) - draws.quantile(0.16, _DRAWS)


def vanishing_finding(posterior: xr.DataArray) -> Finding:
    """Check whether Σ comes near zero somewhere: there a normal law over one step stops being a good approximation.

    Parameters
    ----------
    posterior
        Draws of log Σ_jj at places near the data, (chain, draw, point, state).
    """
    median = posterior.median(_DRAWS).transpose("point", "state")
    share = np.exp(median.values - median.values.max(axis=0))
    row, column = np.unravel_index(share.argmin(), share.shape)
    smallest = float(share.min())
    place, state = str(median["point"].values[row]), str(median["state"].values[column])
    vanishes = smallest < VANISHING
    return Finding(
        "Vanishing noise",
        "warning" if vanishes else "good",
        f"Σ of {state} at {place} is {smallest:.2g} of its largest value near the data.",
        "Where Σ goes to zero the normal distribution of a step fails: use shorter steps, or transform the state so "
        "that noise is the same everywhere (Lamperti's transform)."
        if vanishes
        else "",
        {"smallest_share": smallest},
    )


def ridge_finding(
    noise: xr.DataArray, diffusion: xr.DataArray, prior_noise: xr.DataArray, prior_diffusion: xr.DataArray
) -> Finding:
    r"""Check whether the data tell observation noise from a Σ that varies with the state.

    Both make neighbouring observations differ, so that :math:`\log R_{jj}` and the mean of :math:`\log Σ_{jj}` over
    places lie on a falling ridge where only their joint effect is known.
    Noise of unknown size that is next to nothing leaves Σ known, and is judged for itself.

    Parameters
    ----------
    noise, diffusion
        Posterior draws of log R_jj, and of log Σ_jj averaged over places, (chain, draw, state).
    prior_noise, prior_diffusion
        Prior draws of the same.
    """
    ratio = _width(noise - diffusion) / _width(prior_noise - prior_diffusion)
    width = Width.of(*(xr.apply_ufunc(np.exp, draws) for draws in (diffusion, prior_diffusion)))
    correlation = xr.corr(noise, diffusion, _DRAWS)
    on_ridge = width.unclear | ((correlation < RIDGE_CORRELATION) & (ratio > RIDGE_LIMIT))
    values = {
        "largest_factor": float(width.factor.max()),
        "largest_width_ratio": float(ratio.max()),
        "lowest_correlation": float(correlation.min()),
    }
    worst = int(width.factor.values.argmax())
    numbers = (
        f"at worst Σ of {noise['state'].values[worst]} has 90 % of its posterior from {width.said(worst)}, and log R "
        f"and log Σ have a correlation of {values['lowest_correlation']:.2f}."
    )
    unclear = [str(label) for label in noise["state"].values[on_ridge.values]]
    if unclear:
        return Finding(
            "Noise and Σ(x)",
            "warning",
            f"observation noise and the SDE's own are not told apart for {', '.join(unclear)}: {numbers}",
            "Give the noise (GaussianNoise(covariance=...)), use priors.Constant(), or observe at shorter steps.",
            values,
        )
    return Finding("Noise and Σ(x)", "good", f"told apart in every state: {numbers}", values=values)
