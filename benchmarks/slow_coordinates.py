"""Do slow coordinates tell more of order than wide ones? Nats per held-out sentence that a model gains over iid steps.

Texts are those of text_models.py. States are principal components (PCA), or the slowest time-lagged independent
components of so many principal components (TICA), with their VAMP-2 score, cross-validated over the training speeches.
The model is an Ornstein–Uhlenbeck process behind noise with correlations and an offset of each speech, by Laplace, and
its gain is over independent steps with an offset of each speech, in the same states. ± is a standard error over
held-out speeches, paired where it is beside PCA.

Run: .uv/bin/uv run python benchmarks/slow_coordinates.py (or with names of corpora).
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import typer
from record import keep
from text_models import CORPORA, FULL, embedded

import sdebayes as sb

COMPONENTS = (16, 32, 64)
STRATEGY = sb.Laplace(draws=100)


def gain(space: sb.StateSpace, train: Any, test: Any) -> np.ndarray:
    """Return the gain of each held-out speech, in nats per sentence."""
    known, new = space.transform(train), space.transform(test)
    model = sb.SDEModel(observation=sb.GaussianNoise(trajectory_effect=True, **FULL))
    posterior = sb.fit(model, known, STRATEGY, seed=0)
    null = sb.nulls.IIDDocumentEffect().fit(known)
    return ((posterior.log_score(new) - null.log_score(new)) / new["n_steps"]).values


def row(values: np.ndarray) -> str:
    return f"{values.mean():+.3f} ± {values.std(ddof=1) / np.sqrt(values.size):.3f}"


def main(
    texts: Annotated[list[str] | None, typer.Argument(help="Names of corpora; by default all.")] = None,
    states: Annotated[int, typer.Option(help="Number of states.")] = 8,
) -> None:
    for corpus in texts or CORPORA:
        train, test = embedded(corpus)
        wide = gain(sb.PCA(states).fit(train), train, test)
        rows = [{"states": f"PCA({states})", "VAMP-2": "", "gain": row(wide), "beside PCA": ""}]
        score = sb.TICA(states).score(train, components=COMPONENTS)["vamp2"].mean("fold")
        for number in COMPONENTS:
            slow = gain(sb.TICA(states, components=number).fit(train), train, test)
            rows.append(
                {
                    "states": f"TICA({states}, components={number})",
                    "VAMP-2": f"{float(score.sel(components=number)):.3f}",
                    "gain": row(slow),
                    "beside PCA": row(slow - wide),
                }
            )
            print(corpus, rows[-1], flush=True)
        shared = {"texts": f"{corpus} ({wide.size} held out)"}
        keep("slow_coordinates", [shared | one for one in rows], ["texts"])


if __name__ == "__main__":
    typer.run(main)
