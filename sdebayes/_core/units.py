"""The unit of time, which results carry in their attributes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

UNNAMED = "unit of time"


def time_unit(attributes: Mapping[Hashable, Any] | Mapping[str, Any]) -> str:
    """Return the unit of time in the singular; "unit of time" where none is named."""
    return str(attributes.get("time_unit", UNNAMED))


def plural_unit(unit: str) -> str:
    """Return a unit in the plural: "sentences", "units of time"."""
    head, of, rest = unit.partition(" of ")
    return f"{head}s{of}{rest}"
