"""What holds for every test: no window, no network hub, no time limit inside hypothesis."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from jaxtyping import config
from xdist.scheduler import LoadFileScheduling

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# For the processes of pytest-xdist, which share the cores: no threads of their own. Compiling is most of the work, and
# most programs run once: none is optimised.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
COMPILER = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
os.environ.setdefault("XLA_FLAGS", f"{COMPILER} --xla_cpu_multi_thread_eigen=false")
# They share what they compile, for this run alone: the small programs too, which many tests have in common.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="sdebayes-compiled-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)

from tests import random_bits  # noqa: E402 - imports JAX, which reads the environment

random_bits.use_everywhere()

TESTS = Path(__file__).parent
MOST_MAPS = 20_000
# What takes long begins early, so that no process of pytest-xdist waits for another at the end.
DEAR = (
    "inference",
    "posterior",
    "reporting",
    "reliability",
    "model",
    "analysis",
    "cli",
    "likelihood",
    "conformance",
)
SHARE_FITS = (
    ("tests/posterior/",),
    ("tests/reporting/",),
    ("tests/cli/test_commands.py", "tests/cli/test_quality.py"),
    ("tests/inference/test_nuts.py", "tests/inference/marginal/test_strategy.py"),
)

settings.register_profile("project", deadline=None, print_blob=True)
settings.load_profile("project")


class FilesThatShare(LoadFileScheduling):
    """Keep the tests of a file, and of files that share fits, in one process."""

    def _split_scope(self, nodeid: str) -> str:
        path = super()._split_scope(nodeid)
        return next((group[0] for group in SHARE_FITS if path.startswith(group)), path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Make the groups."""
    return FilesThatShare(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what is dear."""
    ranks = {name: rank for rank, name in enumerate(DEAR)}
    items.sort(key=lambda item: ranks.get(item.path.relative_to(TESTS).parts[0], len(DEAR)))


@pytest.fixture(autouse=True)
def close_figures():
    """Close the figures that a test has opened."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(autouse=True, scope="module")
def forget_compiled_code():
    """Drop compiled programs when there are many: each maps memory, of which Linux allows 65,530 pieces a process."""
    yield
    maps = Path("/proc/self/maps")
    if "jax" in sys.modules and maps.exists() and len(maps.read_bytes().splitlines()) > MOST_MAPS:
        sys.modules["jax"].clear_caches()
        gc.collect()


@pytest.fixture(autouse=True, scope="session")
def programs_run_one_at_a_time():
    """Refuse NumPyro's handlers to code of the package that does not hold the lock on them, in whatever test."""
    from numpyro.primitives import Messenger

    from sdebayes._core.tracing import _RUNNING

    enter = Messenger.__enter__

    def checked(self):
        frame = sys._getframe(1)
        while frame is not None and not _RUNNING._is_owned():
            if frame.f_globals.get("__name__", "").startswith("sdebayes."):
                raise RuntimeError(f"{frame.f_code.co_qualname} runs a program without one_at_a_time")
            frame = frame.f_back
        return enter(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Messenger, "__enter__", checked)
        yield


@pytest.fixture
def x64():
    """Compute in double precision."""
    from sdebayes._core import precision

    with precision.scope("float64"):
        yield


@pytest.fixture
def untyped():
    """Switch the run-time check of signatures off, to reach the error that users see."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)
