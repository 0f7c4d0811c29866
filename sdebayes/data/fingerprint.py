"""A hash of arrays and words that the same computation on another machine gives too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
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
