"""The command line in two processes on this machine: the posterior of one, and an end if one of them dies."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

import sdebayes as sb

HASTY = (
    "from sdebayes.cli import processes; processes.PATIENCE = 3; from sdebayes.__main__ import main; main()"
)


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """Nine trajectories, which two devices cannot share evenly, on the disk."""
    values = np.random.default_rng(0).standard_normal((9, 25, 1))
    for step in range(1, 25):
        values[:, step] += 0.7 * values[:, step - 1]
    return sb.data.save(sb.trajectories(values), tmp_path_factory.mktemp("data") / "states.zarr")


@pytest.fixture
def together():
    """What each of two processes is given."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    return [["--coordinator", address, "--processes", "2", "--process", str(number)] for number in range(2)]


@pytest.fixture
def fit(states):
    """Start a fit as a process of its own; none outlives the test."""
    started = []

    def start(output, *options, program=("-m", "sdebayes")):
        command = [sys.executable, *program, "fit", str(states), "-o", str(output), *options]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ended(process, *codes):
    """Wait for a process, and return what it said."""
    said, errors = process.communicate(timeout=170)
    assert process.returncode in codes, errors
    return said, errors


@pytest.mark.slow
def test_two_processes_write_what_one_does(fit, together, tmp_path):
    laplace = ["--strategy", "laplace", "--draws", "26"]
    ended(fit(tmp_path / "one.nc", *laplace), 0)
    running = [fit(tmp_path / "two.nc", *laplace, *own) for own in together]
    (said, _), (other, _) = [ended(process, 0) for process in running]
    assert "two.nc" in said
    assert "two.nc" not in other
    one, two = (sb.load(tmp_path / f"{name}.nc").data for name in ("one", "two"))
    apart = {
        f"{group}/{name}": float(abs(values - two[group][name]).max())
        for group in ("unconstrained", "posterior", "log_likelihood")
        for name, values in one[group].data_vars.items()
    }
    print(apart)
    assert max(apart.values()) < 1e-8
    assert "likelihood_from" not in two.attrs  # no sums: all trajectories were passed over


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_if_one_dies_the_other_ends_and_no_file_is_touched(fit, together, tmp_path, victim):
    output = tmp_path / "posterior.nc"
    output.write_bytes(b"as it was")
    running = [fit(output, "--draws", "20000", "--chains", "1", *own) for own in together]
    assert "connected to 1 peer" in running[victim].stdout.readline()
    time.sleep(np.random.default_rng().uniform(0, 10))
    running[victim].send_signal(signal.SIGKILL)
    killed = time.monotonic()
    _, errors = ended(running[1 - victim], 2, *([] if victim else [-signal.SIGABRT]))
    print(
        f"process {1 - victim} ended {time.monotonic() - killed:.2f} s after process {victim}: {errors[:300]}"
    )
    lost = f"sdebayes: error: Process {1 - victim} of 2 has lost another, which died or was ended"
    # where process 0 is killed, JAX itself may be the first to end the other
    assert lost in errors or (not victim and "another task died" in errors)
    assert output.read_bytes() == b"as it was"
    assert [path.name for path in tmp_path.iterdir()] == ["posterior.nc"]


@pytest.mark.slow
def test_an_error_of_one_ends_all(fit, together, tmp_path):
    running = [fit(tmp_path / "a.nc", "--seed", str(seed), *own) for seed, own in enumerate(together)]
    for number, process in enumerate(running):
        _, errors = ended(process, 2)
        assert errors.startswith(f"sdebayes: error: Process {number} was not asked for what process")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("alone", [0, 1])
def test_others_that_do_not_come_are_not_waited_for_for_ever(fit, together, tmp_path, alone):
    _, errors = ended(fit(tmp_path / "a.nc", *together[alone], program=("-c", HASTY)), 2)
    expected = f"sdebayes: error: Process {alone} of 2 found not all of the others at 127.0.0.1"
    assert errors.splitlines()[-1].startswith(expected)
    assert not list(tmp_path.iterdir())
