"""How surprising each step is, given the other steps of its trajectory."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Count, Probability, Trajectories, one_of
from sdebayes.analysis.quality.conformal import (
    adjusted,
    conformal_p_values,
    judged_in_turn,
    refuse_known,
)
from sdebayes.analysis.quality.examined import Examined, log_mean
from sdebayes.criticism.conditionals import Judged
from sdebayes.simulation.source import SourceLike

type Score = Annotated[Literal["information", "surprise"], one_of("information", "surprise")]


@checked
def surprise(
    posterior: SourceLike,
    data: Trajectories,
    two_sided: bool = True,
    *,
    calibration: Trajectories | None = None,
    score: Score | None = None,
    rate: Probability = 0.1,
    samples: Count | None = None,
) -> xr.Dataset:
    r"""Say how surprising each step is after those before it, or between all others.

    With rest standing for y_1, …, y_{k−1}, or for all steps of the trajectory but k,

    .. math::
        \mathrm{surprise}_k = -\log \frac{1}{S} \sum_s p(y_k \mid \mathrm{rest}, θ_s), \qquad
        \mathrm{information}_k = -\mathrm{surprise}_k - \log \frac{1}{S} \sum_s p(y_k \mid θ_s),

    and θ_s is not updated on the trajectory. Surprise is large where a step is unusual anywhere; information, the
    pointwise mutual information of step and rest, is small where it does not belong to *this* trajectory.

    Parameters
    ----------
    posterior
        A posterior, or a known `sdebayes.dynamics.ObservedSDE`.
    data
        Trajectories in the state space of the posterior, or embeddings by its encoder.
    two_sided
        Whether rest is all other steps; else the steps before.
    calibration
        Trajectories that were held out from the fit and are as good texts are. Then p-values are split-conformal: the
        share of steps of all these documents, the step itself among them, whose score is at least as bad.
    score
        What a conformal p-value ranks: ``"information"``, the least being the worst, or ``"surprise"``; by default
        information, and surprise where states are observed exactly.
    rate
        For q-values, steps with a p-value up to it are left out of what others are judged by.
    samples
        At most so many draws, evenly spread; default at most 100, fewer where an array would pass 1 GiB.

    Returns
    -------
    xarray.Dataset
        Over (trajectory, time): ``surprise`` and ``information`` in nats, each with ``…_by_draw`` (sample, …);
        ``tail_probability``, the mean over draws of :math:`P(χ^2_n ≥ d^2)`, d the Mahalanobis distance of what came
        from its law and n the number of observed coordinates; ``p_value``, which is conformal with ``calibration`` and
        the tail probability without; ``q_value``, p-values adjusted over the steps of each trajectory: of those with
        one up to q about the share q is wrong, on average over trajectories; ``expected`` (…, state), the mean of the
        law; and ``text`` where the data have it. NaN where nothing was observed; information is NaN as well where
        nothing else was, and not there where states are observed exactly. ``attrs["caution"]`` names trajectories of
        one step.

    Raises
    ------
    ModelError
        If both sides are asked for and states are observed exactly, or a law is not finite.
    StateSpaceError
        If the data are in another space, or embedded by another encoder.
    DataError
        If the data are not valid, or trajectories for calibration are those of the fit or of the data.

    Notes
    -----
    Exact under a linear drift and normal noise, whether of one size or of each step, with gaps, unequal times, levels,
    and trajectory effects: two-sided surprise comes from one smoother pass. Under a nonlinear drift, several regimes or
    Student-t noise the laws are those of the filter, and two-sided surprise takes a pass for each step; tail
    probabilities are then those of normal laws of the same means and covariances.

    The conformal p-value of a step of a new document is
    :math:`(1 + \#\{\mathrm{scores\ at\ least\ as\ bad}\}) / (n + 1)` among all n steps of the calibration documents.
    It is uniform on average over documents if the new one is exchangeable with them, whatever is wrong with the model;
    steps of one document are not independent, so its precision is that of the number of documents. The adjustment is
    Benjamini & Hochberg's. A step that does not belong makes its neighbours look odd as well: with both sides, the
    worst step of each trajectory is left out of what all others are given, and all are judged again, itself among them,
    until no further one has a p-value up to ``rate``. Documents for calibration go the same way.

    References
    ----------
    de Jong (1988), A cross-validation filter for time series models, doi:10.1093/biomet/75.3.594; Bates, Candès, Lei,
    Romano & Sesia (2023), Testing for outliers with conformal p-values, doi:10.1214/22-AOS2244; Benjamini & Hochberg
    (1995), doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    examined = Examined.of(posterior, data, two_sided, samples)
    first = examined.own()
    found = examined.labelled(first)
    if score == "information" and examined.alone is None:
        raise ModelError(
            "surprise: score='information' needs observation noise; give score='surprise', or fit with GaussianNoise()."
        )
    chosen: Score = score or ("surprise" if examined.alone is None else "information")
    if calibration is None:
        p_value = examined.tail(first)
        q_value = p_value if not two_sided else -_in_turn(examined, first, "tail", -rate)
        said: dict[str, str | int] = {}
    else:
        refuse_known(posterior, calibration, data)
        held_out = Examined.of(posterior, calibration, two_sided, samples)
        before = held_out.own()
        known, own = _badness(held_out, before, chosen), _badness(examined, first, chosen)
        p_value = q_value = conformal_p_values(own, known)
        if two_sided:
            threshold = float(np.nanquantile(known, 1 - rate))
            final = (
                _in_turn(one, start, chosen, threshold)
                for one, start in ((examined, first), (held_out, before))
            )
            q_value = conformal_p_values(*final)
        documents, steps = np.isfinite(known).any(1).sum(), np.isfinite(known).sum()
        said = {"calibration_documents": int(documents), "calibration_steps": int(steps)}
        said["calibration_score"] = chosen
    grid = ("trajectory", "time")
    found["p_value"] = (grid, p_value, {"long_name": "p-value"})
    found["q_value"] = (grid, adjusted(q_value), {"long_name": "p-value adjusted over the trajectory"})
    return found.assign_attrs(found.attrs | said)


def _in_turn(
    examined: Examined, first: Judged, score: Score | Literal["tail"], threshold: float
) -> np.ndarray:
    """Score steps while the worst are left out of what others are judged by."""

    def scores(left_out: np.ndarray, rows: np.ndarray) -> np.ndarray:
        part = examined.part(rows)
        return _badness(part, part.own(left_out), score)

    return judged_in_turn(scores, threshold, _badness(examined, first, score))


def _badness(examined: Examined, own: Judged, score: Score | Literal["tail"]) -> np.ndarray:
    if score == "tail":
        return -examined.tail(own)
    return -examined.information(own) if score == "information" else -log_mean(own.log_density)
