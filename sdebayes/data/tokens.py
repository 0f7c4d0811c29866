"""Where the tokens of a text stand in it."""

from __future__ import annotations

from typing import Any

from sdebayes._core.errors import DataError
from sdebayes.data.segment import written_end


def offsets(tokenizer: Any, text: str, **options: Any) -> tuple[list[int], list[tuple[int, int]]]:
    """Tokenise a text, however long.

    Parameters
    ----------
    tokenizer
        One of transformers.
    text
        Any text.
    **options
        Further ones of its call.

    Returns
    -------
    (list of int, list of (int, int))
        The tokens; and the first character of each and the one after its last, the same for those that are no part of
        the text.

    Raises
    ------
    DataError
        If the tokenizer does not say where tokens stand.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise DataError(
            f"The tokenizer {type(tokenizer).__name__} does not say where in a text its tokens stand; take a fast one, "
            "from a tokenizer.json."
        )
    found = tokenizer(
        text, return_offsets_mapping=True, truncation=False, padding=False, verbose=False, **options
    )
    return found["input_ids"], [(int(start), int(end)) for start, end in found["offset_mapping"]]


def last_characters(text: str, spans: list[tuple[int, int]]) -> list[int]:
    """Return the character at which each token counts: its last one that is not blank.

    Tokens that are no part of the text stand before its first character, or behind its last.
    """
    found: list[int] = []
    for start, end in spans:
        written = written_end(text, start, end)
        found.append((written if written > start else end) - 1 if end > start else found[-1] if found else -1)
    for index in range(len(spans) - 1, -1, -1):
        if spans[index][0] < spans[index][1]:
            break
        found[index] = len(text)
    return found


def merged(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join tokens that share a character, and blank ones with the token before, so that each has words of its own."""
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if start == end:
            continue
        if found and (
            start < found[-1][1] or not text[start:end].strip() or not text[slice(*found[-1])].strip()
        ):
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found
