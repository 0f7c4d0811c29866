"""How far places are from all data: where a drift is read there, its prior speaks more than the data."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.spatial import KDTree

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Numbers
from sdebayes._core.places import Places
from sdebayes.analysis.evaluate import n_states
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.source import SourceLike

NAME = "data_distance"
FAR = 0.35
"""Distance from which a place counts as far from all data; half a standard deviation in two states."""


@checked
def data_distance(source: SourceLike, x: Numbers) -> xr.DataArray:
    r"""Return how far places are from the nearest datum that a posterior was fitted to.

    .. math:: d(x) = \min_k \Bigl( \frac1n \sum_{i=1}^{n} \frac{(x_i - y_{ki})^2}{s_i^2} \Bigr)^{1/2}

    with the data y, 20,000 steps at most, and their standard deviations s. Noise and offsets of trajectories are in
    the data: where these are large, paths behind them fill less than is counted as near.

    Parameters
    ----------
    source
        A posterior.
    x
        Places: (state,) or (point, state), or a DataArray with the dimension ``state``, such as
        ``sdebayes.analysis.fields.points`` gives.

    Returns
    -------
    xarray.DataArray
        (…), in standard deviations of the data.

    Raises
    ------
    DataError
        If the source has no data, or x other states.

    See Also
    --------
    sdebayes.analysis.fields.grid : Has it as a coordinate, and figures of a grid hatch what is far from all data.

    Notes
    -----
    The root mean square over states goes with the default length-scales of fields, which grow as the root of n.
    Beyond 0.35, half a standard deviation in two states, 95 % bands of a Gaussian process with the default basis held a
    limit cycle's drift in less than two thirds of the places.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> near, far = sb.analysis.fields.data_distance(posterior, [[0.0, 0.0], [9.0, 9.0]]).values
    >>> bool(near < 0.35 < far)
    True
    """
    stacked = as_source(source, n_states(x))
    if stacked.seen is None:
        raise DataError("An SDE has no data to be near to; give the posterior of a fit.")
    places = Places.read(x, stacked.states)
    values = _nearest(stacked.seen, places.points).reshape(places.shape)
    attrs = {"long_name": "distance to the nearest datum", "units": "standard deviations of the data"}
    coords = {name: own for name, own in places.coords.items() if name != NAME}
    return xr.DataArray(values, coords, places.dims, NAME, attrs)


def hangs_on_nearness(source: Source) -> bool:
    """Whether there are data, and what a place's drift and noise are is known the better the nearer they lie."""
    return source.seen is not None and (
        source.sde.drift.as_affine() is None or source.sde.diffusion.as_constant() is None
    )


def _nearest(seen: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the distance of each point to the nearest datum, in units in which the data have variance 1 / states."""
    spread = seen.std(axis=0) * np.sqrt(seen.shape[1])
    unit = np.where(spread > 0, spread, 1.0)
    return KDTree(seen / unit).query(points / unit)[0]
