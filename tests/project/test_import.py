"""Importing the package changes nothing and loads nothing heavy."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "sentence_transformers", "matplotlib.pyplot", "seaborn", "sklearn")

PROBE = """
import json, os, signal, sys, warnings

opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith("socket.") else None)

import jax, numpyro, scipy.special  # their own effects are not ours

def state():
    return {
        "jax": {name: repr(value) for name, value in jax.config.values.items()},
        "filters": [repr(entry) for entry in warnings.filters],
        "environment": dict(os.environ),
        "signals": [repr(signal.getsignal(number)) for number in signal.valid_signals()],
    }

before = state()
import IMPORTED
after = state()
print(json.dumps({
    "changed": [name for name in before if before[name] != after[name]],
    "modules": sorted(sys.modules),
    "sockets": opened,
}))
"""


def effects_of_importing(imported: str) -> dict:
    """Import a module in a fresh interpreter and tell what that did to the process."""
    environment = {name: value for name, value in os.environ.items() if name != "JAX_ENABLE_X64"}
    code = PROBE.replace("IMPORTED", imported)
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def effects():
    return effects_of_importing("sdebayes, sdebayes.plots; from sdebayes import *")


@pytest.mark.smoke
@pytest.mark.parametrize("name", HEAVY)
def test_heavy_packages_load_only_when_needed(effects, name):
    assert name not in effects["modules"]


@pytest.mark.smoke
def test_import_leaves_configuration_filters_environment_and_signals_alone(effects):
    assert effects["changed"] == []


def test_import_opens_no_socket(effects):
    assert effects["sockets"] == []


def test_the_probe_sees_what_it_looks_for(tmp_path, monkeypatch):
    (tmp_path / "meddler.py").write_text(
        "import os, signal, socket, warnings, jax, matplotlib.pyplot\n"
        "socket.socket().close()\n"
        "jax.config.update('jax_enable_x64', True)\n"
        "warnings.simplefilter('ignore')\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "os.environ['XLA_FLAGS'] = '--xla_force_host_platform_device_count=2'\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    seen = effects_of_importing("meddler")
    assert seen["changed"] == ["jax", "filters", "environment", "signals"]
    assert "matplotlib.pyplot" in seen["modules"]
    assert seen["sockets"]


PACKAGES = ("priors", "likelihood", "model", "inference", "posterior")
ARVIZ_FIRST = """
import importlib, os, sys, arviz, jax, scipy.stats

for package in sys.argv[1:]:
    if os.fork() == 0:
        importlib.import_module(f"sdebayes.{package}")
        import numpyro.distributions as d
        os._exit(0 if hasattr(d, "distribution") else 1)
    print(package, os.wait()[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each package is the first of a process of its own")
@pytest.mark.thorough
def test_numpyro_is_whole_where_arviz_came_first():
    command = [sys.executable, "-c", ARVIZ_FIRST, *PACKAGES]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == [f"{package} 0" for package in PACKAGES], found.stderr
