"""What would not fit into memory is refused before it is made, with the bytes."""

from __future__ import annotations

import numpy as np
import pytest

import sdebayes as sb
from sdebayes._core import memory
from sdebayes._core.errors import DataError


@pytest.fixture(scope="module")
def sde() -> sb.SDE:
    return sb.datasets.benchmark("ornstein_uhlenbeck", 3, 0.1)[1]


@pytest.mark.parametrize("samples", [None, 1])
def test_a_million_paths_over_many_times_are_refused(sde, samples):
    with pytest.raises(DataError, match=r"GiB.*[Aa]sk for fewer paths, times or grid points"):
        sb.simulate(sde, np.arange(1_000_000) * 0.1, paths=1_000_000, samples=samples)


def test_the_message_says_what_it_takes_what_is_free_and_what_to_do(sde, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**6)
    with pytest.raises(DataError, match=r"about [\d,]+ bytes .* 1,000,000 .* are free.*fewer samples"):
        sb.simulate(sde, np.arange(100) * 0.1, paths=1000, samples=1)


def test_a_simulation_that_fits_is_made(sde, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**6)
    assert sb.simulate(sde, np.arange(10) * 0.1, paths=10, samples=1).sizes["path"] == 10


def test_a_benchmark_of_tiny_steps_is_refused():
    with pytest.raises(DataError, match="Make dt longer"):
        sb.datasets.benchmark("double_well", 3, 1e-300)


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({"meminfo": "MemTotal: 9 kB\nMemAvailable: 3 kB\n"}, 3072),
        ({"meminfo": "MemAvailable: 3 kB\n", "memory.max": "2000\n", "memory.current": "500\n"}, 1500),
        ({"meminfo": "MemAvailable: 3 kB\n", "memory.max": "max\n", "memory.current": "500\n"}, 3072),
    ],
)
def test_what_is_free_is_the_least_that_machine_and_group_leave(tmp_path, monkeypatch, files, free):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    assert memory.available_memory() == free


def test_what_is_free_is_no_more_than_the_limit_of_the_process_leaves(monkeypatch):
    resource = pytest.importorskip("resource")
    page, own = resource.getpagesize(), int(memory._STATM.read_text().split()[0])
    monkeypatch.setattr(resource, "getrlimit", lambda kind: ((own + 1000) * page, resource.RLIM_INFINITY))
    assert 0 < memory.available_memory() <= 1000 * page
    with pytest.raises(DataError, match="Fit some"):
        memory.check_room(2000 * page, "Fit some of them.")


def test_where_the_system_does_not_tell_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    memory.check_room(2**80, "")
