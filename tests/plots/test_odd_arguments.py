"""What is drawn beside a result must be of its kind, and axes must be axes."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis import fields, moments

OTHER = xr.Dataset({"z": (("a", "b"), np.ones((2, 2)))})


@pytest.fixture(scope="module")
def line():
    sde = sb.datasets.benchmark("double_well", 4, 0.2)[1]
    return fields.grid(sde, states=(0,), points=5, limits=[(-1.5, 1.5)])


def test_a_truth_of_another_analysis_is_refused_by_its_variable(line):
    with pytest.raises(DataError, match="'drift' and the truth holds z; make it with"):
        plots.fields.profile(line, truth=OTHER)


def test_a_truth_on_another_grid_is_refused_by_its_dimensions(line):
    values = line["drift"].isel(state=0)
    with pytest.raises(DataError, match="The truth has the dimensions a, b"):
        plots.fields.scalar(values, truth=OTHER["z"])


def test_no_axes_are_not_axes(line):
    with pytest.raises(DataError, match="axes of matplotlib"):
        plots.checks.elbo(xr.Dataset({"elbo": ("step", np.arange(50.0))}), ax=())


def test_bins_that_are_a_word_are_refused():
    data = sb.datasets.benchmark("ornstein_uhlenbeck", 40, 0.2, 8, seed=1)[0]
    with pytest.raises(DataError, match="bins"):
        moments.kramers_moyal(data, bins="x")


@pytest.mark.parametrize("path", ["\ud800", "a\0b"])
def test_a_path_that_no_file_can_have_is_refused_by_name(path):
    with pytest.raises(DataError, match="load: path"):
        sb.data.load(path)
