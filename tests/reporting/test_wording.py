"""How a page writes what the analyses say."""

from __future__ import annotations

import re
from importlib.resources import files

import numpy as np
import pytest
import xarray as xr

from sdebayes.reporting.chapters.summary import _time
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.wording import duration, one_duration, sentence_case
from tests.project.source import modules


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("trend of PC8", "Trend of PC8"),
        ("Markov property", "Markov property"),
        ("p = 0.01; smallest alone: trend of PC8, 0.002", "p = 0.01; smallest alone: trend of PC8, 0.002"),
        ("", ""),
    ],
)
def test_a_sentence_begins_with_a_capital_and_keeps_its_names(text, written):
    assert sentence_case(text) == written


def test_no_other_word_loses_its_capitals():
    found = [module.path for module in modules() if re.search(r"\.(capitalize|title)\(\)", module.text)]
    assert found == [], "str.capitalize() writes pc1 for PC1; use sentence_case"


@pytest.mark.parametrize(
    ("ends", "written"),
    [
        ([25.71, 18.13, 38.66], "25.7 [18.1, 38.7]"),
        ([0.0523, 0.0481, 1.234], "0.052 [0.048, 1.234]"),
        ([0.61, 0.5, 0.72], "0.61 [0.50, 0.72]"),
        ([float("inf"), 2.0, float("inf")], "– [2.0, –]"),
        ([0.0, 0.0, 0.0], "0.0 [0.0, 0.0]"),
    ],
)
def test_short_times_keep_two_digits(ends, written):
    summary = xr.DataArray(ends, {"statistic": ["median", "lower", "upper"]}, "statistic")
    assert duration(summary) == written
    assert one_duration(ends[0]) == written.split(" [")[0]


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (-0.1, "The slowest direction forgets with a time constant of 10.0 [10.0, 10.0] steps"),
        (0.5, "a direction grows, in 100 % of the draws, by the factor e in 2.0 [2.0, 2.0] steps"),
    ],
)
def test_what_grows_is_not_said_to_forget(rate, said):
    real = xr.DataArray(np.tile([rate, -2.0], (2, 1, 1)), dims=("sample", "point", "mode"))
    spectrum = xr.Dataset({"real_part": real, "time_constant": 1 / abs(real)})

    class Context(ReportContext):
        groups, time_units = (), "steps"

        def __init__(self):
            vars(self).update(spectrum=spectrum, prior_spectrum=spectrum)

    assert said in _time(Context())


def test_a_passage_has_no_quotation_marks_but_its_own():
    style = files("sdebayes.reporting").joinpath("templates", "style.css").read_text(encoding="utf-8")
    assert re.findall(r"quotes: (.*?);", style) == ["none"]
