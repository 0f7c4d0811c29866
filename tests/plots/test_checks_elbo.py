"""The figure of a variational bound."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdebayes import plots
from sdebayes._core.errors import DataError


def trace(steps: int) -> xr.Dataset:
    rng = np.random.default_rng(0)
    number = np.arange(1, steps + 1)
    elbo = -200 - 300 * np.exp(-number / 60) + rng.normal(0, 3, steps)
    return xr.Dataset({"elbo": ("step", elbo)}, {"step": number})


def test_the_bound_is_drawn_with_its_running_mean():
    found = trace(1000)
    ax = plots.checks.elbo(found, window=50)
    each, mean = ax.lines
    np.testing.assert_allclose(each.get_ydata(), found["elbo"])
    np.testing.assert_array_equal(mean.get_xdata(), np.arange(50, 1001))
    np.testing.assert_allclose(mean.get_ydata(), [found["elbo"][k : k + 50].mean() for k in range(951)])
    low, high = ax.get_ylim()
    assert low < mean.get_ydata().min()
    assert high > found["elbo"][-500:].max()


def test_a_short_trace_and_a_foreign_dataset():
    ax = plots.checks.elbo(trace(20))
    assert len(ax.lines[1].get_xdata()) == 1
    with pytest.raises(DataError, match="elbo"):
        plots.checks.elbo(trace(20).rename(elbo="bound"))
    with pytest.raises(DataError, match="not finite at any step"):
        plots.checks.elbo(trace(20) * np.nan)
