"""Which law predicts held-out texts best? Held-out nats per sentence of each model, and its gain over one with less.

Texts are State of the Union addresses, their sentences embedded by the packaged encoder, 8 principal components: the
demo's 44 speeches; all of 1900 to 1940 with 60 sentences or more; 120 of all with 60 sentences; and sixty texts of
about 25 sentences by a language model, SmolLM2 at a temperature of .8. A quarter is held out. A score is
log (1/S) Σ_s p(y | θ_s) of a whole text, over its number of sentences; ± is a standard error over held-out texts,
paired where it is a gain. Posteriors are Laplace's.
The model with words is told the number of words of the very sentence that it predicts; the others do not use it. A
level is told the year of the speech, or the place of the sentence; its gain, and that of another drift or of regimes,
is over the same model without it.

Run: .uv/bin/uv run python benchmarks/text_models.py (or with the names of models, and --corpus with that of a corpus).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated, Any

import numpy as np
import typer
from record import keep

import sdebayes as sb

CORPORA: dict[str, Callable[[], Any]] = {
    "44 speeches, 130 sentences": lambda: sb.datasets.load_sotu(sentences=130, speeches=44),
    "1900–1940, 60 sentences": lambda: sb.datasets.load_sotu(since=1900, until=1940, sentences=60),
    "120 speeches, 60 sentences": lambda: sb.datasets.load_sotu(sentences=60, speeches=120),
    "SmolLM2, 25 sentences": lambda: sb.datasets.load_smollm2(temperature=0.8),
}
FULL: dict[str, Any] = {"covariance": "full", "effect_covariance": "full"}
MODELS: dict[str, dict[str, Any]] = {
    "R of one size, C diagonal": {"covariance": "isotropic"},
    "R, C diagonal": {},
    "R of rank 2, C diagonal": {"covariance": sb.LowRank(2)},
    "R full": {"covariance": "full"},
    "R, C full": FULL,
    "R, C full, words": {
        **FULL,
        "variance_function": sb.VarianceFunction("words", log=True, degree=2),
    },
}
OVER = {
    "R of one size, C diagonal": "R, C diagonal",
    "R of rank 2, C diagonal": "R, C diagonal",
    "R full": "R, C diagonal",
    "R, C full": "R full",
    "R, C full, words": "R, C full",
}
"""What the gain of a model is over."""
LEVELS: dict[str, tuple[sb.Level, ...]] = {
    "R, C full, level by t": (sb.Level("t", knots=2),),
    "R, C full, level by year": (sb.Level("year"),),
    "R, C full, level by year, curved": (sb.Level("year", knots=2),),
    "R, C full, level by year, curved, and t": (sb.Level("year", knots=2), sb.Level("t", knots=2)),
    "R, C full, words, level by year, curved, and t": (sb.Level("year", knots=2), sb.Level("t", knots=2)),
    "R, C full, two regimes, level by year, curved, and t": (
        sb.Level("year", knots=2),
        sb.Level("t", knots=2),
    ),
    "R, C full, level by t, a Gaussian process": (sb.Level("t", kernel=sb.priors.Matern52()),),
}
"""Levels over a model of the table, whose name they begin with."""
REGIMES = sb.priors.Regimes(2, drift=sb.priors.Linear(), diffusion=sb.priors.Constant())
DRIFTS: dict[str, Any] = {
    "R full, drift a Gaussian process": sb.priors.GP(basis=sb.priors.RandomFourier(50)),
    "R, C diagonal, two regimes": REGIMES,
    "R, C full, two regimes, level by year, curved, and t": REGIMES,
}
"""Drifts that are not linear, and regimes of drift and Σ, over that model."""
PLAIN = sb.schemes.EulerMaruyama()
"""Of a drift that is not linear, whose step it makes cheap; a linear one is exact."""
STRATEGY = sb.Laplace(draws=400)


def linear(name: str) -> str:
    """Return the model of which another is an extension."""
    return re.split(", (?:level|drift|two regimes)", name)[0]


@cache
def texts(corpus: str) -> tuple[Any, Any]:
    """Return training and held-out speeches as states."""
    cache = Path(gettempdir()) / "sdebayes-text-models"
    data = sb.embed(CORPORA[corpus](), sb.SentenceEncoder(), cache=cache, min_steps=3)
    train, test = sb.split(data, test=0.25, seed=0)
    space = sb.PCA(8).fit(train)
    return space.transform(train), space.transform(test)


@cache
def scored(corpus: str, name: str) -> np.ndarray:
    """Return nats per sentence of each held-out speech."""
    train, test = texts(corpus)
    noise = sb.GaussianNoise(trajectory_effect=True, **MODELS[linear(name)])
    drift = DRIFTS.get(name, sb.priors.Linear())
    scheme = PLAIN if isinstance(drift, sb.priors.GP) else sb.schemes.LocalLinearization()
    model = sb.SDEModel(drift, scheme=scheme, observation=noise, level=LEVELS.get(name, ()))
    posterior = sb.fit(model, train, STRATEGY, seed=0)
    return (posterior.log_score(test) / test["n_steps"]).values


def main(
    models: Annotated[list[str] | None, typer.Argument(help="Models; by default all.")] = None,
    corpus: Annotated[list[str] | None, typer.Option(help="Corpora; by default all.")] = None,
) -> None:
    before = OVER | {name: linear(name) for name in (*LEVELS, *DRIFTS)}
    for texts_of in corpus or CORPORA:
        rows = []
        for name in models or dict.fromkeys([*MODELS, *LEVELS, *DRIFTS]):
            if texts_of == "SmolLM2, 25 sentences" and "year" in name:
                continue  # its texts have no year
            scores = scored(texts_of, name)
            error = np.sqrt(scores.size)
            gain = None if name not in before else scores - scored(texts_of, before[name])
            rows.append(
                {
                    "texts": f"{texts_of} ({scores.size} held out)",
                    "model": name,
                    "nats": f"{scores.mean():.3f} ± {scores.std(ddof=1) / error:.3f}",
                    "gain": "" if gain is None else f"{gain.mean():+.3f} ± {gain.std(ddof=1) / error:.3f}",
                }
            )
            print(rows[-1], flush=True)
        keep("text_models", rows, ["texts", "model"])


if __name__ == "__main__":
    typer.run(main)
