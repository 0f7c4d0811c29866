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
