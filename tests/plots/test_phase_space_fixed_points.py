"""Figures of fixed points, on a plane and in trajectories."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import xarray as xr

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space import fixed_point_counts
from sdebayes.data import trajectories

KINDS = "stable node, stable focus, saddle, unstable node, unstable focus, non-hyperbolic"


@pytest.fixture
def found() -> xr.Dataset:
    location = np.array([[[-1.0, 0.0], [0.0, 0.5]], [[-1.2, 0.1], [np.nan, np.nan]]])
    dims = ("sample", "fixed_point")
    return xr.Dataset(
        {
            "location": ((*dims, "state"), location),
            "kind": (dims, [[0, 2], [1, -1]], {"flag_meanings": KINDS}),
            "stable": (dims, [[True, False], [True, False]]),
        },
        {"sample": [0, 1], "state": ["x1", "x2"]},
    )


def lines(ax) -> dict[str, np.ndarray]:
    """Where the markers of each kind are: the drawn ones stand before their entry in the legend."""
    drawn = list(ax.lines)
    return {
        str(after.get_label()): np.array(before.get_data())
        for before, after in pairwise(drawn)
        if not after.get_label().startswith("_")
    }


def test_each_type_has_its_markers(found):
    common = xr.Dataset(
        {
            "location": (("fixed_point", "state"), [[-1.1, 0.05], [-1.1, 0.05]]),
            "probability": ("fixed_point", [0.75, 0.25]),
            "stable": ("fixed_point", [True, False]),
        },
        {"state": ["x1", "x2"]},
    )
    data = trajectories(np.random.default_rng(0).normal(size=(2, 9, 2)))
    ax = plots.phase_space.fixed_points(
        found, states=["x2", "x1"], data=data, common=common, truth=found.isel(sample=[0])
    )
    places = lines(ax)
    np.testing.assert_allclose(places["stable node"], [[0.0], [-1.0]])
    np.testing.assert_allclose(places["stable focus"], [[0.1], [-1.2]])
    np.testing.assert_allclose(places["saddle"], [[0.5], [0.0]])
    assert "unstable node" not in places
    assert [text.get_text() for text in ax.texts] == ["75%", "25%"]
    assert [text.get_verticalalignment() for text in ax.texts] == ["bottom", "top"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x2", "x1")
    with pytest.raises(DataError, match="2 of the states"):
        plots.phase_space.fixed_points(found, states=["x1", "x9"])


def test_trajectories_stand_in_the_order_of_their_places(found):
    offset = xr.DataArray(
        np.array([[2.0, 0.0], [-1.0, 0.0], [0.5, 0.0]]),
        {"trajectory": ["a", "b", "c"]},
        ("trajectory", "state"),
    )
    moved = found.assign(location=found["location"] + offset)
    moved["effect_sd"] = (("sample", "trajectory", "state"), np.full((2, 3, 2), 0.1))
    data = trajectories(
        np.arange(3.0)[:, None, None] + np.random.default_rng(0).normal(size=(3, 9, 2)), names=list("abc")
    )
    ax = plots.phase_space.in_trajectories(moved, data=data)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "c", "a"]
    bars = ax.collections[0].get_segments()
    np.testing.assert_allclose(bars[0][:, 0], [-2.2 - 0.16449, -2.0 + 0.16449], atol=1e-4)
    means = next(line for line in ax.lines if line.get_label() == "data mean")
    np.testing.assert_allclose(means.get_xdata(), data["y"].sel(state="x1").mean("time")[[1, 2, 0]])
    with pytest.raises(DataError, match="in trajectories"):
        plots.phase_space.in_trajectories(found)


def test_bars_say_how_many_there_are(found):
    counts = fixed_point_counts(found)
    ax = plots.phase_space.fixed_point_counts(counts)
    stable, unstable = ax.containers
    np.testing.assert_allclose([bar.get_height() for bar in stable], [0, 1, 0])
    np.testing.assert_allclose([bar.get_height() for bar in unstable], [0.5, 0.5, 0])
    with pytest.raises(DataError, match="fixed_point_counts"):
        plots.phase_space.fixed_point_counts(found)
