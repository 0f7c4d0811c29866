"""A text that is steered towards a place ends nearer to it: sentences of real speeches are what is proposed."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest

import sdebayes as sb
from sdebayes._core.errors import LeftOutWarning, UnlikelyTargetWarning

PLACES = (
    ["Our armed forces are strong, and our allies stand with us.", "We will keep the peace."],
    ["The deficit must come down.", "We have cut taxes, and prices are stable."],
    ["Every child deserves a good school.", "Teachers must be paid as they deserve."],
)
TEXTS, STEPS, CANDIDATES, BOOTSTRAPS, STATES = 40, 5, 12, 4000, 16
METHODS = ("plain", "nearest", "draw", "best")


class Speeches:
    """A posterior, and the sentences of speeches that it has not seen."""

    def __init__(self) -> None:
        self.encoder = sb.SentenceEncoder()
        corpus = sb.embed(sb.datasets.load_sotu(since=1945, sentences=60), self.encoder, progress=False)
        train, test = sb.split(corpus, test=0.3, seed=0)
        self.space = sb.PCA(STATES).fit(train)
        model = sb.SDEModel(
            sb.priors.Linear(diagonal=True),
            sb.priors.Constant("diagonal"),
            observation=sb.GaussianNoise(trajectory_effect=True),
        )
        states = self.space.transform(train)
        self.posterior = sb.fit(model, states, sb.Laplace(draws=60), seed=0, progress=False)
        told = test["text"].values.ravel()
        self.sentences = [str(one) for one in told if one]
        values = self.space.transform(test)["y"].values.reshape(-1, STATES)
        self.states = dict(zip(map(str, told), values, strict=True))

    def proposing(self, method: str, seed: int, target: np.ndarray) -> Callable[[str, int], list[str]]:
        """The same sentences for all methods that have come to the same step."""
        generator = np.random.default_rng(1000 + seed)

        def generate(text: str, n: int) -> list[str]:
            offered = [str(one) for one in generator.choice(self.sentences, n, replace=False)]
            if method == "plain":
                return offered[:1]
            if method == "nearest":
                return [min(offered, key=lambda one: np.linalg.norm(self.states[one] - target))]
            return offered

        return generate

    def steered(self, method: str, row: int) -> tuple[float, float, float]:
        """Distance of the last sentence, and of the mean of the last three, from the place; mean fit."""
        target = self.space.transform(self.encoder.encode(PLACES[row % len(PLACES)])).mean(axis=0)
        start = np.random.default_rng(row).integers(len(self.sentences) - 3)
        log = sb.steer(
            self.proposing(method, row, target),
            self.posterior,
            target if method in ("draw", "best") else None,
            context=" ".join(self.sentences[start : start + 3]),
            steps=STEPS,
            candidates=CANDIDATES,
            choice="draw" if method == "draw" else "best",
            seed=row,
            encoder=self.encoder,
        )
        chosen = log.isel(candidate=log["chosen"])
        away = chosen["y"].values - target
        return np.linalg.norm(away[-1]), np.linalg.norm(away[-3:].mean(axis=0)), float(chosen["fit"].mean())


@pytest.mark.slow
def test_steered_texts_end_nearer_to_the_place_than_plain_ones():
    """Intervals of 90 % over texts; the nearest candidate at each step, which needs no posterior, is the limit."""
    speeches, found = Speeches(), {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnlikelyTargetWarning)
        warnings.simplefilter("ignore", LeftOutWarning)
        for method in METHODS:
            found[method] = np.array([speeches.steered(method, row) for row in range(TEXTS)])
    rows = np.random.default_rng(0).integers(TEXTS, size=(BOOTSTRAPS, TEXTS))
    for method, values in found.items():
        gain = values - found["plain"]
        low, high = np.quantile(gain[rows].mean(axis=1), [0.05, 0.95], axis=0)
        print(method, values.mean(axis=0).round(2), gain.mean(axis=0).round(2), low.round(2), high.round(2))
        if method != "plain":
            assert (high[:2] < 0).all()
    assert found["best"][:, 2].mean() > found["nearest"][:, 2].mean()
