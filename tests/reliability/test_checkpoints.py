"""A checkpoint folder is one fit's at a time, and what it gives back is of one moment."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import StoreError
from sdebayes.inference.archive import Archive, held
from sdebayes.inference.checkpoint import Checkpoint

PAIRS = 16
ROOT = Path(__file__).parents[2]


def states(steps: int = 40) -> xr.Dataset:
    return sb.trajectories(np.random.default_rng(0).standard_normal((2, steps, 1)).cumsum(1) / 3)


def use(folder: Path, how: str) -> None:
    """Fit, or calibrate, with a checkpoint in a folder."""
    model, options = sb.SDEModel(observation=sb.Exact()), {"progress": False, "checkpoint": folder}
    if how == "fit":
        sb.fit(model, states(), sb.NUTS(draws=25, warmup=25), **options)
    else:
        sb.calibrate(model, states(), sb.Laplace(draws=25), n=2, **options)


@pytest.mark.parametrize("how", ["fit", "calibrate"])
def test_a_second_user_is_refused_by_name(tmp_path, how):
    with held(tmp_path), pytest.raises(StoreError) as refusal:
        use(tmp_path, how)
    assert str(tmp_path) in str(refusal.value)
    assert f"process {os.getpid()}, since " in str(refusal.value)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_threads_are_refused_as_processes_are_and_let_in_afterwards(tmp_path):
    said = []

    def try_it() -> None:
        try:
            with held(tmp_path):
                said.append("held")
        except StoreError:
            said.append("refused")

    for body in (held(tmp_path), held(None)):
        with body:
            thread = threading.Thread(target=try_it)
            thread.start()
            thread.join()
    assert said == ["refused", "held"]


def test_an_error_or_an_interrupt_in_the_fit_gives_the_folder_back(tmp_path):
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), held(tmp_path):
            raise error
    with held(tmp_path):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_what_a_killed_process_left_is_no_hindrance_and_is_swept(tmp_path):
    """The process holds the lock and is in the midst of writing when it is killed."""
    code = (
        "import filelock, os, signal, sys\n"
        "folder = sys.argv[1]\n"
        "lock = filelock.FileLock(folder + '/lock')\n"
        "lock.acquire()\n"
        "open(folder + '/held-by.txt', 'w').write(f'process {os.getpid()}, since ever')\n"
        "os.mkdir(folder + '/all_parameters')\n"
        "for place in (folder, folder + '/all_parameters'):\n"
        "    os.mkdir(place + '/.chain-0.npz.abcd0123.unfinished')\n"
        "    open(place + '/.chain-0.npz.abcd0123.unfinished/new', 'w').write('half')\n"
        "print('held', flush=True)\n"
        "signal.pause()\n"
    )
    (tmp_path / "other.part").write_text("another's")
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"held\n"
            with pytest.raises(StoreError, match=f"process {process.pid}, since ever"), held(tmp_path):
                pass
        finally:
            process.send_signal(signal.SIGKILL)
    with held(tmp_path):
        left = {path.name for path in tmp_path.rglob("*")}
        assert left == {"lock", "held-by.txt", "all_parameters", "other.part"}
        assert (tmp_path / "held-by.txt").read_text().startswith(f"process {os.getpid()}, ")
    assert not (tmp_path / "held-by.txt").exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"), held(tmp_path / "file"):
        pass


def test_state_and_draws_are_of_one_reading(tmp_path, monkeypatch):
    """Another writes whenever the file has been read."""
    checkpoint = Checkpoint(tmp_path, "fit")

    def write(blocks: int) -> None:
        records = [{"position": np.full((25, 1), float(k))} for k in range(blocks)]
        checkpoint.keep(0, np.array(blocks), records)

    read = Archive.read

    def read_and_overtaken(self, name):
        found = read(self, name)
        write(len(found["record_position"]) + 1)
        return found

    write(1)
    monkeypatch.setattr(Archive, "read", read_and_overtaken)
    for _ in range(3):
        state, records = checkpoint.restore(0, np.array(0))
        assert int(state) == len(records)


WORKER = """
import sys
import numpy as np
import sdebayes as sb
from tests.reliability.test_checkpoints import fit_of_pairs

print("ready", flush=True)
for folder in sys.stdin:
    try:
        draws = fit_of_pairs(folder.strip())
        print("posterior", draws, flush=True)
    except sb.errors.StoreError as error:
        print("refused", folder.strip() in str(error), flush=True)
"""
STRATEGY = sb.NUTS(draws=1500, warmup=200, chains=2)


def fit_of_pairs(folder: str | None) -> str:
    """The fit that pairs of processes are asked for, as all the digits of its draws."""
    model = sb.SDEModel(observation=sb.Exact())
    fitted = sb.fit(model, states(400), STRATEGY, seed=1, progress=False, checkpoint=folder)
    return fitted.data["posterior"]["drift_matrix"].values.tobytes().hex()


@pytest.mark.slow
def test_pairs_of_processes_on_one_folder(tmp_path):
    """Half of the pairs resume what an interrupted fit left: one chain finished, one not begun."""
    begun = tmp_path / "begun"
    undisturbed = fit_of_pairs(str(begun))
    (begun / "chain-1.npz").unlink()
    command = [sys.executable, "-c", WORKER]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen(command, env=environment, cwd=ROOT, **pipes) for _ in range(2)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    held_pairs = 0
    for pair in range(PAIRS):
        folder = tmp_path / str(pair)
        if pair % 2:
            shutil.copytree(begun, folder)
        for worker in workers:
            worker.stdin.write(f"{folder}\n")
            worker.stdin.flush()
        said = sorted(worker.stdout.readline() for worker in workers)
        held_pairs += said == [f"posterior {undisturbed}\n", "refused True\n"]
        print(pair, [line[:20].strip() for line in said])
    for worker in workers:
        worker.communicate()
    print(f"{held_pairs} of {PAIRS} pairs held")
    assert held_pairs == PAIRS
