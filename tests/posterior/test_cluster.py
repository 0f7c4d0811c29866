"""Two worker processes, of which one is killed: nothing is done twice, nothing missing, all is the same."""

from __future__ import annotations

import os
import signal

import jax
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core import precision, tasks
from sdebayes._core.errors import ClusterError
from sdebayes.data import blocks
from sdebayes.inference.sufficient_statistics import streamed_program
from sdebayes.likelihood import labelled
from sdebayes.posterior.calibration_files import KeptRecords
from sdebayes.simulation import ensemble
from tests.clusters import cluster_of, killing, within
from tests.data.test_store import Digests, corpus, embed, files

KILLS = 10
"""Of each of the two studies of kills."""

MODEL = sb.SDEModel(sb.priors.Linear(), observation=sb.Exact())
DESIGN = sb.trajectories(np.random.default_rng(0).normal(size=(3, 30, 1)))


def study(n: int, **options) -> xr.Dataset:
    return sb.calibrate(MODEL, DESIGN, sb.Laplace(draws=26), n, draws=20, progress=False, **options)


@pytest.fixture(scope="module")
def client():
    with cluster_of(2) as found:
        found.cluster.scheduler.allowed_failures = (
            1000  # as many kills would else look like a task that kills
        )
        yield found


def in_time(client, kills: list[int], did: list[object]):
    """Say after three minutes what was waited for."""
    return within(
        180, lambda: f"{len(kills)} of {KILLS} kills, {len(did)} whole; workers: {client.nthreads()}"
    )


@pytest.mark.slow
def test_embedding_while_workers_are_killed_has_the_same_bytes(client, tmp_path):
    """The store, also where the call itself is cut off in the middle and made again."""
    texts, kills, stores = corpus(1200), [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "_scheduler", lambda: None)
        embed(texts, tmp_path / "whole.zarr")
    with in_time(client, kills, stores):
        while len(kills) < KILLS:
            store = tmp_path / f"{len(stores)}.zarr"
            with killing(client.cluster, kills, KILLS):
                embed(dict(list(texts.items())[:500]), store, Digests(pause=1.0))
                embed(texts, store, Digests(pause=1.0))
            assert files(store) == files(tmp_path / "whole.zarr")
            stores.append(store)
    print(f"{len(kills)} kills, {len(stores)} whole stores")


@pytest.mark.slow
def test_sums_while_workers_are_killed_have_the_same_digits(client, tmp_path, monkeypatch):
    whole = sb.trajectories(np.random.default_rng(1).normal(size=(64 * 400, 5, 2)))
    monkeypatch.setattr(blocks, "READ", 400 * 5 * 2)  # a piece of work each: workers read all of it at once
    whole.to_zarr(tmp_path / "a.zarr", consolidated=False, zarr_format=2)
    data = xr.open_zarr(tmp_path / "a.zarr", consolidated=False, chunks=None)
    model = sb.SDEModel(sb.priors.Linear(), observation=sb.GaussianNoise()).scaled_to(whole)
    kills, passes = [], []
    with precision.scope("float64"):
        read = model.read(whole)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tasks, "_scheduler", lambda: None)
            expected = streamed_program(model, data, read).data
        with in_time(client, kills, passes):
            while len(kills) < KILLS:
                with killing(client.cluster, kills, KILLS):
                    found = streamed_program(model, data, read).data
                passes.append(jax.tree.map(np.testing.assert_array_equal, found, expected))
    print(f"{len(kills)} kills, {len(passes)} passes")


@pytest.mark.slow
def test_a_killed_worker_costs_no_data_set_and_repeats_none(client, tmp_path, monkeypatch):
    kept: list[int] = []
    write = KeptRecords.write

    def killing(self, number, record):
        write(self, number, record)
        kept.append(number)
        if len(kept) == 4:
            os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)

    monkeypatch.setattr(KeptRecords, "write", killing)
    found = study(12, checkpoint=tmp_path)
    assert sorted(kept) == list(range(12))
    assert sorted(path.stem for path in tmp_path.glob("*.npz")) == sorted(f"replicate-{i}" for i in range(12))
    again = study(14, checkpoint=tmp_path)
    assert sorted(kept) == list(range(14))
    with client.as_current(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "_scheduler", lambda: None)
        alone = study(14)
    xr.testing.assert_identical(again, alone)
    for name in ("truth", "mean", "standard_deviation"):
        np.testing.assert_array_equal(found[name], alone[name][:12])


@pytest.mark.slow
@pytest.mark.parametrize("chunked", [False, True])
def test_sums_of_data_on_the_disk_have_the_same_digits(client, tmp_path, monkeypatch, chunked):
    """Also where reading a chunk is itself a task of Dask."""
    whole = sb.trajectories(np.random.default_rng(1).normal(size=(60, 5, 1)))
    monkeypatch.setattr(blocks, "READ", 7 * 5)
    whole.to_zarr(tmp_path / "a.zarr", consolidated=False, zarr_format=2)
    data = xr.open_zarr(tmp_path / "a.zarr", consolidated=False, chunks=None)
    data = data.chunk(trajectory=7) if chunked else data
    model = sb.SDEModel(sb.priors.Linear(), observation=sb.GaussianNoise()).scaled_to(whole)
    with precision.scope("float64"):
        read = model.read(whole)
        found = streamed_program(model, data, read).data
        monkeypatch.setattr(tasks, "_scheduler", lambda: None)
        jax.tree.map(np.testing.assert_array_equal, found, streamed_program(model, data, read).data)


@pytest.mark.slow
def test_scores_and_paths_of_a_posterior_have_the_same_digits(client, tmp_path, monkeypatch):
    whole = sb.trajectories(np.random.default_rng(1).normal(size=(60, 5, 1)))
    whole.to_zarr(tmp_path / "a.zarr", consolidated=False, zarr_format=2)
    data = xr.open_zarr(tmp_path / "a.zarr", consolidated=False, chunks=None)
    posterior = sb.fit(MODEL, whole, sb.Laplace(draws=26), progress=False)
    monkeypatch.setattr(labelled, "MOST_TERMS", 26 * 20)
    monkeypatch.setattr(ensemble, "_CHUNK_BYTES", 2 * 8 * 3 * 3 * 8)

    def made(name: str) -> tuple[xr.DataArray, xr.Dataset]:
        paths = sb.simulate(posterior, [0.0, 1.0, 2.0], paths=3, store=tmp_path / f"{name}.zarr")
        return posterior.log_score(data), paths.load()

    found = made("cluster")
    monkeypatch.setattr(tasks, "_scheduler", lambda: None)
    for one, alone in zip(found, made("alone"), strict=True):
        xr.testing.assert_identical(one, alone)


@pytest.mark.slow
def test_workers_with_another_version_are_refused(client, monkeypatch):
    other = tasks.versions() | {"sdebayes": "0.0.9"}
    monkeypatch.setattr(tasks, "versions", lambda: other)
    with pytest.raises(ClusterError, match=r"sdebayes \S+, not 0\.0\.9"):
        study(2)
