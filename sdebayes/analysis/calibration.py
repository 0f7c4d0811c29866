"""Whether the probabilities of forecasts come true."""

from __future__ import annotations

import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Probability
from sdebayes._core.ratio import wilson_interval

__all__ = ["coverage"]


@checked
def coverage(values: xr.DataArray, nominal: Probability = 0.9, prob: Probability = 0.9) -> xr.Dataset:
    """Count how often what came lay in the central interval of its forecast.

    Parameters
    ----------
    values
        Probability integral transforms (…, state), as `sdebayes.analysis.forecasts.pit` returns them; NaN are left
        out.
    nominal
        Probability of the forecast interval.
    prob
        Probability of the interval around the count.

    Returns
    -------
    xarray.Dataset
        Over the last dimension of ``values``: ``coverage``, with its Wilson interval ``lower`` and ``upper``, and
        ``count``. The interval takes successive values as independent, which they are if the forecasts are calibrated.

    Raises
    ------
    DataError
        If a probability is not between 0 and 1, or a coordinate has no value.

    See Also
    --------
    sdebayes.analysis.forecasts.pit : Makes the values.
    sdebayes.analysis.forecasts.reliability : At several probabilities, and horizons.
    sdebayes.plots.calibration.coverage : Draws it.

    References
    ----------
    Wilson (1927), doi:10.1080/01621459.1927.10502953; Dawid (1984), doi:10.2307/2981683, for the independence.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> values = sb.analysis.forecasts.pit(posterior.predict(test), test)
    >>> held = sb.analysis.calibration.coverage(values, nominal=0.9)
    >>> sorted(held), held["coverage"].dims
    (['count', 'coverage', 'lower', 'upper'], ('state',))
    >>> bool((held["coverage"] > 0.7).all())
    True
    """
    rest = [dim for dim in values.dims if dim != values.dims[-1]]
    seen = values.notnull()
    count = seen.sum(rest)
    if int(count.min()) < 1:
        raise DataError("A coordinate has no forecast to judge; leave it out.")
    share = ((abs(values - 0.5) <= nominal / 2) & seen).sum(rest) / count
    lower, upper = wilson_interval(share, count, prob)
    return xr.Dataset(
        {"coverage": share, "lower": lower, "upper": upper, "count": count},
        attrs={"nominal": nominal, "prob": prob},
    )
