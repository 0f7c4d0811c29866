"""A scheduler that is lost, and workers that a task kills: what is said of it, and that the same call goes on."""

from __future__ import annotations

import re
import time
from pathlib import Path

import dask
import jax
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core import precision, tasks
from sdebayes._core.errors import ClusterError
from sdebayes.data import blocks
from sdebayes.inference.sufficient_statistics import streamed, streamed_program
from tests.clusters import cluster_of, killed_once, scheduler_apart, within
from tests.data.test_store import Digests, blocks_of, corpus, embed, files

DESIGN = sb.trajectories(np.random.default_rng(0).normal(size=(3, 30, 1)))
LOST = r"The cluster was lost after (\d+){} tasks: its scheduler has gone.*call again, {}\.$"
ANEW = "which passes over the data anew"
MEMORY = "900 MiB"


class Hungry(Digests):
    """Takes more memory than a worker has for the text of 140 sentences."""

    def encode(self, texts):
        if any("of 70." in text for text in texts):
            fill_memory()
        return super().encode(texts)


def fill_memory():
    taken = np.ones(2**28)  # 2 GiB
    time.sleep(30)
    return taken


def hungry(shared: int, item: int) -> int:
    return len(fill_memory()) if item == 3 else item + shared


@pytest.fixture
def greedy():
    """A cluster of little memory, where two workers may die of a task."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        cluster_of(2, memory_limit=MEMORY) as found,
    ):
        yield found


def of_a_lost_cluster(of: str, again: str) -> str:
    return LOST.format(of, again)


@pytest.mark.slow
def test_texts_are_embedded_on_after_the_scheduler_is_lost(tmp_path):
    """The same client is refused at once, and a call without it goes on."""
    texts, store = corpus(1000), tmp_path / "a.zarr"
    said = of_a_lost_cluster("", re.escape(f"which goes on after the texts that {store} holds"))
    with scheduler_apart(tmp_path) as (_, scheduler):
        with (
            within(60, lambda: f"{blocks_of(store)} lines"),
            killed_once(scheduler, lambda: blocks_of(store) > 3),
            pytest.raises(ClusterError, match=said) as found,
        ):
            embed(texts, store, Digests(pause=0.5))
        finished = int(re.search(said, str(found.value))[1])
        assert blocks_of(store) == finished + 1  # the head of the ledger
        with within(60, scheduler.poll), pytest.raises(ClusterError, match=said.replace(r"(\d+)", "0")):
            embed(texts, store)
    rest = Digests()
    embed(texts, store, rest)
    embed(texts, tmp_path / "whole.zarr", every := Digests())
    assert files(store) == files(tmp_path / "whole.zarr")
    assert 0 < rest.count < every.count
    print(f"{finished} of 16 blocks before the scheduler was lost")


@pytest.mark.slow
def test_a_study_goes_on_from_its_checkpoint_after_the_scheduler_is_lost(tmp_path):
    def study(**options) -> xr.Dataset:
        model = sb.SDEModel(sb.priors.Linear(), observation=sb.Exact())
        return sb.calibrate(model, DESIGN, sb.Laplace(draws=26), 8, draws=20, progress=False, **options)

    def finished() -> list[Path]:
        return list(kept.glob("*.npz"))

    kept = tmp_path / "kept"
    said = of_a_lost_cluster(" of 8", "which goes on from its checkpoint")
    with (
        scheduler_apart(tmp_path) as (_, scheduler),
        within(150, finished),
        killed_once(scheduler, lambda: len(finished()) > 1),
        pytest.raises(ClusterError, match=said) as found,
    ):
        study(checkpoint=kept)
    before = {path: path.stat().st_mtime_ns for path in finished()}
    assert len(before) == int(re.search(said, str(found.value))[1])
    xr.testing.assert_identical(study(checkpoint=kept), study())
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.slow
def test_a_pass_over_lazy_data_is_made_again_after_the_scheduler_is_lost(tmp_path, monkeypatch):
    whole = sb.trajectories(np.random.default_rng(1).normal(size=(64 * 400, 5, 2)))
    monkeypatch.setattr(blocks, "READ", 400 * 5 * 2)
    whole.to_zarr(tmp_path / "a.zarr", consolidated=False, zarr_format=2)
    data = xr.open_zarr(tmp_path / "a.zarr", consolidated=False, chunks=None)
    model = sb.SDEModel(sb.priors.Linear(), observation=sb.GaussianNoise()).scaled_to(whole)
    added: list[int] = []

    def add(a, b):
        added.append(1)
        return type(a).add(a, b)

    def total(function, shared, items, _):
        return tasks.total(function, shared, items, add)

    with precision.scope("float64"):
        read = model.read(whole)
        with (
            scheduler_apart(tmp_path) as (_, scheduler),
            pytest.MonkeyPatch.context() as patch,
            within(60, lambda: f"{len(added)} sums"),
            killed_once(scheduler, lambda: len(added) > 2),
        ):
            patch.setattr(streamed, "total", total)
            with pytest.raises(ClusterError, match=of_a_lost_cluster(" of 64", ANEW)):
                streamed_program(model, data, read)
        found = streamed_program(model, data, read).data
        jax.tree.map(np.testing.assert_array_equal, found, streamed_program(model, data, read).data)


@pytest.mark.slow
def test_texts_that_no_worker_has_memory_for_are_an_error_and_kept_are_those_before(greedy, tmp_path):
    """Dask suspects what else a dead worker had in hand too, so that the block before may be the one it gives up."""
    texts, store = corpus(200), tmp_path / "a.zarr"
    said = rf"2 workers died with the same task in hand after ([01]) tasks, .*memory_limit.*texts that {store} holds\.$"
    with (
        within(120, lambda: f"{blocks_of(store)} lines"),
        pytest.raises(ClusterError, match=said) as found,
    ):
        embed(texts, store, Hungry())
    assert blocks_of(store) == 1 + int(re.search(said, str(found.value))[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "_scheduler", lambda: None)
        embed(texts, store)
        embed(texts, tmp_path / "whole.zarr")
    assert files(store) == files(tmp_path / "whole.zarr")


@pytest.mark.slow
def test_what_others_have_finished_is_told_before_workers_die_of_a_task(greedy):
    found: dict[int, int] = {}
    said = r"2 workers died with the same task in hand after (\d+) of 8 tasks, the last at tcp://127\.0\.0\.1:\d+\."
    with within(120, lambda: found), pytest.raises(ClusterError, match=said) as raised:
        tasks.each(hungry, 10, range(8), found.__setitem__)
    assert len(found) == int(re.search(said, str(raised.value))[1])
    assert found.items() <= {item: item + 10 for item in range(8) if item != 3}.items()
