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
from sdebayes.analysis.quality.examined import Examined
from sdebayes.simulation.source import SourceLike

type Score = Annotated[Literal["information", "surprise"], one_of("information", "surprise")]
type Numbers = dict[str, np.ndarray]


@checked
def surprise(
    posterior: SourceLike,
    data: Trajectories,
    two_sided: bool = True,
    *,
    calibration: Trajectories | None = None,
    score: Score | None = None,
    foreign: Probability = 0.05,
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
    foreign
        How probable it is, beforehand, that a step does not belong: q-values are of steps that more probably do not
        than do. Smaller where more than one step in eight may be foreign.
    samples
        At most so many draws, evenly spread; default at most 100, fewer where an array would pass 1 GiB.

    Returns
    -------
    xarray.Dataset
        Over (trajectory, time): ``surprise`` and ``information`` in nats, each with ``…_by_draw`` (sample, …);
        ``tail_probability``, the mean over draws of :math:`P(χ^2_n ≥ d^2)`, d the Mahalanobis distance of what came
        from its distribution and n the number of observed coordinates; ``p_value``, which is conformal with
        ``calibration`` and the tail probability without; ``q_value``, p-values adjusted over the steps of each
        trajectory: of those with one up to q about the share q is wrong, on average over trajectories; ``expected`` (…,
        state), the mean of the distribution; and ``text`` where the data have it. NaN where nothing was observed;
        information is NaN as well where nothing else was, and not there where states are observed exactly.
        ``attrs["caution"]`` names trajectories of one step.

    Raises
    ------
    ModelError
        If both sides are asked for and states are observed exactly, or a distribution is not finite.
    StateSpaceError
        If the data are in another space, or embedded by another encoder.
    DataError
        If the data are not valid, or trajectories for calibration are those of the fit or of the data.

    See Also
    --------
    sdebayes.analysis.quality.misfits : Lists what does not belong.
    sdebayes.plots.quality.surprise : Draws it.

    Notes
    -----
    Exact under a linear drift and normal noise, whether of one size or of each step, with gaps, unequal times, levels,
    and trajectory effects: two-sided surprise comes from one smoother pass. Under a nonlinear drift, several regimes or
    Student-t noise the distributions are those of the filter, and two-sided surprise takes a pass for each step; tail
    probabilities are then those of normal distributions of the same means and covariances.

    The conformal p-value of a step of a new document is
    :math:`(1 + \#\{\mathrm{scores\ at\ least\ as\ bad}\}) / (n + 1)` among all n steps of the calibration documents.
    It is uniform on average over documents if the new one is exchangeable with them, whatever is wrong with the model;
    steps of one document are not independent, so its precision is that of the number of documents. The adjustment is
    Benjamini & Hochberg's. A step that does not belong makes its neighbours look odd as well. With both sides,
    therefore, the step of least information is left out of what all others are given, and all are judged again, itself
    among them, while the trajectory is the more probable for it: while information is below −log((1 − π)/π), π being
    ``foreign``. Documents for calibration go the same way. P-values of steps that stay in are taken for one in what is
    adjusted: what is odd may be so for a neighbour's sake.

    References
    ----------
    de Jong (1988), A cross-validation filter for time series models, doi:10.1093/biomet/75.3.594; Bates, Candès, Lei,
    Romano & Sesia (2023), Testing for outliers with conformal p-values, doi:10.1214/22-AOS2244; Benjamini & Hochberg
    (1995), doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> spoilt = test.isel(trajectory=[0]).copy(deep=True)
    >>> spoilt["y"][0, 50] = [5.0, -5.0]
    >>> found = sb.analysis.quality.surprise(posterior, spoilt)
    >>> int(found["information"].argmin("time").squeeze())
    50
    """
    examined = Examined.of(posterior, data, two_sided, samples)
    if score == "information" and examined.alone is None:
        raise ModelError(
            "surprise: score='information' needs observation noise; give score='surprise', or fit with GaussianNoise()."
        )
    chosen: Score = score or ("surprise" if examined.alone is None else "information")
    own = examined.own()
    numbers = examined.numbers(own)
    found = examined.labelled(own, numbers)
    several = [(examined, numbers)]
    said: dict[str, str | int] = {}
    if calibration is None:
        p_value, ranked = numbers["tail_probability"], "tail_probability"
    else:
        refuse_known(posterior, calibration, data)
        held_out = Examined.of(posterior, calibration, two_sided, samples)
        several.append((held_out, held_out.numbers(held_out.own())))
        ranked, known = chosen, _badness(several[1][1], chosen)
        p_value = conformal_p_values(_badness(numbers, chosen), known)
        said["calibration_documents"] = int(np.isfinite(known).any(1).sum())
        said |= {"calibration_steps": int(np.isfinite(known).sum()), "calibration_score": chosen}
    q_value = adjusted(_of_foreign(several, ranked, foreign) if two_sided else p_value)
    grid = ("trajectory", "time")
    found["p_value"] = (grid, p_value, {"long_name": "p-value"})
    found["q_value"] = (grid, q_value, {"long_name": "p-value adjusted over the trajectory"})
    return found.assign_attrs(found.attrs | said)


def _of_foreign(several: list[tuple[Examined, Numbers]], ranked: str, foreign: float) -> np.ndarray:
    """Return p-values of steps that are left out of what others are judged by; of others it is one.

    Parameters
    ----------
    several
        What is judged and how; and the same of trajectories for calibration, if there are any.
    ranked
        The name of what is ranked.
    foreign
        How probable it is, beforehand, that a step does not belong.
    """
    odds = float(np.log1p(-foreign) - np.log(foreign))
    (own, left_out), *known = (_in_turn(*one, ranked, odds) for one in several)
    p_value = conformal_p_values(own, known[0][0]) if known else -own
    return np.where(left_out | np.isnan(p_value), p_value, 1.0)


def _in_turn(examined: Examined, first: Numbers, ranked: str, odds: float) -> tuple[np.ndarray, np.ndarray]:
    """Score steps while those that do not seem to belong are left out of what others are judged by; say which are."""

    def judged(left_out: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        part = examined.part(rows)
        numbers = part.numbers(part.own(left_out))
        return -numbers["information"], _badness(numbers, ranked)

    return judged_in_turn(judged, odds, -first["information"], _badness(first, ranked))


def _badness(numbers: Numbers, ranked: str) -> np.ndarray:
    return numbers[ranked] if ranked == "surprise" else -numbers[ranked]
