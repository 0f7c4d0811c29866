"""What the figures of held-out scores show."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import same_color

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.plots.style import POSTERIOR, REFERENCE


@pytest.fixture
def table() -> xr.Dataset:
    numbers = {"difference": [0.5, 0.3, 0.0], "lower": [0.1, 0.2, 0.0], "upper": [0.6, 0.9, 0.0]}
    coords = {"candidate": ["a", "b", "iid"], "kind": ("candidate", ["linear", "nonlinear", "null"])}
    return xr.Dataset({name: ("candidate", values) for name, values in numbers.items()}, coords)


def test_bars_are_the_intervals_and_nulls_are_grey(table):
    ax = plots.scores.differences(table)
    for bar, low, high, colour in zip(
        ax.containers,
        table["lower"].values,
        table["upper"].values,
        (POSTERIOR, POSTERIOR, REFERENCE),
        strict=True,
    ):
        (segment,) = bar.lines[2][0].get_segments()
        np.testing.assert_allclose(segment[:, 0], [low, high])
        assert same_color(bar.lines[0].get_color(), colour)


def test_a_table_without_intervals_is_refused(table):
    with pytest.raises(DataError, match=r"sdebayes\.compare"):
        plots.scores.differences(table.drop_vars("lower"))


def test_the_largest_mean_over_parts_is_marked():
    scores = xr.Dataset(
        {"vamp2": (("components", "fold"), [[1.0, 1.2], [1.6, 1.5], [1.4, 1.6]])},
        {"components": [4, 8, 16], "fold": [1, 2]},
    )
    ax = plots.scores.components(scores)
    *_, mean, best = ax.lines
    np.testing.assert_allclose(mean.get_ydata(), [1.1, 1.55, 1.5])
    assert (best.get_xdata().item(), best.get_ydata().item()) == (8, 1.55)
    with pytest.raises(DataError, match=r"sdebayes\.TICA\.score"):
        plots.scores.components(scores.drop_vars("vamp2"))
