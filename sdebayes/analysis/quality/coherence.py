"""How well a trajectory hangs together: what its place, its level and its order tell, apart."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Trajectories
from sdebayes.analysis.quality.examined import log_mean
from sdebayes.analysis.quality.reading import in_space
from sdebayes.criticism.conditionals import levels, totals
from sdebayes.criticism.innovations import Judge
from sdebayes.inference.nulls import IID, IIDDocumentEffect
from sdebayes.simulation.source import SourceLike


@checked
def coherence(
    posterior: SourceLike, data: Trajectories, *, training: Trajectories | None = None
) -> xr.Dataset:
    r"""Divide what a model knows of each trajectory over independent steps into place, level and order.

    With S the log score of a whole trajectory and n its observed steps,

    .. math::
        \mathrm{place} = \frac{S_{\mathrm{iid\ about\ the\ level}} - S_{\mathrm{iid}}}{n}, \qquad
        \mathrm{level} = \frac{S_{\mathrm{iid + effect}} - S_{\mathrm{iid\ about\ the\ level}}}{n}, \qquad
        \mathrm{order} = \frac{S_{\mathrm{model}} - S_{\mathrm{iid + effect}}}{n},

    which add up to what the model gains over independent steps of one distribution. Place is what the covariates of the
    model's level give, such as the place in the text, ``Level("t")``; level, that each trajectory has a middle of its
    own; order, that steps follow one another: a shuffle leaves the first two, if the level is of whole trajectories or
    none, and takes the third.

    Parameters
    ----------
    posterior
        A posterior, or a known `sdebayes.dynamics.ObservedSDE`.
    data
        Held-out trajectories in the state space of the posterior, or embeddings by its encoder.
    training
        The trajectories that the nulls are fitted to; by default those of the posterior.

    Returns
    -------
    xarray.Dataset
        ``place``, ``level``, ``order`` and their sum ``total`` (trajectory,), in nats per observed step, with the coord
        ``n_observed``. Place is zero where the model has no level.

    Raises
    ------
    DataError
        If data are not valid, or a known SDE comes without training trajectories.
    StateSpaceError
        If the data are in another space, or embedded by another encoder.
    ModelError
        If the data do not fit the model.

    See Also
    --------
    sdebayes.compare : The sum over trajectories, with paired errors.
    sdebayes.analysis.quality.order_tasks : Whether an order is found again.
    sdebayes.plots.quality.coherence : Draws it.

    Notes
    -----
    The nulls are those of `sdebayes.nulls`, averaged over their posterior as the model is; about the level means that
    the model's mean level is taken away before they are fitted and before they score.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.quality.coherence(posterior, test)
    >>> sorted(found), bool((found["order"] > 0).all())
    (['level', 'order', 'place', 'total'], True)
    """
    return divided(posterior, data, _training(posterior) if training is None else training)


def divided(
    posterior: SourceLike, data: xr.Dataset, training: xr.Dataset, own: np.ndarray | None = None
) -> xr.Dataset:
    """Divide as `coherence` does what a model knows of trajectories whose log scores, (trajectory,), may be known."""
    states, known = in_space(posterior, data), in_space(posterior, training)
    judge = Judge.of(posterior, states)
    own = log_mean(totals(judge)) if own is None else own
    away, away_training = levels(judge, states), levels(Judge.of(posterior, known), known)
    plain = IID().fit(known)
    scores = {"iid": plain.log_score(states).values}
    scores["about"] = scores["iid"]
    about, about_training = states, known
    if np.any(away_training):
        about, about_training = _less(states, away), _less(known, away_training)
        scores["about"] = IID().fit(about_training).log_score(about).values
    with_effect = IIDDocumentEffect().fit(about_training).log_score(about)
    scores["effect"] = with_effect.values
    steps = with_effect["n_observed"].values
    parts = {
        "place": scores["about"] - scores["iid"],
        "level": scores["effect"] - scores["about"],
        "order": own - scores["effect"],
        "total": own - scores["iid"],
    }
    units = {"units": "nat per observed step"}
    return xr.Dataset(
        {name: ("trajectory", values / steps, units) for name, values in parts.items()},
        {"trajectory": states["trajectory"].values, "n_observed": ("trajectory", steps)},
        judge.source.provenance,
    )


def _training(posterior: SourceLike) -> xr.Dataset:
    read = getattr(posterior, "training_data", None)
    if read is None:
        raise DataError(
            "coherence of a known SDE needs the trajectories that nulls are fitted to; give training=."
        )
    known: xr.Dataset = read()
    return known


def _less(data: xr.Dataset, away: np.ndarray) -> xr.Dataset:
    y = data["y"].transpose("trajectory", "time", "state")
    return data.assign(y=y.copy(data=y.values - away))
