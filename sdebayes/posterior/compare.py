"""Compare models by the log score of held-out trajectories."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from sdebayes._core import precision
from sdebayes._core.errors import DataError, ModelError, StateSpaceError
from sdebayes._core.ratio import ratio_and_error
from sdebayes.model.observations import read
from sdebayes.posterior.nulls import IID_EFFECT, fit_nulls
from sdebayes.posterior.posterior import Posterior


def compare(
    models: Mapping[str, Posterior],
    data: xr.Dataset,
    *,
    nulls: bool = True,
    baseline: str | None = None,
) -> xr.Dataset:
    r"""Compare models by the log score of held-out trajectories, the nulls among the rows.

    Parameters
    ----------
    models
        A posterior for each name, all fitted to the same trajectories.
    data
        Held-out trajectories, in the state space of the training data.
    nulls
        Whether "iid", "iid + document effect" and "random walk + noise" are rows too, fitted to the models' training
        data and averaged over their posterior as the models are.
    baseline
        The row that others are compared with; default "iid + document effect", or the first model without nulls.

    Returns
    -------
    xr.Dataset
        Over ``candidate``, the models and then the nulls: ``log_score`` (candidate, trajectory) in nats, ``per_step``
        in nats per observed step, ``difference`` to the baseline in nats per observed step with its paired
        ``standard_error`` over trajectories, ``difference_to_best`` with ``standard_error_to_best``. Coords
        ``n_observed`` (trajectory), the observed steps, and ``in_sample`` (trajectory), whether the trajectory was in
        the training data.

    Raises
    ------
    ModelError
        If there is no model, the training data differ, or the baseline is no row.
    StateSpaceError
        If the models or the data are in different state spaces.
    DataError
        If the data are not valid, or have fewer than two trajectories.

    Notes
    -----
    The difference is the ratio :math:`r = \sum_i d_i / \sum_i n_i` of summed score differences to observed steps, and
    its standard error that of a ratio estimator,
    :math:`\sqrt{N/(N-1) \sum_i (d_i - r n_i)^2} / \sum_i n_i` (Cochran 1977, Sampling Techniques, eq. 6.12).
    """
    _check(models, data, nulls)
    scores = {name: posterior.log_score(data) for name, posterior in models.items()}
    first = next(iter(scores.values()))
    rows = {name: score.values for name, score in scores.items()}
    some = next(iter(models.values()))
    training = some.training_data()
    if nulls:
        with precision.scope("float64"), precision.single_blas_thread():
            held_out = read(data)
            for null in fit_nulls(training):
                rows[null.name] = null.log_score(held_out)
    baseline = baseline or (IID_EFFECT if nulls else next(iter(rows)))
    if baseline not in rows:
        raise ModelError(f"baseline={baseline!r} is no row; the rows are {', '.join(rows)}.")
    return _table(rows, first, baseline, _in_sample(data, training))


def _check(models: Mapping[str, Posterior], data: xr.Dataset, nulls: bool) -> None:
    if not models:
        raise ModelError('compare got no model; expected {"name": posterior, ...}.')
    for name, posterior in models.items():
        if not isinstance(posterior, Posterior):
            raise ModelError(f"compare: {name!r} is {type(posterior).__name__}; expected a Posterior.")
    spaces = {name: posterior.space_hash for name, posterior in models.items()}
    if len(set(spaces.values())) > 1:
        raise StateSpaceError(
            f"The models are in different state spaces, whose scores do not compare: {spaces}."
        )
    hashes = {name: posterior.data.attrs["data_hash"] for name, posterior in models.items()}
    if nulls and len(set(hashes.values())) > 1:
        raise ModelError(
            f"The models were fitted to different trajectories ({hashes}), so that no null stands for all; fit them to "
            "the same data, or pass nulls=False."
        )
    if data.sizes.get("trajectory", 0) < 2:
        raise DataError(
            f"The data have {data.sizes.get('trajectory', 0)} trajectory; a standard error needs at least two."
        )


def _in_sample(data: xr.Dataset, training: xr.Dataset) -> np.ndarray:
    def rows(dataset: xr.Dataset) -> list[bytes]:
        return [values[np.isfinite(values).any(-1)].tobytes() for values in dataset["y"].values]

    known = set(rows(training))
    return np.array([row in known for row in rows(data)])


def _table(
    rows: dict[str, np.ndarray], first: xr.DataArray, baseline: str, in_sample: np.ndarray
) -> xr.Dataset:
    scores = np.array(list(rows.values()))
    steps = first["n_observed"].values.astype(float)
    best = list(rows)[int(np.argmax(scores.sum(1)))]
    difference, error = ratio_and_error(scores - rows[baseline], steps)
    to_best, error_to_best = ratio_and_error(scores - rows[best], steps)
    per_step = {"units": "nat per observed step"}
    return xr.Dataset(
        {
            "log_score": (("candidate", "trajectory"), scores, {"units": "nat"}),
            "per_step": ("candidate", scores.sum(1) / steps.sum(), per_step),
            "difference": ("candidate", difference, per_step),
            "standard_error": ("candidate", error, per_step),
            "difference_to_best": ("candidate", to_best, per_step),
            "standard_error_to_best": ("candidate", error_to_best, per_step),
        },
        {
            "candidate": list(rows),
            "trajectory": first["trajectory"].values,
            "n_observed": ("trajectory", first["n_observed"].values),
            "in_sample": ("trajectory", in_sample),
        },
        {**first.attrs, "baseline": baseline, "best": best},
    )
