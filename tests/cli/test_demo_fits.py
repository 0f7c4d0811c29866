"""Fits of the demo are made once, found by all they depend on, and made again where a file is damaged."""

from __future__ import annotations

import multiprocessing
import os

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes.cli import demo_fits
from sdebayes.cli.demo_fits import POSTERIORS, TABLES, Fits
from sdebayes.cli.second_process import second_process


@pytest.fixture(scope="module")
def data() -> tuple[xr.Dataset, xr.Dataset]:
    found, _ = sb.datasets.benchmark("ornstein_uhlenbeck", 40, 0.2, n_trajectories=6, seed=0)
    return sb.split(found, test=2, seed=0)


@pytest.fixture(scope="module")
def posterior(data) -> sb.Posterior:
    return sb.fit(sb.SDEModel(observation=sb.Exact()), data[0], sb.Laplace(draws=26), progress=False)


@pytest.fixture
def made(monkeypatch, posterior, tmp_path) -> list[str]:
    """What is fitted and compared, in the place of it; caches are kept in a folder of the test."""
    calls = []
    monkeypatch.setenv("SDEBAYES_CACHE", str(tmp_path))
    monkeypatch.setattr(
        demo_fits, "fit", lambda *_, checkpoint, **__: calls.append(checkpoint.name) or posterior
    )
    table = xr.Dataset({"log_score": (("candidate", "trajectory"), np.ones((1, 2)))}, {"candidate": ["own"]})
    monkeypatch.setattr(demo_fits, "compare", lambda models, _: calls.append(" ".join(models)) or table)
    return calls


def fits(data, seed: int = 0) -> Fits:
    return Fits(*data, data[0].isel(trajectory=slice(2)), seed)


def make_all(fits: Fits) -> list[object]:
    fits.make_quick()
    posterior = fits.main()
    return [posterior, fits.observed(), fits.curved(), fits.scores(posterior), fits.scores_shuffled()]


def test_a_second_run_reads_what_the_first_has_kept(data, made, tmp_path):
    first = make_all(fits(data))
    assert len(made) == 6
    made.clear()
    assert fits(data).are_kept
    again = make_all(fits(data))
    assert made == []
    assert again[0].data["posterior"].equals(first[0].data["posterior"])
    assert again[3].equals(first[3])
    fits(data).copy_to(tmp_path)
    assert {path.name for path in tmp_path.glob("*.nc")} == set(POSTERIORS)
    assert sb.load(tmp_path / "plane.nc").data["posterior"].equals(first[2].data["posterior"])


def test_other_data_seeds_and_strategies_are_other_fits(data, made, monkeypatch):
    own = fits(data).folder
    moved = [part.assign(y=part["y"] + 1e-9) for part in data]
    others = [fits(data, seed=1), fits([moved[0], data[1]]), fits([data[0], moved[1]])]
    found = {own, *(other.folder for other in others)}
    monkeypatch.setattr(demo_fits, "LONG", sb.NUTS(draws=26))
    assert len({*found, fits(data).folder}) == 5


def test_the_last_three_runs_are_kept(data, made):
    runs = [fits(data, seed) for seed in range(5)]
    for age, run in enumerate(runs):
        run.folder.mkdir(parents=True)
        os.utime(run.folder, (1e9 - age, 1e9 - age))
    runs[4].forget_older()
    assert [run.folder.is_dir() for run in runs] == [True, True, False, False, True]
    fits(data, 5).folder.mkdir()
    fits(data, 0).forget_older()
    assert [run.folder.is_dir() for run in runs] == [True, False, False, False, True]


def test_what_is_damaged_or_forgotten_is_made_again(data, made):
    own = fits(data)
    own.main(), own.scores_shuffled()
    for name, again in ((POSTERIORS[0], ["posterior checkpoint"]), (TABLES[1], ["shuffled checkpoint"])):
        path = own.folder / name
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        made.clear()
        own.main(), own.scores_shuffled()
        assert made[:1] == again
        assert path.stat().st_size >= len(whole) - 100
    own.forget()
    assert not own.folder.exists()
    assert not own.are_kept


def test_without_a_task_there_is_no_second_process():
    before = multiprocessing.active_children()
    with second_process():
        assert multiprocessing.active_children() == before


@pytest.mark.thorough
def test_a_task_runs_in_another_process():
    with second_process() as submit:
        assert submit(os.getpid).result() != os.getpid()
