"""What holds for every test: no window, no network hub, no time limit inside hypothesis."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import settings
from jaxtyping import config

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

settings.register_profile("project", deadline=None, print_blob=True)
settings.load_profile("project")


@pytest.fixture(autouse=True)
def close_figures():
    """Close the figures that a test has opened."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def x64():
    """Compute in double precision."""
    from sdebayes._core import precision

    with precision.scope("float64"):
        yield


@pytest.fixture
def untyped():
    """Switch the run-time check of signatures off, to reach the error that users see."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)
