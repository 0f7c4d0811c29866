"""Trajectories divided among devices give the posterior that they give on one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace

import jax
import numpy as np
import pytest
from jax.sharding import AxisType

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.inference.devices import over_devices
from sdebayes.likelihood.arrays import filled_up
from sdebayes.model.rebuild import prior_draw
from tests.inference.sufficient_statistics.test_documents import ALONE, FULL, LINEAR, mixed, paths

TWO_DEVICES = """
import jax, numpy as np
from jax.sharding import AxisType
import sdebayes as sb
from sdebayes.inference import Problem, devices

values = np.random.default_rng(0).standard_normal((9, 25, 1))
for step in range(1, 25):
    values[:, step] += 0.7 * values[:, step - 1]
data = sb.trajectories(values)
model = sb.SDEModel(sb.priors.Linear(), observation=sb.GaussianNoise()).scaled_to(data)
strategy = sb.Laplace(draws=26)
assert len(jax.devices()) == 2
alone = sb.fit(model, data, strategy, progress=False).data["unconstrained"]
with jax.set_mesh(jax.make_mesh((2,), ("trajectory",), axis_types=(AxisType.Auto,))):
    placed = devices.over_devices(model.read(data))
    together = sb.fit(model, data, strategy, progress=False).data["unconstrained"]
shards = placed.values.addressable_shards
print(placed.values.shape, len({shard.device for shard in shards}), shards[0].data.shape)
print(max(float(abs(alone[name] - together[name]).max()) for name in alone))
"""

TWO_PROCESSES = """
import sys
import jax
jax.distributed.initialize(sys.argv[1], 2, int(sys.argv[2]), initialization_timeout=60)
import numpy as np
from jax.sharding import AxisType
import sdebayes as sb
from sdebayes._core.precision import scope
from sdebayes.inference import Problem, devices

values = np.random.default_rng(0).standard_normal((9, 25, 1))
for step in range(1, 25):
    values[:, step] += 0.7 * values[:, step - 1]
data = sb.trajectories(values)
model = sb.SDEModel(sb.priors.Linear(), observation=sb.GaussianNoise()).scaled_to(data)
strategies = sb.Laplace(draws=26), sb.NUTS(draws=26, warmup=24, chains=1)
mesh = jax.make_mesh((2,), ("trajectory",), axis_types=(AxisType.Auto,))
assert jax.process_count() == 2 and len(jax.local_devices()) == 1

def gradients():
    with scope("float64"):
        key = jax.random.key(1)
        target = Problem(model, model.read(data), key).target
        points = [target.draw_prior(one) for one in jax.random.split(key, 5)]
        return [[np.asarray(part) for part in target.value_and_gradient(v)] for v in points]

def draws(strategy):
    return sb.fit(model, data, strategy, seed=0, progress=False).data["unconstrained"].to_dataset()

alone = gradients(), *map(draws, strategies)
with jax.set_mesh(mesh):
    placed = devices.over_devices(model.read(data))
    together = gradients(), *map(draws, strategies)
    try:
        sb.fit(model, data, seed=jax.process_index(), progress=False)
    except sb.errors.ModelError as error:
        refused = "was not asked for what process" in str(error)
own = [shard.data.shape for shard in placed.values.addressable_shards]
apart = [
    max(float(np.abs(a - b).max() / np.abs(b).max()) for (_, a), (_, b) in zip(together[0], alone[0])),
    *(
        max(float(abs(one[name] - other[name]).max()) for name in one)
        for one, other in zip(together[1:], alone[1:])
    ),
]
print(placed.values.shape, own, refused)
print(*apart)
"""


def mesh(*types: AxisType):
    """One device, as the tests' process has."""
    return jax.set_mesh(jax.make_mesh((1,), ("trajectory",), axis_types=types))


def test_nothing_is_moved_without_a_mesh():
    observations = ALONE.scaled_to(data := mixed()).read(data)
    assert over_devices(observations) is observations


@pytest.mark.parametrize(
    "model",
    [ALONE, sb.SDEModel(LINEAR, FULL, observation=sb.Exact())],
    ids=["filter", "transitions"],
)
def test_trajectories_that_fill_up_the_devices_count_for_nothing(x64, model):
    ready = model.scaled_to(data := sb.trajectories(paths(5)))
    observations = ready.read(data)
    filled = filled_up(observations, 8)
    assert filled.values.shape[0] == 8
    observed = prior_draw(ready, jax.random.key(0))
    total = jax.jit(lambda data: ready.likelihood.log_density(observed, data).sum())
    np.testing.assert_allclose(total(filled), total(observations), rtol=1e-14)


def test_what_cannot_be_divided_is_refused():
    observations = ALONE.scaled_to(data := mixed()).read(data)
    with (
        mesh(AxisType.Explicit),
        pytest.raises(ModelError, match=r"axis_types=\(jax\.sharding\.AxisType\.Auto,\)"),
    ):
        over_devices(observations)
    groups = replace(observations, rows_of_groups=np.zeros((1, 153), dtype=int))
    with mesh(AxisType.Auto), pytest.raises(ModelError, match="several groups"):
        over_devices(groups)


@pytest.mark.slow
def test_draws_on_two_devices_are_those_on_one():
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    ran = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    shapes, apart = ran.stdout.splitlines()
    assert shapes == "(10, 25, 1) 2 (5, 25, 1)"
    assert float(apart) < 1e-8


@pytest.mark.slow
def test_two_processes_have_the_gradients_and_draws_of_one():
    """Each holds the trajectories of its device alone; a fit that differs between them is refused."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", TWO_PROCESSES, address, str(number)], stdout=subprocess.PIPE, text=True
        )
        for number in range(2)
    ]
    # gloo says before how many are connected
    said = [process.communicate(timeout=600)[0].splitlines()[-2:] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    for shapes, apart in said:
        assert shapes == "(10, 25, 1) [(5, 25, 1)] True"
        gradients, laplace, nuts = map(float, apart.split())
        assert gradients < 1e-10
        assert laplace < 1e-8
        assert nuts < 1e-4
    print(said)
    assert said[0] == said[1]
