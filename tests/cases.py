"""Parametrised cases of which a few will do for a first look."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def first_of(cases: Iterable[Any], count: int = 1) -> list[Any]:
    """Leave all cases but the first ones to `-m thorough`."""
    return [case if at < count else _marked(case) for at, case in enumerate(cases)]


def _marked(case: Any) -> Any:
    if isinstance(case, tuple):
        return pytest.param(*case, marks=pytest.mark.thorough)
    return pytest.param(case, marks=pytest.mark.thorough)
