"""Default figures hold all that is written in them."""

from __future__ import annotations

import matplotlib.pyplot as plt
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


def nullclines() -> Axes:
    place = np.linspace(-1, 1, 8)
    shape = ("sample", "grid_PC1", "grid_PC2", "state")
    drift = np.stack(np.broadcast_arrays(place[:, None], place[None, :]), axis=-1) * [[[[0.9]]], [[[1.1]]]]
    found = xr.Dataset(
        {"drift": (shape, drift), "probability_positive": (shape[1:], (drift > 0).mean(axis=0))},
        {"grid_PC1": place, "grid_PC2": place, "state": ["PC1", "PC2"]},
    )
    path = xr.DataArray(
        np.zeros((2, 1, 3, 2)), {"state": ["PC1", "PC2"]}, ("sample", "trajectory", "time", "state"), name="x"
    )
    return plots.phase_space.nullclines(found, data=path.to_dataset())


@pytest.mark.parametrize("figure", [coverage, limit_cycles, nullclines])
def test_all_that_is_written_is_inside(figure):
    ax = figure()
    ax.figure.draw_without_rendering()
    edges = ax.get_tightbbox()
    whole = ax.figure.bbox
    assert edges.x0 >= whole.x0
    assert edges.x1 <= whole.x1
    assert edges.y0 >= whole.y0
    assert edges.y1 <= whole.y1


@pytest.mark.parametrize("states", [["TIC1"], ["TIC1", "TIC2"]])
def test_names_of_states_and_legend_do_not_meet(states):
    band = np.ones((20, 5, len(states))) + np.linspace(0, 1, 20)[:, None, None]
    found = xr.Dataset(
        {
            "autocorrelation": (("sample", "lag", "state"), band),
            "autocorrelation_data": (("lag", "state"), band[0]),
        },
        {"lag": np.arange(5), "state": states},
    )
    axes = plots.moments.autocorrelation(found)
    figure = axes[0].figure
    figure.draw_without_rendering()
    legend = (axes[0].get_legend() or figure.legends[0]).get_window_extent()
    for ax in axes:
        name = next(text for text in [*ax.texts, ax._left_title] if text.get_text() in states)
        assert not name.get_window_extent().overlaps(legend)
    plt.close(figure)
