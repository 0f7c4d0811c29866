"""Double precision for a test."""

from __future__ import annotations

import pytest

from sdebayes._core import precision


@pytest.fixture
def x64():
    with precision.scope("float64"):
        yield
