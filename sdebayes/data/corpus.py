"""The corpus: texts with their names and whatever is known about each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from sdebayes._core.characters import cleaned, cleaned_name
from sdebayes._core.errors import DataError
from sdebayes.data.metadata import along_texts, column_names, own_name
from sdebayes.data.validation import check_unique


def as_corpus(texts: object, allow_blank: bool = False) -> xr.Dataset:
    """Bring texts into one form and check them.

    Line ends, byte-order marks and other characters that are no part of the words are cleaned as
    :func:`~sdebayes.data.read_texts` does.

    Parameters
    ----------
    texts
        A list of texts (named "text 1", "text 2", …), a mapping {name: text}, a pandas Series with names as index, a
        DataFrame with the columns of a file that :func:`~sdebayes.data.read_texts` reads, or a
        Dataset ``text(trajectory)`` whose other variables along ``trajectory`` alone are kept as coords.
    allow_blank
        Whether a text may be blank.

    Returns
    -------
    xr.Dataset
        ``text(trajectory)`` with unique names in ``trajectory``.

    Raises
    ------
    DataError
        If there is no text, some are blank (all of them are named), one is no text at all, or a name is used twice; if
        a text or name has a character that no text may have, or a variable a name or values that files cannot hold.
    """
    coords: dict[str, Any] = {}
    if isinstance(texts, pd.DataFrame):
        texts = _of_frame(texts)
    if isinstance(texts, xr.Dataset):
        if "text" not in texts or texts["text"].dims != ("trajectory",):
            raise DataError("A corpus given as a Dataset needs the variable text(trajectory).")
        coords = {
            own_name(name, "The name of a variable of the corpus"): along_texts(variable, str(name))
            for name, variable in texts.variables.items()
            if variable.dims == ("trajectory",) and name not in ("text", "trajectory")
        }
        names, values = list(texts["trajectory"].values), list(texts["text"].values)
    elif callable(items := getattr(texts, "items", None)):
        pairs = list(items())
        names, values = [name for name, _ in pairs], [value for _, value in pairs]
    elif isinstance(texts, str | bytes):
        raise DataError("The corpus is a single text; give a list of texts or a mapping {name: text}.")
    elif not isinstance(texts, Iterable) or getattr(texts, "shape", None) == ():
        raise DataError(
            f"The corpus is of type {type(texts).__name__}; give a list of texts or a mapping {{name: text}}."
        )
    else:
        values = list(texts)
        names = [f"text {index + 1}" for index in range(len(values))]
    labels, clean = checked_texts(names, values, allow_blank)
    corpus = xr.Dataset({"text": ("trajectory", np.array(clean, dtype=object))})
    return corpus.assign_coords({"trajectory": np.array(labels, dtype=str), **coords})


def _of_frame(frame: pd.DataFrame) -> xr.Dataset:
    """Read a table, a text in each row: the column ``text``, its name in ``name``, and what else is known of it."""
    named = dict(zip(column_names([str(name) for name in frame.columns]), frame.columns, strict=True))
    if "text" not in named:
        raise DataError(
            f"The corpus is a DataFrame with the columns {', '.join(map(str, frame.columns))}; expected one called "
            "'text', and perhaps 'name'. Rename them: frame.rename(columns={...})."
        )
    names = frame[named["name"]] if "name" in named else [f"text {k + 1}" for k in range(len(frame))]
    columns = {
        name: ("trajectory", frame[own].to_numpy())
        for name, own in named.items()
        if name not in ("text", "name")
    }
    text = ("trajectory", frame[named["text"]].to_numpy(dtype=object))
    return xr.Dataset({"text": text, **columns}, {"trajectory": [str(name) for name in names]})


def checked_texts(
    names: Sequence[object], texts: Sequence[object], allow_blank: bool
) -> tuple[list[str], list[str]]:
    """Clean names and texts, and check them as `as_corpus` does.

    Raises
    ------
    DataError
        As `as_corpus`.
    """
    labels = [cleaned_name(str(name), f"The name of text {index + 1}") for index, name in enumerate(names)]
    _check_texts(labels, texts, allow_blank)
    clean = [cleaned(str(text), f"Text {name!r}") for name, text in zip(labels, texts, strict=True)]
    return labels, clean


def _check_texts(names: Sequence[str], texts: Sequence[object], allow_blank: bool) -> None:
    if not texts:
        raise DataError("The list of texts is empty; at least one text is needed.")
    check_unique(names)
    for name, text in zip(names, texts, strict=True):
        if not isinstance(text, str):
            raise DataError(f"Text {name!r} is of type {type(text).__name__}; expected str.")
    blank = [repr(name) for name, text in zip(names, texts, strict=True) if not str(text).strip()]
    if blank and not allow_blank:
        raise DataError(
            f"{len(blank)} of {len(texts)} texts {'is' if len(blank) == 1 else 'are'} blank: {', '.join(blank)}. "
            "Leave out what is blank."
        )
