"""Double precision for a test, and calls without the check of signatures."""

from __future__ import annotations

import pytest
from jaxtyping import config

from sdebayes._core import precision


@pytest.fixture
def x64():
    with precision.scope("float64"):
        yield


@pytest.fixture
def untyped():
    """Switch the run-time check of signatures off, to reach the error that users see."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)
