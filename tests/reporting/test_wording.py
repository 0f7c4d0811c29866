"""How a page writes what the analyses say."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
import xarray as xr

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


def test_a_passage_has_no_quotation_marks_but_its_own():
    style = files("sdebayes.reporting").joinpath("templates", "style.css").read_text(encoding="utf-8")
    assert re.findall(r"quotes: (.*?);", style) == ["none"]
