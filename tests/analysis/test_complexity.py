from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdebayes._core.errors import DataError
from sdebayes.analysis import forecasts
from sdebayes.analysis.forecasts.complexity import syllables

# Counted by hand, or looked up in a dictionary; five are known to be wrong.
SYLLABLES = """
cat1 table2 people2 government3 nation2 states1 wanted2 passed1 boxes2 races2 made1 the1 be1 see1 little2
congress2 economy4 security4 united3 opportunity5 asked1 houses2 changes2 times1 rules1 needed2 believed2
struggled2 tables2 style1 while1 whole1 create2 idea3 area3 being2 science2 business2 every2 general3
american4 citizens3 public2 treaty2 treasury4 revenue3 large1 subject2 judgment2 peace1 service2 agreed2
continued3 used1 increased2 received2 agree2 money2 years1 before2 measures2 employed2 settled2 goes1 does1
churches2 wishes2
"""


def one(text: str) -> dict[str, float]:
    result = forecasts.complexity(xr.DataArray([text], dims="time"))
    return {str(name): float(result[name][0]) for name in result}


def test_nine_words_in_ten_have_their_syllables():
    wrong = [entry for entry in SYLLABLES.split() if syllables(entry[:-1]) != int(entry[-1])]
    assert len(wrong) <= 0.1 * len(SYLLABLES.split()), wrong


def test_readability_is_that_of_the_formulas_by_hand():
    found = one("The cat sat on the mat.")
    assert found["words"] == 6
    assert found["clauses"] == 1
    assert found["word_length"] == pytest.approx(17 / 6)
    assert found["reading_ease"] == pytest.approx(116.145)
    assert found["grade"] == pytest.approx(-1.45)
    twice = one("The cat sat on the mat. The cat sat on the mat.")
    assert twice["reading_ease"] == pytest.approx(116.145)
    assert twice["clauses"] == 2


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("We came.", 1),
        ("We came, and they left.", 2),
        ("We came because they left; that was all.", 4),
        ("The men who came, when it rained, left.", 3),
        ("Mr. Smith and Gen. Grant met J. Doe.", 1),
        ("Peace, work, bread.", 1),
    ],
)
def test_clauses_are_counted_by_their_links(text, clauses):
    assert one(text)["clauses"] == clauses


def test_shape_and_gaps_are_those_of_the_texts():
    texts = xr.DataArray([["One word.", ""], ["— 12 —", "Now then."]], dims=("trajectory", "time"))
    words = forecasts.complexity(texts)["words"]
    assert words.dims == texts.dims
    np.testing.assert_array_equal(words, [[2, np.nan], [np.nan, 2]])
    assert words.attrs["units"] == "word"


def test_values_that_are_no_texts_are_refused():
    with pytest.raises(DataError, match="type float64"):
        forecasts.complexity(xr.DataArray(np.zeros(3)))
    with pytest.raises(DataError, match="No text has a word"):
        forecasts.complexity(xr.DataArray(["", "12"]))
