"""What `text_tasks` is asked of without a model: a lens, a bridge, and the number of words.

- Lens: the cosine with an exponentially weighted mean, of weight .85 to the power of the distance in sentences, as
  embflow 0.3 has it: of the past with each sentence, or of the end of a context with the beginning of a candidate.
- Bridge: the log density of each sentence between the first and the last of its text under a Brownian bridge, as
  BBScore has it (doi:10.1609/aaai.v38i13.29414, arXiv 2312.16893), in eight principal components, as its own encoder is
  not packaged, with the variance of the training texts.
- Words: how near numbers of words are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

import sdebayes as sb
from sdebayes.analysis.quality.order_tasks import TASKS

ALPHA, LATENT = 0.85, 8
Scorer = Callable[[xr.Dataset], np.ndarray]


def unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def filled(scores: np.ndarray) -> np.ndarray:
    """Put the median of a text where a sentence has no score."""
    return np.where(np.isnan(scores), np.nanmedian(scores, axis=1, keepdims=True), scores)


def halves(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values[:, : values.shape[1] // 2], values[:, values.shape[1] // 2 :]


class Lens(NamedTuple):
    """An exponentially weighted mean; ``centre`` is taken away from embeddings before."""

    centre: np.ndarray | float

    def continuation(self, data: xr.Dataset) -> np.ndarray:
        """Score each second half behind each first half."""
        context, after = halves(data["y"].values - self.centre)
        weights = ALPHA ** np.arange(context.shape[1])
        end = np.einsum("k,nkf->nf", weights[::-1], context)
        start = np.einsum("k,nkf->nf", ALPHA ** np.arange(after.shape[1]), after)
        return unit(end) @ unit(start).T

    def agreement(self, data: xr.Dataset) -> np.ndarray:
        """Return the cosine of each sentence with the past, NaN at the first."""
        values = data["y"].values - self.centre
        found = np.full(values.shape[:2], np.nan)
        past = np.zeros_like(values[:, 0])
        for k in range(1, values.shape[1]):
            past = ALPHA * past + values[:, k - 1]
            found[:, k] = (unit(past) * unit(values[:, k])).sum(-1)
        return found

    def foreign(self, data: xr.Dataset) -> np.ndarray:
        """Score each sentence by how little it agrees with the past."""
        return filled(-self.agreement(data))

    def text(self, data: xr.Dataset) -> np.ndarray:
        """Score the order of each text."""
        return np.nanmean(self.agreement(data), axis=1)


class Bridge(NamedTuple):
    """A Brownian bridge between the first and the last sentence."""

    space: sb.StateSpace
    variance: float

    @classmethod
    def of(cls, train: xr.Dataset) -> Bridge:
        """Learn space and variance from training texts."""
        space = sb.PCA(LATENT).fit(train)
        square, spread = cls(space, 1.0).parts(space.transform(train)["y"].values)
        return cls(space, float(np.mean(square / spread) / LATENT))

    def parts(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return squared distances of inner sentences from the line, and t (T − t) / T."""
        last = values.shape[1] - 1
        t = np.arange(1, last)
        line = values[:, :1] + (t / last)[:, None] * (values[:, -1:] - values[:, :1])
        return ((values[:, 1:-1] - line) ** 2).sum(-1), t * (last - t) / last

    def log_density(self, values: np.ndarray) -> np.ndarray:
        """Return that of each inner sentence."""
        square, spread = self.parts(values)
        variance = self.variance * spread
        return -0.5 * (square / variance + LATENT * np.log(2 * np.pi * variance))

    def continuation(self, data: xr.Dataset) -> np.ndarray:
        """Score each second half behind each first half."""
        context, after = halves(self.space.transform(data)["y"].values)
        rows = [
            self.log_density(np.concatenate([np.repeat(own[None], len(after), 0), after], axis=1)).mean(1)
            for own in context
        ]
        return np.array(rows)

    def foreign(self, data: xr.Dataset) -> np.ndarray:
        """Score each inner sentence by how far off the bridge it is."""
        inner = -self.log_density(self.space.transform(data)["y"].values)
        return filled(np.pad(inner, ((0, 0), (1, 1)), constant_values=np.nan))

    def text(self, data: xr.Dataset) -> np.ndarray:
        """Score the order of each text."""
        return self.log_density(self.space.transform(data)["y"].values).mean(1)


class Words(NamedTuple):
    """The number of words of each sentence, on a log scale."""

    def continuation(self, data: xr.Dataset) -> np.ndarray:
        """Score each second half behind each first half."""
        context, after = (half.mean(1) for half in halves(np.log1p(data["words"].values)))
        return -np.abs(np.subtract.outer(context, after))

    def foreign(self, data: xr.Dataset) -> np.ndarray:
        """Score each sentence by how unusual its number of words is in its text."""
        words = np.log1p(data["words"].values)
        return np.abs(words - np.median(words, axis=1, keepdims=True))


def baselines(train: xr.Dataset) -> dict[str, Lens | Bridge | Words]:
    """Return what is asked without a model, by name."""
    middle = train["y"].mean(["trajectory", "time"]).values
    return {
        "lens": Lens(0.0),
        "lens, centred": Lens(middle),
        "bridge": Bridge.of(train),
        "words": Words(),
    }


def of_order(score: Scorer, data: xr.Dataset, shuffles: int) -> dict[str, np.ndarray]:
    """Return how often the true order of each text scores above a changed one, by task, as `order_tasks` asks it."""
    true, found = score(data), {}
    for task, how in TASKS.items():
        seeds = range(1 if task == "reversed" else shuffles)
        gain = np.array([true - score(sb.data.shuffle(data, seed, **how)) for seed in seeds])
        found[task] = 0.5 * (1 + np.sign(np.where(np.abs(gain) > 1e-9, gain, 0.0))).mean(0)
    return found
