"""Steps of tokens: windows, the text so far, and layers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import DataError
from sdebayes.data.alike import stored_rule
from tests.data import language_models as tiny
from tests.data.test_hidden_states import TEXTS, embed, own_states, states


@pytest.mark.parametrize("name", ["gpt2", "rwkv"])
def test_time_is_depth_over_layers(name, tmp_path):
    encoder = states(None, "last", name)
    data = embed(TEXTS, encoder, sb.Layers(), cache=tmp_path)
    assert data["t"].values[0].tolist() == [0, 1, 2, 3, 4]
    for trajectory, text in enumerate(TEXTS.values()):
        own = np.array([own_states(name, text, layer)[-1] for layer in range(5)])
        np.testing.assert_allclose(data["y"].values[trajectory], own, atol=1e-5)
    some = embed(TEXTS, encoder, sb.Layers(1, -2), cache=tmp_path)
    np.testing.assert_array_equal(some["y"], data["y"][:, 1:4])
    assert some["t"].values[0].tolist() == [1, 2, 3]
    assert "neighbouring layers" in data.attrs["warning"]
    assert "before it" not in data.attrs["warning"]
    np.testing.assert_allclose(
        embed(TEXTS, states(None, "last", name, alone=True), sb.Layers())["y"], data["y"], atol=1e-5
    )


def test_layers_that_are_not_there_are_refused():
    with pytest.raises(DataError, match=r"Layers\(first=0, last=9\) .* it has 0 to 4"):
        embed(TEXTS, states(), sb.Layers(last=9))
    with pytest.raises(DataError, match="Layers are those of a language model"):
        embed(TEXTS, sb.SentenceEncoder(), sb.Layers())
    for layer in (5, -6):
        with pytest.raises(DataError, match=f"has the layers 0 to 4, or -5 to -1, and not {layer}"):
            embed(TEXTS, states(layer))
    np.testing.assert_array_equal(states(-3).encode(["The war"]), states(2).encode(["The war"]))
    np.testing.assert_array_equal(states(None).encode(["The war"]), states(2).encode(["The war"]))


@pytest.mark.parametrize("size", [1, 3])
def test_windows_of_the_models_own_tokens(size):
    text, encoder = TEXTS["war"], states(pool="mean")
    data = embed([text], encoder, sb.TokenWindows(size))
    own, tokens = own_states("llama", text, 2), tiny.tokenizer()(text, return_offsets_mapping=True)
    places = np.array(tokens["offset_mapping"])
    windows = [step.spans[0] for step in sb.TokenWindows(size).cut_for(text, encoder)]
    assert data["n_steps"].item() == len(windows)
    for found, (start, end) in zip(data["y"].values[0], windows, strict=True):
        inside = (places[:, 0] >= start) & (places[:, 1] <= end)
        np.testing.assert_allclose(found, own[inside].mean(axis=0), atol=1e-5)
    gaps = [text[end:start] for (_, end), (start, _) in pairwise(windows)]
    assert not any(gap.strip() for gap in gaps)
    assert windows[0][0] == places[1, 0]
    single = [text[start:end].strip() for start, end in encoder.token_spans(text)]
    assert {"the", "is", "木", "🙂"} <= set(single)
    assert all(single)


def test_windows_that_overlap_say_so():
    step = sb.TokenWindows(10, 4)
    data = embed(TEXTS, sb.SentenceEncoder(), step)
    assert (
        data.attrs["warning"] == "Neighbouring windows share 6 of 10 tokens: they are alike by construction."
    )
    assert data.attrs["step_meaning"] == "a window of 10 tokens"
    tokens = sb.SentenceEncoder().token_spans(TEXTS["peace"])
    assert data["n_steps"].values[1] == (len(tokens) - 10) // 4 + 1
    assert data["text"].values[1, 1] == TEXTS["peace"][tokens[4][0] : tokens[13][1]]
    np.testing.assert_allclose(
        data["y"].values[1, 1], sb.SentenceEncoder().encode([data["text"].values[1, 1]])[0], atol=1e-5
    )
    assert "warning" not in embed(TEXTS, sb.SentenceEncoder(), sb.TokenWindows(5)).attrs
    both = embed(TEXTS, states(), step).attrs["warning"]
    assert both.startswith(data.attrs["warning"])
    assert "before it" in both


def test_tokens_are_words_where_an_encoder_has_none():
    text = "One two, three. Four five six: seven."
    assert [step.text for step in sb.TokenWindows(4).cut(text)] == ["One two, three", ". Four five six"]
    assert [step.text for step in sb.Prefixes(5).cut(text)] == ["One two, three.", "five six: seven."]


@pytest.mark.parametrize("encoder", [sb.SentenceEncoder, states])
def test_prefixes_are_cut_from_the_left(encoder):
    encoder = encoder()
    data = embed(TEXTS, encoder, sb.Prefixes(12))
    assert data["n_steps"].values.tolist() == [4, 3]
    for text, found in zip(TEXTS.values(), data["text"].values, strict=True):
        tokens = encoder.token_spans(text)
        for step, sentence in zip(found, sb.Sentences().cut(text), strict=False):
            end = sentence.spans[0][1]
            start = [first for first, last in tokens if len(text[:last].rstrip()) <= end][-12:][0]
            assert step == " ".join(text[start:end].split())
    assert "the text before it" in data.attrs["warning"]


@pytest.mark.parametrize("step", [sb.TokenWindows(3, 2), sb.Prefixes(9), sb.Layers(1)])
def test_rules_come_back_from_files(step, tmp_path):
    data = embed(TEXTS, states(), step)
    again = sb.data.load(sb.data.save(data, tmp_path / "data.nc"))
    xr.testing.assert_identical(again, data)
    assert stored_rule(again.attrs) == step


@pytest.mark.parametrize("arguments", [(0,), (3, 0), (2.5,), ()])
def test_bad_windows_are_refused(arguments, untyped):
    with pytest.raises((DataError, TypeError)):
        sb.TokenWindows(*arguments)
    with pytest.raises((DataError, TypeError)):
        sb.Prefixes(*arguments)
