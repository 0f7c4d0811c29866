"""Default figures hold all that is written in them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes

from sdebayes import plots


def coverage() -> Axes:
    share = xr.DataArray([0.8, 0.9], dims="quantity")
    study = xr.Dataset(
        {"coverage": share, "lower": share - 0.1, "upper": share + 0.1},
        {"quantity": ["drift x1 at mean", "drift x2 at mean + 1 sd of x1"], "nominal": 0.9},
        {"prob": 0.95},
    )
    return plots.calibration.coverage(study)


def limit_cycles() -> Axes:
    phase = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    circle = np.stack([np.cos(phase), np.sin(phase)], axis=-1)
    found = xr.Dataset(
        {
            "orbit": (("sample", "cycle", "phase", "state"), np.stack([circle, 1.1 * circle])[:, None]),
            "period": (("sample", "cycle"), [[16.24], [15.91]]),
            "stable": (("sample", "cycle"), [[True], [True]]),
            "exists": ("sample", [True, True]),
        },
        {"state": ["x1", "x2"]},
    )
    return plots.phase_space.limit_cycles(found)


@pytest.mark.parametrize("figure", [coverage, limit_cycles])
def test_all_that_is_written_is_inside(figure):
    ax = figure()
    ax.figure.draw_without_rendering()
    edges = ax.get_tightbbox()
    whole = ax.figure.bbox
    assert edges.x0 >= whole.x0
    assert edges.x1 <= whole.x1
    assert edges.y0 >= whole.y0
    assert edges.y1 <= whole.y1
