"""JSON lines, read from files and written to standard output."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from sdebayes._core.characters import cleaned
from sdebayes._core.errors import DataError, StoreError


def say_line(values: dict[str, Any]) -> None:
    """Print one object on one line; what is not finite becomes null."""
    print(json.dumps({name: _plain(value) for name, value in values.items()}, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def read_rankings(path: Path) -> list[tuple[str, list[str]]]:
    """Read contexts with their candidates.

    Parameters
    ----------
    path
        JSON lines, each an object with the text ``context`` and the list of texts ``candidates``.

    Raises
    ------
    DataError
        If a line is no such object; the message names it.
    StoreError
        If the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}.") from error
    found = [_ranking(line, f"{path}, line {place}") for place, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise DataError(f"{path} has no line; expected {_EXPECTED} on each.")
    return found


_EXPECTED = '{"context": "…", "candidates": ["…", "…"]}'


def _ranking(line: str, where: str) -> tuple[str, list[str]]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is no JSON ({error}); expected {_EXPECTED}.") from error
    given = row if isinstance(row, dict) else {}
    context, candidates = given.get("context"), given.get("candidates")
    several = candidates if isinstance(candidates, list) else []
    if not isinstance(context, str) or len(several) < 2 or not all(isinstance(one, str) for one in several):
        raise DataError(f"{where}: expected {_EXPECTED}, with two candidates or more, each a text.")
    texts = [cleaned(text, where) for text in (context, *several)]
    blank = [place for place, text in enumerate(texts) if not text.strip()]
    if blank:
        which = f"candidate {blank[0]}" if blank[0] else "the context"
        raise DataError(f"{where}: {which} is blank.")
    return texts[0], texts[1:]
