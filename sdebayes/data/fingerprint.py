"""Hashes: of arrays and words, the same where another machine computes them, and of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def fingerprint(spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """Return a hash of what JSON can hold and of named arrays.

    Numbers of arrays are taken to seven digits of the largest: the same fit elsewhere differs in the last bits.
    """
    digest = hashlib.sha256(json.dumps(dict(spec), sort_keys=True).encode())
    for name, array in arrays.items():
        digest.update(name.encode())
        digest.update(_to_seven_digits(array))
    return digest.hexdigest()


def _to_seven_digits(array: np.ndarray) -> bytes:
    """Write an array with seven digits of its largest entry, and −0 as 0."""
    largest = float(np.abs(array).max(initial=0.0)) or 1.0
    rounded = np.ascontiguousarray(np.round(array / largest, 7) + 0.0, dtype="<f8")
    return f"{largest:.6e}".encode() + rounded.tobytes()


def hash_files(path: Path) -> str:
    """Return a hash of a file, or of the names and contents of all files in a folder."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    for one in files:
        digest.update(one.relative_to(path).as_posix().encode() + b"\0")
        with one.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:24]
