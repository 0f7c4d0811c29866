"""Where the texts of a store come from: what memory holds, or what is read as it is asked for."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import xarray as xr

from sdebayes._core.errors import DataError, LeftOutWarning
from sdebayes.data.corpus import as_corpus, checked_texts
from sdebayes.data.embedding import Embedder
from sdebayes.data.tables import Row
from sdebayes.data.tally import Tally
from sdebayes.data.text_files import TextFiles


class Source:
    """Texts that have steps enough, one after another, checked as `as_corpus` checks them.

    Parameters
    ----------
    corpus
        What `as_corpus` takes, `TextFiles`, or an iterator of texts or pairs (name, text).
    rule
        How texts are cut.
    min_steps
        Texts with fewer are left out; None leaves none out.

    Raises
    ------
    DataError
        If the corpus is none of these.
    """

    def __init__(self, corpus: Any, rule: Embedder, min_steps: int | None):
        self._rule, self._least = rule, min_steps
        self._lazy = isinstance(corpus, TextFiles | Iterator)
        self._corpus = corpus if self._lazy else as_corpus(corpus, allow_blank=min_steps is not None)
        self._short = Tally()

    @property
    def count(self) -> int | None:
        """How many texts there are, short ones included; None where nobody knows."""
        return None if self._lazy else self._corpus.sizes["trajectory"]

    def __iter__(self) -> Iterator[Row]:
        self._short = Tally()
        for row in self._streamed() if self._lazy else self._held():
            if self._least is None:
                yield row
                continue
            steps = len(self._rule.cut(row.text))
            self._short += Tally(int(steps < self._least), 1, 0, row.name, steps)
            if steps >= self._least:
                yield row

    def coords(self, names: Sequence[str]) -> dict[str, xr.Variable]:
        """Return what else is known of texts that memory holds."""
        if self._lazy:
            return {}
        chosen = self._corpus.sel(trajectory=list(names))
        return {str(name): chosen[name].variable for name in chosen.coords if name != "trajectory"}

    def said(self) -> dict[str, str]:
        """Say which texts were left out when they were gone through, and warn of them."""
        skipped = self._corpus.skipped if isinstance(self._corpus, TextFiles) else ""
        found, short = self._short, ""
        if found.count:
            short = (
                f"{found.count} of {found.total} texts {'has' if found.count == 1 else 'have'} fewer than "
                f"{self._least} steps under {self._rule.step!r}: the first is {found.name!r} ({found.step})."
            )
        for words in filter(None, (short, skipped)):
            warnings.warn(f"Left out: {words}", LeftOutWarning, stacklevel=4)
        return {"left_out": short, "skipped": skipped}

    def _held(self) -> Iterator[Row]:
        names, texts = (self._corpus[name].values for name in ("trajectory", "text"))
        yield from (Row(str(name), text, {}) for name, text in zip(names, texts, strict=True))

    def _streamed(self) -> Iterator[Row]:
        before: set[str] = set()
        for index, item in enumerate(self._corpus):
            found = _row(item, index)
            (name,), (text,) = checked_texts([found.name], [found.text], self._least is not None)
            if name in before:
                raise DataError(f"Two texts have the name {name!r}; names must be unique. Rename one.")
            before.add(name)
            yield Row(name, text, found.columns)


def _row(item: Any, index: int) -> Row:
    if isinstance(item, Row):
        return item
    if isinstance(item, str):
        return Row(f"text {index + 1}", item, {})
    if isinstance(item, Iterable) and len(pair := list(item)) == 2:
        return Row(str(pair[0]), pair[1], {})
    raise DataError(
        f"Text {index + 1} is of type {type(item).__name__}; expected a text or a pair (name, text)."
    )
