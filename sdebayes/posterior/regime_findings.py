"""Findings about regimes: whether the data hold so many, tell them apart, and are observed often enough to see them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from sdebayes._core import precision
from sdebayes.inference.findings import Finding, Severity
from sdebayes.likelihood.regime_chain import stationary_law, transition_probabilities

if TYPE_CHECKING:
    from sdebayes.posterior.posterior import Posterior

FEW_STEPS = 10
ALIKE = 0.8
DISAGREEING = 0.1
"""Mean total variation from the mean of the draws: at most .05 where 90 % intervals hold, most often more than .1 where
they do not (decision 0029)."""

RARE, OFTEN = 0.1, 0.3
_FEWER = "Fit with fewer regimes, and compare the two on held-out trajectories (sdebayes.compare)."

_DISAGREEING = (
    "draws disagree on the steps of each regime, by a probability of {:.2f} on average: fewer regimes may explain the "
    "data as well, and in simulations 90 % intervals of what a regime is held .78 then."
)

_HOW_MANY = (
    "Whether there are so many, held-out trajectories say: compare with a fit of fewer (sdebayes.compare)."
)


def regime_findings(posterior: Posterior) -> list[Finding]:
    """Judge the regimes of a fit by its training data.

    Parameters
    ----------
    posterior
        The fit.

    Returns
    -------
    list
        A finding about regimes that hold next to no step, one about regimes that share their steps, and one about
        changes within a step; none where there are no regimes.
    """
    if not posterior.regimes:
        return []
    found = posterior.regime_probability(posterior.training_data())["probability"].values
    found = found[:, np.isfinite(found).any((0, -1))]
    p = found[np.isfinite(found).all((1, 2))]
    labels = posterior.regimes
    if 2 * len(p) < len(found):
        said = f"not judged: of {len(found) - len(p)} of {len(found)} draws they are not finite."
        return [
            Finding("Steps of regimes", "note", said, "See the findings on the draws."),
            _changes(posterior),
        ]
    return [of_steps(p, labels), of_pairs(p, labels), _changes(posterior)]


def of_steps(p: np.ndarray, labels: tuple[int, ...]) -> Finding:
    """Judge how many steps each regime holds."""
    steps, total = p.sum(1).mean(0), p.shape[1]
    values = {f"steps_{label}": float(count) for label, count in zip(labels, steps, strict=True)}
    few = [(label, count) for label, count in zip(labels, steps, strict=True) if count < FEW_STEPS]
    if not few:
        shares = ", ".join(
            f"regime {label} {count / total:.0%}" for label, count in zip(labels, steps, strict=True)
        )
        return Finding(
            "Steps of regimes", "assumed", f"each regime is given a share of them: {shares}.", values=values
        )
    said = ", ".join(f"regime {label} holds {count:.1f}" for label, count in few)
    return Finding(
        "Steps of regimes",
        "warning",
        f"{said} of {total:,} steps: more regimes than the data hold, and what is said of such a one is the prior's.",
        _FEWER,
        values,
    )


def of_pairs(p: np.ndarray, labels: tuple[int, ...]) -> Finding:
    """Judge whether two regimes share their steps, and whether draws agree on the steps of each.

    The cosine between probabilities is 1 where two regimes coincide.
    """
    sizes = np.sqrt((p**2).sum(1))
    cosine = (np.einsum("sti,stj->sij", p, p) / np.maximum(sizes[:, :, None] * sizes[:, None], 1e-300)).mean(
        0
    )
    pairs = list(combinations(range(len(labels)), 2))
    worst = max(pairs, key=lambda pair: cosine[pair])
    same = [f"{labels[i]} and {labels[j]}" for i, j in pairs if cosine[i, j] > ALIKE]
    disagreement = float(0.5 * np.abs(p - p.mean(0)).sum(-1).mean())
    values = {"largest_cosine": float(cosine[worst]), "disagreement": disagreement}
    if same:
        said = f"steps of the regimes {'; '.join(same)} cannot be told apart: they coincide, or the data are too few."
        return Finding("Regimes apart", "warning", said, _FEWER, values)
    if disagreement > DISAGREEING:
        return Finding("Regimes apart", "warning", _DISAGREEING.format(disagreement), _FEWER, values)
    first, second = (labels[place] for place in worst)
    said = (
        f"so many were asked for, and the model tells their steps apart; of all pairs {first} and {second} share most "
        f"(cosine {cosine[worst]:.2f}). It divides the steps of data that have no regimes as well."
    )
    return Finding("Regimes apart", "assumed", said, _HOW_MANY, values)


def _changes(posterior: Posterior) -> Finding:
    """Judge how often the regime changes within a step, through which the model takes it to stay."""
    step = posterior.training_scale.step
    with precision.scope(posterior.precision):
        share = float(np.median(_changing(posterior.observed_sde_by_regime().generator, step)))
    severity: Severity = "good" if share < RARE else "note" if share < OFTEN else "warning"
    return Finding(
        "Changes of regime",
        severity,
        f"the regime changes within {share:.1%} of the steps, each of which is taken to be under the one at its start.",
        ""
        if severity == "good"
        else "Use shorter steps; what regimes share in such steps is not told apart.",
        {"changing": share},
    )


def _changing(generators: object, step: float) -> np.ndarray:
    def one(Q: jax.Array) -> jax.Array:
        stay = jnp.diagonal(transition_probabilities(Q, jnp.array([step]))[0])
        return jnp.sum(stationary_law(Q) * (1 - stay))

    return np.asarray(jax.vmap(one)(jnp.asarray(generators)))
