"""Where what came lies in its forecast."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Predicted, Trajectories


@checked
def pit(predicted: Predicted, data: Trajectories) -> xr.DataArray:
    """Return the probability integral transform of every observation under its one-step forecast.

    Parameters
    ----------
    predicted
        ``mean`` (sample, trajectory, time, state) and ``covariance`` (…, state, state_bis) of each one-step
        distribution of the observation, as a posterior's ``predict`` returns them.
    data
        ``y(trajectory, time, state)``, the observations that were predicted.

    Returns
    -------
    xarray.DataArray
        (trajectory, time, state): the mean over the draws of Φ((y − mean)/sd), the distribution function of the
        forecast at what came. Uniform if the forecasts are calibrated; NaN where nothing was observed.

    Raises
    ------
    DataError
        If forecasts and data do not fit together.

    See Also
    --------
    sdebayes.Posterior.predict : Makes the forecasts.
    sdebayes.analysis.calibration.coverage : Counts what lies in the middle.
    sdebayes.plots.forecasts.pit : Draws it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> values = sb.analysis.forecasts.pit(posterior.predict(test), test)
    >>> values.dims, bool(abs(values.mean() - 0.5) < 0.1)
    (('trajectory', 'time', 'state'), True)
    """
    from scipy.special import ndtr

    y = data["y"]
    coordinate = "observed" if "observed" in predicted.dims else "state"
    expected = ("sample", "trajectory", "time", coordinate)
    mean, covariance = predicted["mean"], predicted["covariance"]
    if set(mean.dims) != set(expected) or mean.sizes["trajectory"] != y.sizes["trajectory"]:
        raise DataError(
            f"Expected forecasts over {', '.join(expected)} of {y.sizes['trajectory']} trajectories; got "
            f"{dict(mean.sizes)}. Pass the data that were given to predict."
        )
    values = covariance.transpose("sample", "trajectory", "time", coordinate, f"{coordinate}_bis").values
    sd = np.sqrt(np.diagonal(values, axis1=-2, axis2=-1))
    y = y.transpose("trajectory", "time", "state")
    observed = y.values
    total = np.zeros(observed.shape)
    for draw_mean, draw_sd in zip(mean.transpose(*expected).values, sd, strict=True):
        total += ndtr((observed - draw_mean) / draw_sd)
    result = y.copy(data=total / len(sd))
    return result.rename("pit").assign_attrs(long_name="probability integral transform")
