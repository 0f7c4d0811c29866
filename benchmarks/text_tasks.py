"""What is a model of texts good for? The true continuation of a speech, among those of eight speeches.

Texts are all State of the Union addresses, cut after 32 sentences, or after 12; a quarter is held out. Given the first
half of a held-out speech, its second half is to be found among it and those of seven others, drawn 50 times. A wide
model has independent states, Ornstein–Uhlenbeck processes behind noise with an offset of each speech, by Laplace, and
scores log p(context, candidate) − log p(context) − log p(candidate); cosines are of the means of both halves, centred
on the mean of all training sentences or not. In brackets the 95 % interval of a bootstrap over held-out speeches;
beside the centred cosine the bootstrap is of pairs. Nats are those of a held-out sentence in the span of the states'
directions, so that the two rows of 64 states compare.

Run: .uv/bin/uv run python benchmarks/text_tasks.py
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from record import keep

import sdebayes as sb

CANDIDATES, SETS, RESAMPLES = 8, 50, 2000
STRATEGY = sb.Laplace(draws=100)
SPACES: dict[str, Any] = {
    "PCA(8)": sb.PCA(8),
    "PCA(32)": sb.PCA(32),
    "PCA(64)": sb.PCA(64),
    "TICA(64, components=64)": sb.TICA(64, components=64),
}


class Task(NamedTuple):
    """How long the texts are, how many there are to learn from, and which models learn."""

    sentences: int
    training: int | None
    spaces: tuple[str, ...]


TASKS = (
    Task(32, None, tuple(SPACES)),
    Task(12, 75, ("PCA(8)", "PCA(64)")),
    Task(12, 20, ("PCA(8)", "PCA(64)")),
)


@cache
def texts(sentences: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Return embeddings of training and held-out speeches, cut."""
    store = Path(gettempdir()) / "sdebayes-text-models"
    corpus = sb.datasets.load_sotu(sentences=32)
    data = sb.embed(corpus, sb.SentenceEncoder(), cache=store, min_steps=32)
    data = data.isel(time=slice(sentences)).assign(n_steps=data["n_steps"].clip(max=sentences))
    return sb.split(data, test=0.25, seed=0)


def halves(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values[:, : values.shape[1] // 2], values[:, values.shape[1] // 2 :]


def cosines(data: xr.Dataset, centre: np.ndarray | float) -> np.ndarray:
    """Return the cosine of the means of each context and each continuation."""
    means = (half.mean(axis=1) for half in halves(data["y"].values - centre))
    context, continuation = (mean / np.linalg.norm(mean, axis=1, keepdims=True) for mean in means)
    return context @ continuation.T


def log_ratios(posterior: sb.Posterior, states: xr.Dataset) -> np.ndarray:
    """Return log p(context, continuation) − log p(context) − log p(continuation) of each with each."""
    count = states.sizes["trajectory"]
    before, after = np.divmod(np.arange(count**2), count)
    values = states["y"].values
    context, continuation = halves(values)
    joint = np.concatenate([context[before], continuation[after]], axis=1)

    def score(values: np.ndarray) -> np.ndarray:
        kept = states.drop_vars(["text", "words"]).isel(trajectory=np.arange(len(values)) % count)
        kept = kept.isel(time=slice(values.shape[1])).assign_coords(
            trajectory=np.arange(len(values)).astype(str)
        )
        kept = kept.assign(y=(kept["y"].dims, values), n_steps=kept["n_steps"] * 0 + values.shape[1])
        return posterior.log_score(kept).values

    return score(joint).reshape(count, count) - score(context)[:, None] - score(continuation)


def found(scores: np.ndarray) -> np.ndarray:
    """Return how often the true continuation of each speech scores best."""
    count, generator = len(scores), np.random.default_rng(0)
    hits = np.zeros(count)
    for own in range(count):
        others = np.delete(np.arange(count), own)
        drawn = np.stack([generator.choice(others, CANDIDATES - 1, replace=False) for _ in range(SETS)])
        hits[own] = (scores[own, own] > scores[own][drawn].max(axis=1)).mean()
    return hits


def interval(values: np.ndarray, sign: str = "") -> str:
    generator = np.random.default_rng(0)
    means = values[generator.integers(0, values.size, (RESAMPLES, values.size))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{values.mean():{sign}.2f} [{low:{sign}.2f}, {high:{sign}.2f}]"


def wide_model() -> sb.SDEModel:
    """Return a model of independent states."""
    return sb.SDEModel(
        sb.priors.Linear(diagonal=True),
        sb.priors.Constant("diagonal"),
        observation=sb.GaussianNoise(trajectory_effect=True),
    )


def main() -> None:
    for task in TASKS:
        train, test = texts(task.sentences)
        if task.training is not None:
            train, _ = sb.split(train, test=train.sizes["trajectory"] - task.training, seed=1)
        plain, centred = (
            found(cosines(test, c)) for c in (0.0, train["y"].mean(["trajectory", "time"]).values)
        )
        rows = [{"scorer": "cosine of means", "found": interval(plain)}]
        rows += [{"scorer": "the same, centred", "found": interval(centred)}]
        for name in task.spaces:
            space = SPACES[name].fit(train)
            known, new = space.transform(train), space.transform(test)
            posterior = sb.fit(wide_model(), known, STRATEGY, seed=0)
            nats = posterior.log_score(new) / new["n_steps"] + space.log_volume
            hits = found(log_ratios(posterior, new))
            rows.append(
                {
                    "scorer": f"wide model, {name}",
                    "found": interval(hits),
                    "beside centred": interval(hits - centred, "+"),
                    "nats": f"{float(nats.mean()):.2f}",
                }
            )
            print(task, rows[-1], flush=True)
        texts_of = f"{train.sizes['trajectory']} texts of {task.sentences} sentences"
        kept = [{"task": "continuation", "learned from": texts_of} | row for row in rows]
        keep("text_tasks", kept, ["task", "learned from"])


if __name__ == "__main__":
    main()
