"""Texts of a language model, beside the human texts that they go on from."""

from __future__ import annotations

import numpy as np
import pytest

from sdebayes._core.errors import DataError
from sdebayes.data.segment import sentence_spans
from sdebayes.datasets import generated, load_smollm2, load_sotu
from sdebayes.datasets.text import all_speeches

TEMPERATURES = (0.2, 0.5, 0.8, 1.1, 1.4)


def test_each_passage_is_gone_on_with_at_each_temperature():
    corpus = load_smollm2()
    counts = np.unique(np.stack([corpus["passage"], corpus["temperature"]]), axis=1, return_counts=True)[1]
    np.testing.assert_array_equal(counts, np.ones(300))
    assert set(corpus["temperature"].values) == set(TEMPERATURES)
    assert len(set(corpus["text"].values)) == 300
    lengths = np.array([len(sentence_spans(text)) for text in corpus["text"].values])
    for temperature in TEMPERATURES:
        own = lengths[corpus["temperature"].values == temperature]
        assert np.median(own) == 25
        assert own.max() <= 26  # cut again, a text may fall apart elsewhere
        assert own.mean() >= 20


def test_a_human_text_follows_its_passage():
    corpus = load_smollm2(0.8, human=True)
    human = corpus.isel(trajectory=corpus["author"].values == "human")
    assert human.sizes["trajectory"] == 60
    assert np.isnan(human["temperature"]).all()
    speeches = load_sotu().set_index(trajectory="trajectory")["text"]
    for one in (human.isel(trajectory=0), human.isel(trajectory=-1)):
        speech = str(speeches.sel(trajectory=str(one["speech"].values)).item())
        assert speech[int(one["stop"]) :].lstrip().startswith(str(one["text"].values))
        assert len(sentence_spans(speech[int(one["start"]) : int(one["stop"])])) == 3
        assert len(sentence_spans(str(one["text"].values))) == 25


def test_an_unknown_temperature_and_another_speech_are_refused(monkeypatch):
    with pytest.raises(
        DataError, match=r"no texts of temperature 0\.3; there are 0\.2, 0\.5, 0\.8, 1\.1, 1\.4\."
    ):
        load_smollm2(0.3)
    changed = all_speeches()
    changed["text"] = changed["text"].astype(str).str.replace("the", "The")
    monkeypatch.setattr(generated, "all_speeches", lambda: changed)
    with pytest.raises(DataError, match=r"another text of .*expected that of sotu 0\.1\.2"):
        load_smollm2(0.2, human=True)
