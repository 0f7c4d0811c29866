"""What is sent to another process, and what comes back, in the precision that it has."""

from __future__ import annotations

import pickle
from typing import Any

from sdebayes._core.precision import scope


class Sent[Value]:
    """Something whose arrays arrive as they were: JAX makes single precision of double where that is not in force.

    Parameters
    ----------
    value
        What is sent; functions that no module has may be in it.
    """

    def __init__(self, value: Value) -> None:
        self.value = value

    def __reduce__(self) -> tuple[Any, ...]:
        import cloudpickle  # which Dask needs too

        return _arrived, (cloudpickle.dumps(self.value),)


def _arrived(content: bytes) -> Sent[Any]:
    with scope("float64"):
        return Sent(pickle.loads(content))
