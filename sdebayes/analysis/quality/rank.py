"""Which of several candidates goes on from a context."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.kinds import Count, Positive
from sdebayes._core.units import with_units
from sdebayes.analysis.quality.continuation import Texts, joined, states_of
from sdebayes.analysis.quality.examined import log_mean
from sdebayes.analysis.quality.reading import MOST_DRAWS
from sdebayes.criticism.conditionals import continuing
from sdebayes.criticism.innovations import Judge
from sdebayes.data.embed import EncoderLike
from sdebayes.simulation.source import SourceLike


@checked
def rank(
    posterior: SourceLike,
    context: Texts,
    candidates: Texts,
    *,
    gap: Positive | None = None,
    encoder: EncoderLike | None = None,
    samples: Count | None = None,
) -> xr.Dataset:
    r"""Say how well each candidate goes on from a context, and how probable it is that it is the one that does.

    .. math::
        \mathrm{score}_j = \log \frac{1}{S} \sum_s p(c_j \mid \mathrm{context}, θ_s)
        - \log \frac{1}{S} \sum_s p(c_j \mid θ_s), \qquad
        \mathrm{probability}_j = \frac{\exp \mathrm{score}_j}{\sum_i \exp \mathrm{score}_i}.

    If one candidate goes on from the context, each as likely before, and the others come from other trajectories, then
    this is its posterior probability: :math:`p(c_j \mid \mathrm{context}) \prod_{i \ne j} p(c_i)` up to a constant. A
    candidate that is usual anywhere has no advantage of it.

    Parameters
    ----------
    posterior
        A posterior, or a known `sdebayes.dynamics.ObservedSDE`.
    context
        One trajectory, in the state space of the posterior or embedded by its encoder; or a text.
    candidates
        Several of such, of one step or more (``sdebayes.trajectories(..., min_steps=1)``); or texts, or {name: text}.
        They take their place behind the context, and its covariates of whole trajectories.
    gap
        Time from the last step of the context to the first of each candidate; by default the median step.
    encoder
        The posterior's encoder, for texts: by default the one that it names, if that is on this machine.
    samples
        At most so many draws, evenly spread; default at most 100, fewer where an array would pass 1 GiB.

    Returns
    -------
    xarray.Dataset
        Over ``candidate``: ``score`` in nats and ``probability``, each with ``…_by_draw`` (sample, candidate), by which
        the posterior spreads; ``log_density`` of the candidate given the context, in nats; coord ``n_observed``, its
        steps.

    Raises
    ------
    ModelError
        If states are observed exactly.
    StateSpaceError
        If context or candidates are in another space or of another encoder, or texts have no place in the posterior's.
    DataError
        If there are fewer than two candidates or not one context, or data are not valid.

    See Also
    --------
    sdebayes.steer : Writes a text of the best.
    sdebayes.plots.quality.rank : Draws it.

    Notes
    -----
    The candidate alone is scored at its place behind the context, with level and noise of that place, its trajectory
    effect integrated out: the context is all that the two densities differ by. Long candidates are told apart more
    surely than short ones; give candidates of about one length.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> context = sb.trajectories(test["y"].values[3:, :60], t=0.1)
    >>> ahead = {"true": test["y"].values[3, 60:65], "other": test["y"].values[0, 60:65]}
    >>> found = sb.analysis.quality.rank(posterior, context, sb.trajectories(ahead, t=0.1))
    >>> bool(found["probability"].sel(candidate="true") > 0.5)
    True
    """
    before, after = (states_of(posterior, given, encoder) for given in (context, candidates))
    if after.sizes["trajectory"] < 2:
        raise DataError(f"rank: there is {after.sizes['trajectory']} candidate; give two or more.")
    data, first = joined(before, after, gap)
    judge = Judge.of(posterior, data)
    if judge.likelihood.states_observed:
        raise ModelError("rank needs a posterior with observation noise; fit with GaussianNoise().")
    draws = choose_draws(judge.source.n_draws, 8 * judge.observations.values.size, samples, MOST_DRAWS)
    with precision.scope(judge.source.precision), precision.single_blas_thread():
        given, alone = continuing(judge.likelihood)(
            judge.source.take(draws).observed, judge.observations, np.asarray(first)
        )
    if not (np.isfinite(given).all() and np.isfinite(alone).all()):
        raise ModelError("rank: a density is not finite in some draw; fit with precision='float64'.")
    seen = np.asarray(judge.observations.seen).any(-1)[:, first:].sum(1)
    return _labelled(given, alone, data, draws, seen, judge.source.provenance)


def _labelled(
    given: np.ndarray,
    alone: np.ndarray,
    data: xr.Dataset,
    draws: np.ndarray,
    steps: np.ndarray,
    attrs: dict[str, str | int | float],
) -> xr.Dataset:
    from scipy.special import softmax

    score, by_draw = log_mean(given) - log_mean(alone), given - alone
    found = xr.Dataset(
        {
            "score": ("candidate", score),
            "score_by_draw": (("sample", "candidate"), by_draw),
            "probability": ("candidate", softmax(score), {"units": "1"}),
            "probability_by_draw": (("sample", "candidate"), softmax(by_draw, axis=1), {"units": "1"}),
            "log_density": ("candidate", log_mean(given)),
        },
        {
            "sample": draws,
            "candidate": data["trajectory"].values,
            "n_observed": ("candidate", steps),
        },
        attrs,
    )
    return with_units(found, score="nat", log_density="nat")
