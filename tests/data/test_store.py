"""A store holds what memory would, whatever interrupts the call that writes it."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import dask
import numpy as np
import pytest
import xarray as xr
from filelock import FileLock

import sdebayes as sb
from sdebayes._core.errors import DataError, LeftOutWarning, StoreError
from sdebayes._core.tasks import in_order
from sdebayes.data.embedding import Embedder
from sdebayes.data.store import ledger
from sdebayes.data.store.embed import _How

CALL = """
import sys
sys.path.insert(0, {here!r})
from test_store import Digests, corpus, embed
embed(corpus(1200), {store!r}, Digests(pause=0.05))
"""


class Digests:
    """Embeds a text as bytes of its digest, and counts what it was asked for."""

    identity = "digests"

    def __init__(self, pause=0.0, fail_after=None):
        self.count, self.pause, self.fail_after = 0, pause, fail_after

    def encode(self, texts):
        time.sleep(self.pause)
        if self.fail_after is not None and self.count >= self.fail_after:
            raise KeyboardInterrupt
        self.count += len(texts)
        found = [hashlib.sha256(text.encode()).digest()[:6] for text in texts]
        return np.array([list(one) for one in found], dtype=np.float32) / 256


def corpus(count, long=70):
    """Texts of 3 to 8 sentences, one of them of 140: longer than a chunk."""
    rng = np.random.default_rng(0)
    lengths = [140 if index == long else int(rng.integers(3, 9)) for index in range(count)]
    return {
        f"text {index}": " ".join(f"Sentence {step} of {index}." for step in range(length))
        for index, length in enumerate(lengths)
    }


def embed(texts, store, encoder=None, **options):
    return sb.embed(texts, encoder or Digests(), store=store, progress=False, **options)


@pytest.fixture
def store(tmp_path):
    return tmp_path / "embeddings.zarr"


def same(found, expected):
    assert set(found.variables) == set(expected.variables)
    assert found.attrs == expected.attrs
    for name, variable in expected.variables.items():
        values = np.asarray(found[name].values, variable.dtype)
        if variable.dtype.kind == "f":
            np.testing.assert_allclose(values, variable.values, rtol=1e-6, atol=1e-6)
        else:
            np.testing.assert_array_equal(values, variable.values)


def files(store):
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in store.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


@pytest.mark.smoke
def test_it_holds_what_memory_would(store):
    years = np.arange(150)
    texts = xr.Dataset(
        {"text": ("trajectory", np.array(list(corpus(150).values()), dtype=object))},
        {"trajectory": list(corpus(150)), "year": ("trajectory", years)},
    )
    found = embed(texts, store)
    assert not found.variables["y"]._in_memory
    same(found, sb.embed(texts, Digests(), cache=False))
    same(sb.data.load(store), sb.embed(texts, Digests(), cache=False))


def test_states_of_a_store_are_saved_as_those_of_memory(store, tmp_path):
    in_memory = sb.embed(corpus(150), Digests(), cache=False)
    space = sb.PCA(2).fit(in_memory)
    np.testing.assert_allclose(sb.PCA(2).fit(embed(corpus(150), store)).scale, space.scale, rtol=1e-6)
    for name, traj in (("store", sb.data.load(store)), ("memory", in_memory)):
        sb.data.save(space.transform(traj), tmp_path / f"{name}.nc")
    same(sb.data.load(tmp_path / "store.nc"), sb.data.load(tmp_path / "memory.nc"))


def test_the_same_call_embeds_nothing_and_a_longer_corpus_what_is_new(store):
    embed(corpus(150), store)
    before = files(store)
    again = Digests()
    embed(corpus(150), store, again)
    assert again.count == 0
    assert files(store) == before
    more = Digests()
    found = embed(iter(corpus(200).items()), store, more)
    same(found, sb.embed(corpus(200), Digests(), cache=False))
    steps = found["n_steps"].values
    assert more.count == steps[128:].sum()


@pytest.mark.parametrize("after", [0, 500, 900])
def test_what_is_interrupted_goes_on(store, tmp_path, after):
    embed(corpus(200), tmp_path / "whole.zarr")
    with pytest.raises(KeyboardInterrupt):
        embed(corpus(200), store, Digests(fail_after=after))
    if after:
        with (store / ledger.LEDGER).open("ab") as file:
            file.write(b'{"names": ["half a li')
        in_hand = len(ledger.read(store)[1])
        for late in (0, 1):
            (store / "y" / f"{in_hand}.{late}.0").write_bytes(b"left by a killed process")
        with pytest.raises(StoreError, match=r"is not whole: \d+ texts .* goes on where it was"):
            sb.data.load(store)
    embed(corpus(200), store)
    assert files(store) == files(tmp_path / "whole.zarr")


def blocks_of(store):
    return (store / ledger.LEDGER).read_bytes().count(b"\n") if (store / ledger.LEDGER).exists() else 0


@pytest.mark.slow
def test_killed_twenty_times_it_has_the_same_bytes(store, tmp_path):
    """Each kill comes some time after a block or the head of the ledger was written; a whole store is begun anew."""
    embed(corpus(1200), tmp_path / "whole.zarr")
    whole = files(tmp_path / "whole.zarr")
    call = CALL.format(here=str(Path(__file__).parent), store=str(store))
    rng = np.random.default_rng(0)
    kills = stores = 0
    while kills < 20 or stores == 0:
        before = blocks_of(store)
        with subprocess.Popen([sys.executable, "-c", call]) as process:
            while blocks_of(store) == before and process.poll() is None:
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 0.4))
            if process.poll() is None and kills < 20:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
                print(f"killed after {blocks_of(store)} lines")
                continue
        assert process.returncode == 0
        assert files(store) == whole
        shutil.rmtree(store)
        stores += 1
    print(f"{kills} kills, {stores} whole stores")


@pytest.mark.parametrize(
    "scheduler", [None, "threads", pytest.param("processes", marks=pytest.mark.thorough)]
)
def test_blocks_that_are_tasks_give_the_same_bytes(store, tmp_path, scheduler):
    """Also those of a corpus that is read as it is asked for, and of a store that goes on."""
    embed(corpus(200), tmp_path / "whole.zarr")
    embed(dict(list(corpus(200).items())[:70]), store)
    with dask.config.set(scheduler=scheduler, num_workers=2):
        found = embed(iter(corpus(200).items()), store)
    same(found, sb.embed(corpus(200), Digests(), cache=False))
    assert files(store) == files(tmp_path / "whole.zarr")


def test_few_texts_are_read_ahead_of_tasks():
    read = []

    def items():
        for item in range(40):
            read.append(item)
            yield item

    with dask.config.set(scheduler="threads"):
        for place, result in enumerate(in_order(add, 1, items())):
            assert result == place + 1
            assert len(read) <= place + 1 + 2 * os.cpu_count()
    assert place == 39


def add(shared, item):
    return shared + item


def test_an_error_in_a_task_is_that_of_its_text(store):
    texts = corpus(100) | {"short": "One sentence."}
    with dask.config.set(scheduler="threads"), pytest.raises(DataError, match="'short'"):
        embed(texts, store)
    same(embed(corpus(100), store), sb.embed(corpus(100), Digests(), cache=False))


def test_an_encoder_travels_without_its_model_and_finds_the_one_that_is_there():
    encoder = sb.SentenceEncoder()
    encoder.__dict__["_network"] = threading.Lock()  # as a loaded model, it cannot be sent
    how = _How(Embedder(encoder, sb.Sentences(), "step", {}), None)
    first, second = pickle.loads(pickle.dumps(how)), pickle.loads(pickle.dumps(how))
    assert first.rule.encoder is second.rule.encoder is not encoder
    assert first.rule.encoder.identity == encoder.identity
    assert "_network" not in vars(first.rule.encoder)
    own = _How(Embedder(Digests(), sb.Sentences(), "step", {}), None)
    assert pickle.loads(pickle.dumps(own)).rule.encoder.identity == "digests"


def test_short_and_unreadable_texts_are_left_out_and_counted(store, tmp_path):
    lines = [json.dumps({"name": f"n{i}", "text": "One. Two. Three.", "year": i}) for i in range(5)]
    content = "\n".join([*lines[:3], '{"text": "Short.", "year": 9}', "no JSON", *lines[3:]]).encode()
    (tmp_path / "a.jsonl").write_bytes(content + b'\n{"text": "b\xff"}\n')
    paths = tmp_path / "a.jsonl"
    with pytest.raises(DataError, match=r"2 texts or files cannot be read\. The first: .*a\.jsonl, line 5"):
        embed(sb.data.TextFiles(paths), store, min_steps=3)
    texts = sb.data.TextFiles(paths, skip_unreadable=True)
    with pytest.warns(LeftOutWarning) as warned:
        found = embed(texts, store, min_steps=3)
    assert {str(one.message)[:20] for one in warned} == {"Left out: 1 of 6 tex", "Left out: 2 texts or"}
    assert found.attrs["skipped"] == texts.skipped
    assert list(found["trajectory"].values) == ["n0", "n1", "n2", "n3", "n4"]
    np.testing.assert_array_equal(found["year"], range(5))
    with pytest.warns(LeftOutWarning):
        in_memory = sb.embed(texts, Digests(), cache=False, min_steps=3)
    np.testing.assert_array_equal(in_memory["y"], found["y"])


def test_what_the_store_was_not_begun_with_is_refused(store, tmp_path):
    texts = corpus(70)
    embed(texts, store)
    before = files(store)
    for other, options, message in (
        (corpus(60), {}, "begun with other texts: 'text 0' to 'text 63'"),
        (texts | {"text 3": "Other. Words. Here."}, {}, "begun with other texts: 'text 0' to 'text 63'"),
        (dict(list(texts.items())[:64]), {}, "holds 70 texts, and the corpus ends after 64"),
        (texts, {"time": "token"}, "begun otherwise: time_unit was 'step' and is 'token'"),
        (texts, {"step": sb.Sentences(2)}, r"begun otherwise: step was 'Sentences\(block=1\)'"),
        (iter(["One. Two. Three."] * 2 + [3]), {}, "is of type int; expected a text or a pair"),
    ):
        with pytest.raises((StoreError, DataError), match=message):
            embed(other, store, **options)
        assert files(store) == before
    (tmp_path / "other.zarr").mkdir()
    (tmp_path / "other.zarr" / "notes.txt").write_text("mine")
    for path, message in (
        (tmp_path / "other.zarr", "was not begun by"),
        (tmp_path / "other.nc", r"ends in \.zarr"),
        (tmp_path / "no" / "other.zarr", "does not exist"),
    ):
        with pytest.raises(StoreError, match=message):
            embed(texts, path)
    assert [path.name for path in (tmp_path / "other.zarr").iterdir()] == ["notes.txt"]


def test_two_writers_are_refused(store):
    embed(corpus(70), store)
    with FileLock(store / ".lock"), pytest.raises(StoreError, match="Another process writes"):
        embed(corpus(80), store)


def test_names_are_used_once(store):
    with pytest.raises(DataError, match=r"Two texts have the name 'a'"):
        embed(iter([("a", "One. Two. Three."), ("a", "One. Two. Four.")]), store)


def test_damage_is_noticed(store):
    embed(corpus(150), store)
    chunk = store / "y" / "1.0.0"
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[:-9])
    with pytest.raises(RuntimeError, match="Zstd"):
        sb.data.load(store)["y"].isel(trajectory=70).load()
    chunk.unlink()
    with pytest.raises(StoreError, match=r"y/1\.0\.0 is missing: the vectors of 'text 64'"):
        sb.data.load(store)
    chunk.write_bytes(whole)
    (store / ledger.LEDGER).write_text("{}\nnothing\n")
    with pytest.raises(StoreError, match="ledger"):
        sb.data.load(store)


def test_memory_holds_some_texts_at_a_time(store):
    """Of a corpus that is made as it is asked for, no more than a block and a text are ahead of what is written."""
    given, ahead = [0], [0]

    def texts():
        for name, text in corpus(400, long=0).items():
            given[0] += 1
            done = len(ledger.read(store)[1]) * 64 if (store / ledger.LEDGER).exists() else 0
            ahead[0] = max(ahead[0], given[0] - done)
            yield name, text

    embed(texts(), store)
    assert given[0] == 400
    assert ahead[0] <= 65
