"""The figure of the Lyapunov spectrum."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdebayes import plots
from sdebayes._core.errors import DataError


def spectrum(draws: int, error: float) -> xr.Dataset:
    values = np.array([0.2, -1.0]) + np.linspace(-1, 1, draws)[:, None] * [0.3, 0.1]
    dims = ("sample", "mode")
    return xr.Dataset(
        {
            "exponent": (dims, values, {"units": "1/(step)"}),
            "standard_error": (dims, np.full((draws, 2), error)),
        },
        {"sample": np.arange(draws), "mode": [1, 2]},
    )


def test_the_interval_of_the_draws_and_its_error():
    ax = plots.phase_space.lyapunov_exponents(spectrum(101, 0.05), truth=spectrum(1, 0.0) + 0.3)
    assert {"90% interval", "and Monte-Carlo error", "truth"} <= set(ax.get_legend_handles_labels()[1])
    middle = next(line for line in ax.lines if line.get_label() == "median")
    np.testing.assert_allclose(middle.get_ydata(), [0.2, -1.0])
    error, interval = ax.collections[:2]
    np.testing.assert_allclose(interval.get_segments()[0][:, 1], [0.2 - 0.27, 0.2 + 0.27])
    np.testing.assert_allclose(error.get_segments()[0][:, 1], [0.2 - 0.37, 0.2 + 0.37])
    assert ax.get_title() == "first above zero: probability 0.83"
    assert ax.get_ylabel() == "Lyapunov exponent, 1/(step)"


def test_draws_whose_paths_became_infinite_are_left_out():
    some = spectrum(3, 0.1)
    some["exponent"][0] = np.nan
    middle = next(
        line for line in plots.phase_space.lyapunov_exponents(some).lines if line.get_label() == "median"
    )
    np.testing.assert_allclose(middle.get_ydata(), [0.35, -0.95])
    with pytest.raises(DataError, match="finite"):
        plots.phase_space.lyapunov_exponents(some.isel(sample=[0]))
    with pytest.raises(DataError, match="between 0 and 1"):
        plots.phase_space.lyapunov_exponents(some, prob=0.0)
