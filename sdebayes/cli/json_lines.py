"""JSON lines, read from files and written to standard output."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from sdebayes._core.characters import cleaned
from sdebayes._core.errors import DataError, StoreError


def say_line(values: dict[str, Any]) -> None:
    """Print one object on one line, at once; what is not finite becomes null."""
    print(json.dumps(_plain(values), ensure_ascii=False), flush=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
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
    return [_ranking(row, where) for row, where in _objects(path, _RANKING)]


def read_contexts(path: Path) -> list[str]:
    """Read texts that are to go on.

    Parameters
    ----------
    path
        JSON lines, each an object with the text ``context``, which may be empty.

    Raises
    ------
    DataError
        If a line is no such object; the message names it.
    StoreError
        If the file cannot be read.
    """
    found = []
    for row, where in _objects(path, _CONTEXT):
        context = row.get("context")
        if not isinstance(context, str):
            raise DataError(f"{where}: expected {_CONTEXT}, a text.")
        found.append(cleaned(context, where))
    return found


_RANKING = '{"context": "…", "candidates": ["…", "…"]}'
_CONTEXT = '{"context": "…"}'


def _objects(path: Path, expected: str) -> list[tuple[dict[str, Any], str]]:
    """Read the objects of a file, each with where it stands."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}.") from error
    found = []
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}, line {place}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where} is no JSON ({error}); expected {expected}.") from error
        found.append((row if isinstance(row, dict) else {}, where))
    if not found:
        raise DataError(f"{path} has no line; expected {expected} on each.")
    return found


def _ranking(given: dict[str, Any], where: str) -> tuple[str, list[str]]:
    context, candidates = given.get("context"), given.get("candidates")
    several = candidates if isinstance(candidates, list) else []
    if not isinstance(context, str) or len(several) < 2 or not all(isinstance(one, str) for one in several):
        raise DataError(f"{where}: expected {_RANKING}, with two candidates or more, each a text.")
    texts = [cleaned(text, where) for text in (context, *several)]
    blank = [place for place, text in enumerate(texts) if not text.strip()]
    if blank:
        which = f"candidate {blank[0]}" if blank[0] else "the context"
        raise DataError(f"{where}: {which} is blank.")
    return texts[0], texts[1:]
