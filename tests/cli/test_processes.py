"""A command in several processes: what is missing is named before anything is waited for."""

from __future__ import annotations

import pytest

from sdebayes._core.errors import ModelError
from sdebayes.cli.processes import joined


def test_one_process_writes():
    with joined(None, None, None) as first:
        assert first


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((None, 2, None), "go with --coordinator"),
        ((None, None, 0), "go with --coordinator"),
        (("localhost", 2, 0), r"'localhost'; expected HOST:PORT"),
        ((":1234", 2, 0), r"':1234'; expected HOST:PORT"),
        (("localhost:http", 2, 0), "expected HOST:PORT"),
        (("localhost:1234", 2, None), "found 2 and None"),
        (("localhost:1234", None, 0), "found None and 0"),
        (("localhost:1234", 2, 2), "found 2 and 2"),
        (("localhost:1234", 2, -1), "found 2 and -1"),
    ],
)
def test_what_is_missing_is_named(given, words):
    with pytest.raises(ModelError, match=words), joined(*given):
        pass
