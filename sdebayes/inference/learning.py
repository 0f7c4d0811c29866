"""Findings about what the data told of a quantity: its posterior beside its prior, and how far its interval reaches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from sdebayes.inference.findings import SEPARATION_LIMIT, Finding

WIDE, NARROW = 10.0, 3.0
"""Ratio of the ends of a 90 % interval above which a quantity is not known, and below which it is."""

_DRAWS = ("chain", "draw")


class Width(NamedTuple):
    """How much of a positive quantity is known, each (component,).

    Attributes
    ----------
    lower, upper
        Ends of the central 90 % of the posterior.
    ratio
        Width of the central 68 % of its logarithm, as a share of the prior's; 0 where the prior has no width.
    """

    lower: xr.DataArray
    upper: xr.DataArray
    ratio: xr.DataArray

    @classmethod
    def of(cls, posterior: xr.DataArray, prior: xr.DataArray) -> Width:
        """Compare draws of the posterior with the prior's, (chain, draw, component)."""
        lower, upper = posterior.quantile(0.05, _DRAWS), posterior.quantile(0.95, _DRAWS)
        after, before = _log_width(posterior), _log_width(prior)
        return cls(lower, upper, (after / before).where(before > 0, 0.0))

    @property
    def factor(self) -> xr.DataArray:
        """Ratio of the interval's ends."""
        return self.upper / self.lower

    @property
    def unclear(self) -> xr.DataArray:
        """Whether the data leave the prior as it was, or an interval of more than an order of magnitude."""
        return (self.factor > WIDE) | ((self.ratio > SEPARATION_LIMIT) & (self.factor > NARROW))

    def said(self, at: int) -> str:
        """Write the interval of a component."""
        return f"{_rounded(self.lower, at)} to {_rounded(self.upper, at)}"


def learned_finding(
    subject: str, quantity: str, posterior: xr.DataArray, prior: xr.DataArray, advice: str
) -> Finding:
    """Judge whether the data tell the size of a positive quantity of each state.

    Parameters
    ----------
    subject
        What was checked.
    quantity
        What the draws are of, as words.
    posterior, prior
        Draws, (chain, draw, state).
    advice
        What to do where the data do not tell.
    """
    width = Width.of(posterior, prior)
    labels = [str(label) for label in posterior[_component(posterior)].values]
    worst = int(width.factor.values.argmax())
    values = {"largest_factor": float(width.factor.max()), "largest_width_ratio": float(width.ratio.max())}
    unclear = [label for label, bad in zip(labels, width.unclear.values, strict=True) if bad]
    interval = f"for {labels[worst]} 90 % of the posterior reach from {width.said(worst)}"
    if unclear:
        message = f"{quantity} is not known to an order of magnitude, or as the prior says, for {', '.join(unclear)}: "
        return Finding(subject, "warning", f"{message}{interval}.", advice, values)
    return Finding(
        subject, "good", f"{quantity} is learned in every state; at worst, {interval}.", values=values
    )


def time_constant_finding(
    posterior: xr.DataArray, prior: xr.DataArray, step: float, duration: float
) -> Finding:
    """Judge whether the data tell the time constants of a linear drift.

    Parameters
    ----------
    posterior, prior
        Draws of 1/Re λ, (chain, draw, mode), the slowest first, in time.
    step, duration
        Median step and median duration of a trajectory, in time.
    """
    width = Width.of(posterior, prior)
    slowest = f"the slowest has 90 % of its posterior from {width.said(0)}"
    values = {
        "largest_factor": float(width.factor.max()),
        "chance_below_a_step": float((posterior.isel(mode=-1) < step).mean()),
        "slowest_upper_end": float(width.upper[0]),
    }
    complaints = []
    if values["chance_below_a_step"] > 0.5:
        complaints.append(f"the fastest is likely below one step ({step:.3g}), where a path looks like noise")
    if float(width.upper[0]) > duration and float(width.factor[0]) > NARROW:
        complaints.append(
            f"{slowest}, beyond a trajectory ({duration:.3g}): a return to the equilibrium is hardly seen"
        )
    elif bool(width.unclear.any()):
        at = int(width.factor.values.argmax())
        complaints.append(f"mode {at + 1} has 90 % of its posterior from {width.said(at)}")
    if not complaints:
        return Finding("Time constants", "good", f"learned: {slowest}.", values=values)
    return Finding(
        "Time constants",
        "warning",
        f"not learned: {'; '.join(complaints)}.",
        "Do not read the time constants, the drift or the equilibrium as results; Σ may be known all the same. Slow "
        "modes need longer trajectories, fast ones shorter steps, or drop the states concerned.",
        values,
    )


def _component(draws: xr.DataArray) -> str:
    return next(str(dim) for dim in draws.dims if dim not in _DRAWS)


def _log_width(draws: xr.DataArray) -> xr.DataArray:
    log: xr.DataArray = xr.apply_ufunc(np.log, draws)
    return log.quantile(0.84, _DRAWS) - log.quantile(0.16, _DRAWS)


def _rounded(values: xr.DataArray, at: int) -> str:
    return f"{float(values[at]):.2g}"
