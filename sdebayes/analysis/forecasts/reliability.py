"""Whether the probabilities of forecasts come true at every level and horizon."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Judged, Probabilities, Probability
from sdebayes._core.ratio import ratio

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@checked
def reliability(values: Judged, nominal: Probabilities = LEVELS, prob: Probability = 0.9) -> xr.Dataset:
    """Count how often what came lay in central intervals of its forecasts.

    Parameters
    ----------
    values
        Probability integral transforms, over ``trajectory``, ``time``, the state last, and perhaps ``horizon``, as
        `scores` and `pit` return them; NaN are left out.
    nominal
        Probabilities of the forecast intervals.
    prob
        Probability of the interval around each share.

    Returns
    -------
    xarray.Dataset
        Over (nominal, horizon, state): ``coverage``, the share of what came inside, with ``coverage_lower`` and
        ``coverage_upper``; the same over (nominal, horizon), all coordinates together, as ``overall``. The intervals
        are Student's, from the differences between trajectories: values of one trajectory need not be independent, and
        those more than one step ahead are not.

    Raises
    ------
    DataError
        If a probability is not between 0 and 1, or fewer than two trajectories have a value.

    See Also
    --------
    sdebayes.analysis.calibration.coverage : At one probability.
    sdebayes.plots.forecasts.reliability : Draws it.

    References
    ----------
    Gneiting, Balabdaoui & Raftery (2007), doi:10.1111/j.1467-9868.2007.00587.x.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.forecasts.scores`:

    >>> found = sb.analysis.forecasts.reliability(judged["pit"], nominal=[0.5, 0.9])
    >>> dict(found["coverage"].sizes)
    {'nominal': 2, 'horizon': 5, 'state': 2}
    """
    levels = np.asarray(nominal, dtype=float)
    if not (levels.ndim == 1 and levels.size and ((levels > 0) & (levels < 1)).all() and 0 < prob < 1):
        raise DataError(f"nominal={nominal!r}, prob={prob!r}; all must be probabilities between 0 and 1.")
    coordinate = values.dims[-1]
    ordered = values.transpose(..., coordinate, "trajectory", "time")
    ordered = ordered.sel(trajectory=ordered.notnull().any([d for d in ordered.dims if d != "trajectory"]))
    if ordered.sizes["trajectory"] < 2:
        raise DataError("Fewer than two trajectories have a value; their differences give the intervals.")
    off = 2 * np.abs(ordered.values - 0.5)
    count = np.isfinite(off).sum(-1).astype(float)
    inside = (off <= levels.reshape(-1, *[1] * off.ndim)).sum(-1).astype(float)
    lead = ("nominal", *ordered.dims[:-3])
    parts = {
        "coverage": ((*lead, coordinate), inside, count),
        "overall": (lead, inside.sum(-2), count.sum(-2)),
    }
    variables: dict[str, tuple] = {}
    for name, (dims, hits, total) in parts.items():
        share = ratio(hits, total, prob)
        variables[name] = (dims, share.value, {"long_name": "share inside the interval"})
        variables[f"{name}_lower"] = (dims, np.maximum(share.lower, 0.0))
        variables[f"{name}_upper"] = (dims, np.minimum(share.upper, 1.0))
    coords = {name: values.coords[name] for name in (*lead[1:], coordinate) if name in values.coords}
    attrs = {**values.attrs, "prob": prob}
    return xr.Dataset(variables, {"nominal": levels, **coords}, attrs)
