"""A corpus ten times as large takes no more memory to fit, and fits into a limit in which it cannot be held."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import xarray as xr

STEPS, STATES, CHUNK = 32, 8, 256

FIT = """
import json, resource, sys
from pathlib import Path
import xarray as xr
import sdebayes as sb

path, limit, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) or None
data = xr.open_zarr(path, consolidated=False, chunks=None)
model = sb.SDEModel(observation=sb.Exact()).scaled_to(data.isel(trajectory=slice(0, 1024)).load())
if limit:
    resource.setrlimit(resource.RLIMIT_AS, (limit * 2**20, limit * 2**20))
try:
    fitted = sb.fit(model, data, sb.SVI(draws=26, steps=300, batch=batch, particles=1), progress=False)
    said = {"elbo": fitted.data["elbo"]["elbo"].values.tolist()}
except sb.errors.DataError as error:
    said = {"error": str(error)}
lines = Path("/proc/self/status").read_text().splitlines()
sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith(("VmHWM", "VmPeak"))}
print(json.dumps(said | sizes))
"""


def write(path: Path, size: int) -> Path:
    """Write documents, a chunk at a time."""

    def made(block_info: dict) -> np.ndarray:
        rng = np.random.default_rng(block_info[None]["chunk-location"][0])
        y = rng.standard_normal((CHUNK, STEPS, STATES))
        for step in range(1, STEPS):
            y[:, step] = 0.8 * y[:, step - 1] + 0.6 * y[:, step]
        return y

    variables = {
        "y": (
            ("trajectory", "time", "state"),
            da.map_blocks(made, chunks=((CHUNK,) * (size // CHUNK), STEPS, STATES), dtype=float),
        ),
        "t": (
            ("trajectory", "time"),
            da.broadcast_to(da.arange(STEPS, dtype=float), (size, STEPS), chunks=(CHUNK, STEPS)),
        ),
        "n_steps": ("trajectory", np.full(size, STEPS)),
    }
    names = np.char.add("d", np.arange(size).astype(str))
    labels = {"trajectory": names, "state": [f"x{index + 1}" for index in range(STATES)]}
    xr.Dataset(variables, labels).to_zarr(path, consolidated=False, zarr_format=2)
    return path


def run(path: Path, limit: int = 0, batch: int = 4096) -> dict:
    call = [sys.executable, "-c", FIT, str(path), str(limit), str(batch)]
    return json.loads(subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_corpus(tmp_path):
    small, large = (run(write(tmp_path / f"{size}.zarr", size)) for size in (20_480, 204_800))
    corpus = 8 * 204_800 * STEPS * STATES / 2**20
    print({name: (small[name], large[name]) for name in ("VmHWM", "VmPeak")}, corpus)
    assert large["VmHWM"] < small["VmHWM"] + corpus / 2
    limit = int(small["VmPeak"] + corpus / 10)
    limited = run(tmp_path / "204800.zarr", limit)
    np.testing.assert_array_equal(limited["elbo"], large["elbo"])
    assert "This fit reads the trajectories themselves" in run(tmp_path / "204800.zarr", limit, 0)["error"]
