"""The figure of ranks of known truths."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from arviz_stats.ecdf_utils import compute_ecdf

from sdebayes import plots
from sdebayes._core.errors import DataError


@pytest.fixture
def study() -> xr.Dataset:
    """Uniform ranks of four quantities but for one, whose truths lie in the tails; one data set failed."""
    pit = np.random.default_rng(0).uniform(size=(101, 4))
    pit[:, 1] = np.where(pit[:, 1] < 0.5, pit[:, 1] ** 2, 1 - (1 - pit[:, 1]) ** 2)
    pit[7] = np.nan
    names = ["drift x1 at mean", "drift x2 at mean", "covariance x1·x1", "log-likelihood"]
    parts = ["drift", "drift", "covariance", "log-likelihood"]
    return xr.Dataset(
        {"pit": (("replicate", "quantity"), pit)},
        {"quantity": names, "part": ("quantity", parts)},
    )


def test_a_panel_for_each_part_names_what_leaves_the_band(study):
    axes = plots.calibration.ecdf(study)
    assert [ax.get_title().split("\n") for ax in axes] == [
        ["drift", "drift x2 at mean"],
        ["covariance"],
        ["log-likelihood"],
    ]
    _, first, second = axes[0].lines
    x = first.get_xdata()[1:-1]
    seen = study["pit"].values[np.isfinite(study["pit"].values).all(axis=1)]
    np.testing.assert_allclose(first.get_ydata()[1:-1], compute_ecdf(seen[:, 0], x) - x)
    np.testing.assert_allclose(second.get_ydata()[1:-1], compute_ecdf(seen[:, 1], x) - x)
    assert first.get_color() != second.get_color()


def test_it_needs_a_study_and_a_probability(study):
    with pytest.raises(DataError, match=r"sdebayes.calibrate"):
        plots.calibration.ecdf(study.drop_vars("pit"))
    with pytest.raises(DataError, match=r"prob=1\.0"):
        plots.calibration.ecdf(study, prob=1.0)


def test_coverage_of_truths_is_drawn_for_one_probability():
    both = ("nominal", "quantity")
    shares = np.array([[0.4, 0.5], [0.8, 0.9]])
    found = xr.Dataset(
        {"coverage": (both, shares), "lower": (both, shares - 0.1), "upper": (both, shares + 0.1)},
        {"nominal": [0.5, 0.9], "quantity": ["drift x1 at mean", "covariance x1·x1"]},
        {"prob": 0.95},
    )
    ax = plots.calibration.coverage(found.sel(nominal=0.9))
    np.testing.assert_allclose(ax.containers[0][0].get_xdata(), [0.8, 0.9])
    assert ax.lines[0].get_xdata()[0] == 0.9
    assert "truths" in ax.get_xlabel()
    with pytest.raises(DataError, match=r"nominal=0\.9"):
        plots.calibration.coverage(found)


def test_ranks_of_given_truths_are_not_drawn_as_if_they_were_uniform(study):
    with pytest.raises(DataError, match="need not be uniform"):
        plots.calibration.ecdf(study.drop_vars("pit").assign(bias=("quantity", np.zeros(4))))
