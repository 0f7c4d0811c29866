"""How far an approximation is from the posterior: the importance ratios of its draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import batched

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from sdebayes._core.types import Key
from sdebayes.inference.findings import Finding, Severity
from sdebayes.inference.progress import Advance
from sdebayes.inference.strategy import Draws
from sdebayes.inference.target import Target, Whitenings

GOOD_SHAPE, LARGEST_SHAPE = 0.5, 0.7
FEWEST_RATIOS = 25
Propose = Callable[[Key, int], tuple[Float[Array, "draw dimension"], Float[np.ndarray, " draw"]]]
_ATTEMPTS = 20
SETTLED_BY_NUTS: Mapping[Severity, str] = {
    "good": "",
    "note": "Means and bands are reliable, far tails less so; NUTS settles it.",
    "problem": "Fit with NUTS(), which starts at the same mode, on part of the data if need be, and read that; means "
    "may still be right, which nothing here can tell.",
}


def smoothed_weights(log_weight: Float[np.ndarray, " draw"]) -> tuple[Float[np.ndarray, " draw"], float]:
    r"""Smooth importance ratios by a generalised Pareto law of their largest, and judge them by its shape.

    Parameters
    ----------
    log_weight
        :math:`\log p(θ, y) - \log q(θ)` up to a constant, (draw,); −inf where the density is zero.

    Returns
    -------
    weights
        Smoothed, of sum 1, (draw,); all zero where no ratio is finite.
    shape
        k-hat, the law's shape: below 0.5 the ratios have a variance, above 0.7 no feasible number of draws is enough.
        Infinite, and nothing smoothed, for fewer than 25 finite ratios; infinite where so few more show no tail; zero
        where the largest are all equal.

    References
    ----------
    Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto smoothed importance sampling, Journal of Machine Learning
    Research 25(72), arXiv 1507.02646.
    """
    from arviz_stats.base import array_stats

    finite, weights = np.isfinite(log_weight), np.zeros(len(log_weight))
    smoothed, shape = np.asarray(log_weight[finite], dtype=np.float64), np.inf
    if not len(smoothed):
        return weights, shape
    if len(smoothed) >= FEWEST_RATIOS and not np.ptp(_largest(smoothed)):
        shape = 0.0
    elif len(smoothed) >= FEWEST_RATIOS:
        smoothed, shape = array_stats.psislw(-smoothed)
    weights[finite] = np.exp(smoothed - smoothed.max())
    return weights / weights.sum(), np.inf if np.isnan(shape) else float(shape)


def _largest(values: Float[np.ndarray, " draw"]) -> Float[np.ndarray, " tail"]:
    """Return the values that the law is fitted to."""
    return np.sort(values)[-min(len(values) // 5, int(3 * len(values) ** 0.5)) :]


def importance_finding(
    tree: xr.DataTree, name: str, advice: Mapping[Severity, str] = SETTLED_BY_NUTS
) -> Finding:
    """Judge an approximation by the shape of its importance ratios.

    Parameters
    ----------
    tree
        A posterior with ``log_weight`` in its group ``sample_stats``.
    name
        What the approximation is called in messages.
    advice
        What to do next for each severity.
    """
    log_weight = np.ravel(tree["sample_stats"].to_dataset()["log_weight"].values)
    weights, shape = smoothed_weights(log_weight)
    usable, total = int(np.isfinite(log_weight).sum()), len(log_weight)
    values = {"pareto_shape": shape, "effective_draws": float(1 / np.sum(weights**2)) if usable else 0.0}
    if np.isinf(shape) and usable == total:
        message = f"{total} draws are too few to tell how near {name} is to the posterior."
        return Finding("Pareto k-hat", "problem", message, "Take more draws, 100 at least.", values)
    if usable < FEWEST_RATIOS:
        message = (
            f"{usable} of {total} draws have a finite ratio of the posterior to {name}: too few to judge it."
        )
        return Finding("Pareto k-hat", "problem", message, advice["problem"], values)
    severity: Severity = "good" if shape <= GOOD_SHAPE else "note" if shape <= LARGEST_SHAPE else "problem"
    return Finding(
        "Pareto k-hat",
        severity,
        f"{shape:.2f} for the ratios of the posterior to {name}, limits {GOOD_SHAPE} and {LARGEST_SHAPE}"
        + (": the draws are not those of the posterior." if severity == "problem" else "."),
        advice[severity],
        values,
    )


def weighted_draws(
    target: Target, whitenings: Whitenings, propose: Propose, key: Key, count: int, advance: Advance
) -> Draws:
    """Return independent draws of an approximation with their log density and importance ratio.

    A point where the posterior's density is zero is proposed anew: the draws are those of the approximation where there
    is a posterior.

    Parameters
    ----------
    target
        The density.
    whitenings
        From v to unconstrained parameters.
    propose
        Draws so many points v of the approximation, (draw, dimension), with log q(v), (draw,).
    key
        Of the proposals.
    count
        How many draws.
    advance
        Moves the progress bar on.
    """
    points, log_density = map(np.array, propose(key, count))
    lp, missing = np.full(count, -np.inf), np.arange(count)
    for attempt in range(_ATTEMPTS):
        for some in map(list, batched(missing, target.at_once)):
            lp[some] = -target.values(points[some], whitenings)
            if not attempt:
                advance(0, "draws", len(some))
        missing = np.flatnonzero(~np.isfinite(lp))
        if not len(missing) or attempt + 1 == _ATTEMPTS:
            break
        points[missing], log_density[missing] = propose(jax.random.fold_in(key, attempt), len(missing))
    place = target.density.place
    positions = np.stack([np.asarray(place(jnp.asarray(v), whitenings)) for v in points])
    return Draws(positions[None], {"lp": lp[None], "log_weight": (lp - log_density)[None]})
