"""Texts that are longer than a language model reads at once: windows that overlap, run in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from sdebayes.data.language_model import LanguageModel
from sdebayes.data.torch_threads import use_one_thread, workers


class Window(NamedTuple):
    """Tokens of a text that are run at once, those before ``kept`` for their context only."""

    text: str
    start: int
    stop: int
    kept: int


def windows_of(text: str, length: int, context: int | None, overlap: int) -> Iterator[Window]:
    """Cut a text of so many tokens into windows, of which each but the first begins ``overlap`` before what it adds.

    Where they begin does not depend on the length, so that what is read of a text does not depend on its end.
    """
    if context is None or length <= context:
        yield Window(text, 0, length, 0)
        return
    for start in range(0, length - overlap, context - overlap):
        yield Window(text, start, min(start + context, length), start + overlap if start else 0)


def run(
    model: LanguageModel,
    tokens: Mapping[str, Sequence[int]],
    windows: Sequence[Window],
    layers: Sequence[int],
    at_once: int,
) -> dict[tuple[str, int], np.ndarray]:
    """Run windows in batches of like lengths, and put texts together again.

    Parameters
    ----------
    model
        The model.
    tokens
        Those of each text.
    windows
        Those of each text, in order.
    layers
        The layers wanted.
    at_once
        Tokens in a batch, padding included; at least one window is.

    Returns
    -------
    dict
        {(text, layer): (token, embedding)}.
    """
    batches = list(_batches(windows, at_once))
    model.load()  # by one thread

    def forward(batch: list[Window]) -> list[dict[int, np.ndarray]]:
        return model.hidden([tokens[one.text][one.start : one.stop] for one in batch], layers)

    with ThreadPoolExecutor(workers(model.device), initializer=use_one_thread) as pool:
        found = {
            window: states
            for batch, states_of in zip(batches, pool.map(forward, batches), strict=True)
            for window, states in zip(batch, states_of, strict=True)
        }
    parts: dict[tuple[str, int], list[np.ndarray]] = {}
    for one in windows:
        for layer in layers:
            parts.setdefault((one.text, layer), []).append(found[one][layer][one.kept - one.start :])
    return {place: np.concatenate(arrays) for place, arrays in parts.items()}


def _batches(windows: Sequence[Window], at_once: int) -> Iterator[list[Window]]:
    batch: list[Window] = []
    for one in sorted(windows, key=lambda window: window.stop - window.start, reverse=True):
        if batch and (len(batch) + 1) * (batch[0].stop - batch[0].start) > at_once:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch
