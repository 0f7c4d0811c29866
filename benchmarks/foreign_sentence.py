"""Which sentence of a text is not its own? Asked of a model, and of cosines, in `text_tasks`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

import sdebayes as sb

REPEATS, DRAWS, WINDOW = 10, 20, 3


class Changed(NamedTuple):
    """Texts, each some times over, with one sentence of another text.

    Attributes
    ----------
    texts
        Embeddings, (text and time over, time, feature).
    place
        Where the foreign sentence stands.
    count
        Number of different texts, which lead.
    """

    texts: xr.Dataset
    place: np.ndarray
    count: int


def with_foreign_sentences(data: xr.Dataset, seed: int = 0) -> Changed:
    """Put a sentence of another text in the place of one, in `REPEATS` copies of each text."""
    generator = np.random.default_rng(seed)
    count, steps = data.sizes["trajectory"], data.sizes["time"]
    many = data.isel(trajectory=np.tile(np.arange(count), REPEATS))
    many = many.assign_coords(trajectory=np.arange(count * REPEATS).astype(str))
    values, rows = many["y"].values.copy(), np.arange(count * REPEATS)
    place, other = generator.integers(0, steps, rows.size), generator.integers(1, count, rows.size)
    values[rows, place] = data["y"].values[(rows + other) % count, generator.integers(0, steps, rows.size)]
    return Changed(many.assign(y=(many["y"].dims, values)), place, count)


def by_model(posterior: sb.Posterior, changed: Changed) -> dict[str, np.ndarray]:
    """Score each sentence by how little all others of its text tell of it, and by how unusual it is among them."""
    found = sb.analysis.quality.surprise(posterior, changed.texts, samples=DRAWS, foreign=1e-12)
    return {"information": -found["information"].values, "surprise": found["surprise"].values}


def by_cosines(changed: Changed, middle: np.ndarray) -> dict[str, np.ndarray]:
    """Score each sentence by its cosine with the mean of those around it, centred on the training texts or not."""
    steps = changed.texts.sizes["time"]
    apart = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
    around = {"both neighbours": 1, f"{WINDOW} on both sides": WINDOW, "all others": steps}
    found = {}
    for centred, centre in (("", 0.0), (", centred", middle)):
        values = changed.texts["y"].values - centre
        unit = values / np.linalg.norm(values, axis=-1, keepdims=True)
        for name, reach in around.items():
            mean = np.einsum("kl,nlf->nkf", (apart > 0) & (apart <= reach), values)
            mean /= np.linalg.norm(mean, axis=-1, keepdims=True)
            found[f"cosine with {name}{centred}"] = -(unit * mean).sum(-1)
    return found


def found(scores: np.ndarray, changed: Changed) -> tuple[np.ndarray, np.ndarray]:
    """Return for each text how often its foreign sentence scores above one of its own (AUC), and above all."""
    rows = np.arange(len(scores))
    own = np.arange(scores.shape[1]) != changed.place[:, None]
    above = scores[rows, changed.place][:, None] > scores
    ahead, first = (above & own).sum(1) / own.sum(1), (above | ~own).all(1)
    by_text = [part.reshape(-1, changed.count).mean(0) for part in (ahead, first.astype(float))]
    return by_text[0], by_text[1]
