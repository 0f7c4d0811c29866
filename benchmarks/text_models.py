"""Which law foretells held-out texts best? Held-out nats per sentence of each model, and its gain over one with less.

Texts are State of the Union addresses, their sentences embedded by the packaged encoder, 8 principal components: the
demo's 44 speeches; all of 1900 to 1940 with 60 sentences or more; and 120 of all with 60 sentences. A quarter is held
out. A score is log (1/S) Σ_s p(y | θ_s) of a whole speech, over its number of sentences; ± is a standard error over
held-out speeches, paired where it is a gain. Posteriors are Laplace's.
The model with words is told the number of words of the very sentence that it foretells; the others do not use it. A
level is told the year of the speech, or the place of the sentence; its gain, and that of another drift, is over the
same model without it.

Run: .uv/bin/uv run python benchmarks/text_models.py (or with the names of models).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated, Any

import numpy as np
import typer
from record import keep

import sdebayes as sb

CORPORA: dict[str, dict[str, Any]] = {
    "44 speeches, 130 sentences": {"sentences": 130, "speeches": 44},
    "1900–1940, 60 sentences": {"since": 1900, "until": 1940, "sentences": 60},
    "120 speeches, 60 sentences": {"sentences": 60, "speeches": 120},
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
    "R, C full, level by t, a Gaussian process": (sb.Level("t", kernel=sb.priors.Matern52()),),
    "R, C full, level by year": (sb.Level("year"),),
    "R, C full, level by year, curved": (sb.Level("year", knots=2),),
    "R, C full, level by year, curved, and t": (sb.Level("year", knots=2), sb.Level("t", knots=2)),
    "R, C full, words, level by year, curved, and t": (sb.Level("year", knots=2), sb.Level("t", knots=2)),
}
"""Levels over a model of the table, whose name they begin with."""
DRIFTS: dict[str, Any] = {"R full, drift a Gaussian process": sb.priors.GP()}
"""Drifts that are not linear, over that model."""
STRATEGY = sb.Laplace(draws=400)


def linear(name: str) -> str:
    """Return the model of which another is an extension."""
    return name.split(", level")[0].split(", drift")[0]


@cache
def embedded(corpus: str) -> tuple[Any, Any]:
    """Return embeddings of training and held-out speeches."""
    cache = Path(gettempdir()) / "sdebayes-text-models"
    data = sb.embed(sb.datasets.load_sotu(**CORPORA[corpus]), sb.SentenceEncoder(), cache=cache)
    return sb.split(data, test=0.25, seed=0)


@cache
def texts(corpus: str) -> tuple[Any, Any]:
    """Return training and held-out speeches as states."""
    train, test = embedded(corpus)
    space = sb.PCA(8).fit(train)
    return space.transform(train), space.transform(test)


@cache
def scored(corpus: str, name: str) -> np.ndarray:
    """Return nats per sentence of each held-out speech."""
    train, test = texts(corpus)
    noise = sb.GaussianNoise(trajectory_effect=True, **MODELS[linear(name)])
    model = sb.SDEModel(DRIFTS.get(name, sb.priors.Linear()), observation=noise, level=LEVELS.get(name, ()))
    posterior = sb.fit(model, train, STRATEGY, seed=0)
    return (posterior.log_score(test) / test["n_steps"]).values


def main(
    models: Annotated[list[str] | None, typer.Argument(help="Models; by default all.")] = None,
    corpora: Annotated[int, typer.Option(help="How many of the corpora.")] = len(CORPORA),
) -> None:
    before = OVER | {name: linear(name) for name in (*LEVELS, *DRIFTS)}
    for corpus in list(CORPORA)[:corpora]:
        rows = []
        for name in models or [*MODELS, *LEVELS, *DRIFTS]:
            scores = scored(corpus, name)
            error = np.sqrt(scores.size)
            gain = None if name not in before else scores - scored(corpus, before[name])
            rows.append(
                {
                    "texts": f"{corpus} ({scores.size} held out)",
                    "model": name,
                    "nats": f"{scores.mean():.3f} ± {scores.std(ddof=1) / error:.3f}",
                    "gain": "" if gain is None else f"{gain.mean():+.3f} ± {gain.std(ddof=1) / error:.3f}",
                }
            )
            print(rows[-1], flush=True)
        keep("text_models", rows, ["texts", "model"])


if __name__ == "__main__":
    typer.run(main)
