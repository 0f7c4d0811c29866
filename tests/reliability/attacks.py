"""Attacks that several files share: bits that flip, disks that are full, processes that are killed."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
WITHOUT_THE_REST = f"""
import sys, types
package = types.ModuleType("sdebayes")
package.__path__ = [{str(ROOT / "sdebayes")!r}]
sys.modules["sdebayes"] = package
"""
"""For a process that needs a room of the package at once: its other rooms take seconds to import."""


def flipped(content: bytes, seed: int) -> bytes:
    """Return the content with one bit flipped at a random place."""
    rng = np.random.default_rng(seed)
    changed = bytearray(content)
    changed[rng.integers(len(changed))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow beyond this many bytes: what a full disk does, without one."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


def process(code: str) -> subprocess.Popen[str]:
    """Start a process that runs this code, with pipes to talk to it."""
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
