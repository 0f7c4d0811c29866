"""How well each candidate goes on from a text, and how near it brings the text to where it is to go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy.special import softmax
from scipy.stats import chi2, norm

from sdebayes._core import precision
from sdebayes._core.errors import ModelError
from sdebayes.analysis.quality.continuation import joined
from sdebayes.analysis.quality.examined import log_mean
from sdebayes.criticism.conditionals import Leading, leading
from sdebayes.criticism.innovations import Judge
from sdebayes.simulation.source import SourceLike

_FARTHEST = 8.0
"""In standard deviations: farther off all candidates are alike."""


@dataclass(frozen=True)
class Weights:
    """What is found of the candidates of a step, in nats; of draws (sample, candidate).

    Parameters
    ----------
    fit
        log p(candidate | text) − log p(candidate).
    pull
        log p(aim | text, candidate) − log p(aim | text).
    score
        What is chosen by.
    score_by_draw
        The same under each draw.
    tail_probability
        How often the process goes on at least so surprisingly.
    target_tail_probability
        How often it comes at least so far from where it is expected behind the candidate as the aim lies from there.
    free_tail_probability
        The same where the candidate is not known; both are NaN without an aim.
    """

    fit: Float[np.ndarray, " candidate"]
    pull: Float[np.ndarray, " candidate"]
    score: Float[np.ndarray, " candidate"]
    score_by_draw: Float[np.ndarray, "sample candidate"]
    tail_probability: Float[np.ndarray, " candidate"]
    target_tail_probability: Float[np.ndarray, " candidate"]
    free_tail_probability: float

    @property
    def probability(self) -> Float[np.ndarray, " candidate"]:
        """The score's own, over the candidates."""
        found: np.ndarray = softmax(self.score)
        return found

    @property
    def probability_by_draw(self) -> Float[np.ndarray, "sample candidate"]:
        """The same under each draw."""
        found: np.ndarray = softmax(self.score_by_draw, axis=1)
        return found


def weigh(
    posterior: SourceLike,
    draws: np.ndarray,
    context: xr.Dataset | None,
    candidates: xr.Dataset,
    gap: float,
    typical: bool = False,
    rows: int = 1,
    steps: int = 1,
) -> Weights:
    """Weigh the first step of each candidate.

    Parameters
    ----------
    posterior
        The posterior.
    draws
        Which draws.
    context
        States of the text, None where there is none yet.
    candidates
        States: the candidate, and behind it what should be seen later.
    gap
        Time from the end of the text to a candidate.
    typical
        Whether the score is how usual its surprise is.
    rows
        How many candidates are computed at a time, repeated where there are fewer, so that little is compiled.
    steps
        For how many steps there is room, for the same reason.

    Raises
    ------
    ModelError
        If states are observed exactly, or a density is not finite.
    """
    count = candidates.sizes["trajectory"]
    filled = candidates.isel(trajectory=np.resize(np.arange(count), max(rows, count)))
    filled = filled.assign_coords(trajectory=np.arange(filled.sizes["trajectory"]).astype(str))
    data, place = (filled, 0) if context is None else joined(context, filled, gap, steps)
    judge = Judge.of(posterior, data)
    if judge.likelihood.states_observed:
        raise ModelError("steer needs a posterior with observation noise; fit with GaussianNoise().")
    with precision.scope(judge.source.precision), precision.single_blas_thread():
        found = leading(judge.likelihood)(
            judge.source.take(draws).observed, judge.observations, np.asarray(place)
        )
    found = Leading(*(part[:, :count] for part in found))
    if not all(np.isfinite(part).all() for part in found):
        raise ModelError("steer: a density is not finite in some draw; fit with precision='float64'.")
    here, *behind = np.isfinite(candidates["y"].values[0]).sum(axis=1)
    return _weights(found, int(here), int(sum(behind)), typical)


def _weights(found: Leading, coordinates: int, behind: int, typical: bool) -> Weights:
    fit = log_mean(found.given) - log_mean(found.alone)
    both = log_mean(found.given + found.behind) - log_mean(found.alone)
    both -= log_mean(found.free)
    tails = chi2.sf(found.distance, coordinates)
    tail = tails.mean(axis=0)
    far, far_free = (
        chi2.sf(one, behind or np.nan).mean(axis=0) for one in (found.distance_behind, found.distance_free)
    )
    rest = (tail, far, float(far_free[0]))
    if typical:
        return Weights(fit, both - fit, _usual(tail), _usual(tails), *rest)
    by_draw = found.given - found.alone + found.behind - found.free
    return Weights(fit, both - fit, both, by_draw, *rest)


def _usual(tail: np.ndarray) -> np.ndarray:
    """Return −z²/2, z being the normal score of a tail probability."""
    z: np.ndarray = np.clip(norm.isf(tail), -_FARTHEST, _FARTHEST)
    return -0.5 * z**2
