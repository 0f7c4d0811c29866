"""How far an axis reaches where bars and simulations go beyond what is compared."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

_ROOM = 3.0
"""Beyond the values, in their ranges."""


def keep_in_sight(ax: Axes, values: np.ndarray) -> None:
    """Cut what reaches far beyond some values off a vertical axis, so that these can be read.

    A bar of a cell with few values, or a few simulated paths that run away, would else make points into a line. Nothing
    is cut where all is within three ranges of the values.

    Parameters
    ----------
    ax
        Everything is drawn, on the scale that it has.
    values
        What must stay in sight, as the data's points and the median simulation, any shape; NaN is no point.
    """
    shown = np.asarray(values, float)
    shown = shown[np.isfinite(shown) & ((shown > 0) | (ax.get_yscale() != "log"))]
    if shown.size < 2 or shown.min() == shown.max():
        return
    there, back = (np.log, np.exp) if ax.get_yscale() == "log" else (np.asarray, np.asarray)
    least, most = there(shown.min()), there(shown.max())
    room, limits = _ROOM * (most - least), there(ax.get_ylim())
    ax.set_ylim(float(back(max(limits[0], least - room))), float(back(min(limits[1], most + room))))
