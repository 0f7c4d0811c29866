"""How surprising each step is, given the other steps of its trajectory."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Count, Trajectories, one_of
from sdebayes._core.units import with_units
from sdebayes.analysis.quality.conformal import conformal_p_values, false_discovery, refuse_known
from sdebayes.analysis.quality.reading import MOST_DRAWS, in_space
from sdebayes.criticism.conditionals import conditionals
from sdebayes.criticism.innovations import Judge
from sdebayes.likelihood import Conditional
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
    samples
        At most so many draws, evenly spread; default at most 100, fewer where an array would pass 1 GiB.

    Returns
    -------
    xarray.Dataset
        Over (trajectory, time): ``surprise`` and ``information`` in nats, each with ``…_by_draw`` (sample, …);
        ``tail_probability``, the mean over draws of :math:`P(χ^2_n ≥ d^2)`, d the Mahalanobis distance of what came
        from its law and n the number of observed coordinates; ``p_value``, which is conformal with ``calibration`` and
        the tail probability without; ``q_value``, p-values adjusted over the steps of each trajectory, those below q
        being a set of which at most the share q is wrong on average; ``expected`` (…, state), the mean of the law;
        and ``text`` where the data have it. NaN where nothing was observed; information is NaN as well where nothing
        else was, and not there where states are observed exactly. ``attrs["caution"]`` names trajectories of one step.

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
    Benjamini & Hochberg's, exact for independent p-values and those of positive regression dependence.

    References
    ----------
    de Jong (1988), A cross-validation filter for time series models, doi:10.1093/biomet/75.3.594; Bates, Candès, Lei,
    Romano & Sesia (2023), Testing for outliers with conformal p-values, doi:10.1214/22-AOS2244; Benjamini & Hochberg
    (1995), doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    found = _judged(posterior, data, two_sided, samples)
    chosen: Score = score or ("information" if "information" in found else "surprise")
    if chosen not in found:
        raise ModelError(
            "surprise: score='information' needs observation noise; give score='surprise', or fit with GaussianNoise()."
        )
    p_value, said = found["tail_probability"], {}
    if calibration is not None:
        refuse_known(posterior, calibration, data)
        before = _judged(posterior, calibration, two_sided, samples)
        p_value, said = conformal_p_values(_badness(found, chosen), _badness(before, chosen))
        said["calibration_score"] = chosen
    found["p_value"] = p_value.assign_attrs(long_name="p-value")
    found["q_value"] = false_discovery(p_value).assign_attrs(long_name="p-value adjusted over the trajectory")
    return found.assign_attrs(found.attrs | said)


def _badness(found: xr.Dataset, score: Score) -> xr.DataArray:
    return -found["information"] if score == "information" else found["surprise"]


def _judged(posterior: SourceLike, data: xr.Dataset, two_sided: bool, samples: int | None) -> xr.Dataset:
    """Compute what needs no calibration."""
    states = in_space(posterior, data)
    judge = Judge.of(posterior, states)
    observations = judge.observations
    draws = choose_draws(judge.source.n_draws, 8 * observations.values.size, samples, MOST_DRAWS)
    given = "others" if two_sided else "past"
    own = conditionals(judge, draws, given, states)
    grid = ("trajectory", "time")
    found = _labelled(own, states, judge.source.provenance | {"given": given}).assign_coords(sample=draws)
    if not judge.likelihood.states_observed:
        alone = conditionals(judge, draws, "nothing", states)
        gained = own.log_density - alone.log_density
        found["information_by_draw"] = (("sample", *grid), gained)
        found["information"] = (grid, log_mean(own.log_density) - log_mean(alone.log_density))
        found, caution = _where_known(found, two_sided)
        found.attrs |= {"caution": caution} if caution else {}
    return with_units(found, surprise="nat", information="nat", expected="state")


def _where_known(found: xr.Dataset, two_sided: bool) -> tuple[xr.Dataset, str]:
    """Leave information NaN where no other step is there to have it, and say of how many trajectories that is all."""
    seen = found["surprise"].notnull().values
    others = seen.cumsum(1) - seen if not two_sided else seen.sum(1, keepdims=True) - seen
    names = [name for name in found.data_vars if str(name).startswith("information")]
    known = xr.DataArray(others > 0, dims=("trajectory", "time"))
    alone = [str(name) for name in found["trajectory"].values[seen.sum(1) == 1]]
    said = (
        f"{len(alone)} of {len(seen)} trajectories have one observed step, of which no other tells anything: "
        f"{', '.join(map(repr, alone[:5]))}{' and others' * (len(alone) > 5)}."
    )
    return found.assign({name: found[name].where(known) for name in names}), said if alone else ""


def _labelled(own: Conditional, states: xr.Dataset, attrs: dict[str, str | int | float]) -> xr.Dataset:
    from scipy.stats import chi2

    count = np.isfinite(states["y"].transpose("trajectory", "time", "state").values).sum(-1)
    tail = chi2.sf(own.distance, np.where(count > 0, count, np.nan)).mean(0)
    inside = np.arange(states.sizes["time"]) < states["n_steps"].values[:, None]
    grid = ("trajectory", "time")
    found = xr.Dataset(
        {
            "surprise": (grid, -log_mean(own.log_density)),
            "surprise_by_draw": (("sample", *grid), -own.log_density),
            "tail_probability": (grid, tail, {"long_name": "tail probability"}),
            "expected": ((*grid, "state"), np.where(inside[..., None], own.mean.mean(0), np.nan)),
        },
        {
            "trajectory": states["trajectory"].values,
            "t": (grid, states["t"].values),
            "state": states["state"].values,
        },
        attrs,
    )
    return found.assign(text=states["text"].drop_attrs()) if "text" in states else found


def log_mean(log_density: np.ndarray) -> np.ndarray:
    """Return the log of the mean over the first axis of densities given by their logs, NaN where they are."""
    from scipy.special import logsumexp

    found: np.ndarray = logsumexp(log_density, axis=0) - np.log(len(log_density))
    return found
