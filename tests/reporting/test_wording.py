"""How a page writes what the analyses say."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
import xarray as xr

from sdebayes.reporting.chapters.properties import _verdict
from sdebayes.reporting.wording import sentence_case


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


def test_a_verdict_keeps_the_names_of_states():
    words = {
        "property": "Gaussian innovations",
        "verdict": "rejected",
        "meaning": "Steps are normal.",
        "evidence": "smallest alone: PC8",
        "cannot_tell": "which PC.",
    }
    found = xr.Dataset({name: ("property", [text]) for name, text in words.items()})
    verdict = _verdict(found, 0)
    assert (verdict.subject, verdict.message) == (
        "Gaussian innovations: rejected",
        "Steps are normal. Smallest alone: PC8.",
    )


def test_a_passage_has_no_quotation_marks_but_its_own():
    style = files("sdebayes.reporting").joinpath("templates", "style.css").read_text(encoding="utf-8")
    assert re.findall(r"quotes: (.*?);", style) == ["none"]
