"""Units of results: each variable that has one carries it as ``units`` in its attributes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import xarray as xr

UNNAMED = "unit of time"


def time_unit(attributes: Mapping[Hashable, object] | Mapping[str, object]) -> str:
    """Return the unit of time in the singular; "unit of time" where none is named."""
    return str(attributes.get("time_unit", UNNAMED))


def plural_unit(unit: str) -> str:
    """Return a unit in the plural: "sentences", "units of time"."""
    head, of, rest = unit.partition(" of ")
    return f"{head}s{of}{rest}"


def with_units(dataset: xr.Dataset, **units: str) -> xr.Dataset:
    """Write units into the attributes of variables and coordinates.

    Parameters
    ----------
    dataset
        Its attribute ``time_unit`` names the unit of time.
    **units
        By the name of a variable, which stands for those that begin with it as well, so that ``mean`` is that of
        ``mean_data`` too: "state", "state² per time", "per time", "nat"; the word "time" becomes the unit of time.

    Returns
    -------
    xarray.Dataset
        The same with units.
    """
    named = {name: unit.replace("time", time_unit(dataset.attrs)) for name, unit in units.items()}
    found = {}
    for name in map(str, dataset.variables):
        known = [start for start in named if name == start or name.startswith(f"{start}_")]
        if known:
            found[name] = dataset[name].assign_attrs(units=named[max(known, key=len)])
    return dataset.assign(
        {name: value for name, value in found.items() if name in dataset.data_vars}
    ).assign_coords({name: value for name, value in found.items() if name in dataset.coords})
