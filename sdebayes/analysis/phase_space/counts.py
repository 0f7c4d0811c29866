"""How many fixed points there are, and of which type."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space.stability import KINDS, NO_KIND


@checked
def fixed_point_counts(found: xr.Dataset) -> xr.Dataset:
    """Count the fixed points of every draw, whatever their places, and say how probable each number is.

    Parameters
    ----------
    found
        As `fixed_points` returns it.

    Returns
    -------
    xarray.Dataset
        ``probability`` (kind, number), the share of draws with so many zeros, from 0 to the most that a draw has, and
        ``mean`` (kind), their mean number. The kinds are "any", "stable" and "unstable" ones, then each type.

    Raises
    ------
    DataError
        If the fixed points are not those that `fixed_points` returns.

    See Also
    --------
    sdebayes.analysis.phase_space.fixed_points : Finds them.
    sdebayes.plots.phase_space.fixed_point_counts : Draws it.

    Notes
    -----
    A zero that the search from its starts did not find, or that lies outside of the region, is not counted.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.phase_space.fixed_points`:

    >>> counts = sb.analysis.phase_space.fixed_point_counts(found)
    >>> counts["mean"].sel(kind=["stable", "unstable"]).round().values
    array([2., 1.])
    """
    missing = {"kind", "stable"} - set(found)
    if missing:
        raise DataError(f"The fixed points have no {min(missing)!r}; make them with fixed_points.")
    kind, stable = (found[name].transpose("sample", "fixed_point").values for name in ("kind", "stable"))
    known = kind != NO_KIND
    chosen = {"any": known, "stable": known & stable, "unstable": known & ~stable}
    chosen |= {name: kind == code for code, name in enumerate(KINDS)}
    counts = np.stack([own.sum(axis=1) for own in chosen.values()])
    number = np.arange(counts.max(initial=0) + 1)
    return xr.Dataset(
        {
            "probability": (
                ("kind", "number"),
                (counts[..., None] == number).mean(axis=1),
                {"long_name": "probability of so many fixed points"},
            ),
            "mean": ("kind", counts.mean(axis=1), {"long_name": "mean number of fixed points"}),
        },
        {"kind": list(chosen), "number": number},
        found.attrs,
    )
