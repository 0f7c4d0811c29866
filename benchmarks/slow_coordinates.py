"""Do slow coordinates tell more of order than wide ones? Nats per held-out sentence that a model gains over iid steps.

Texts are those of text_models.py. States are principal components (PCA), or the slowest time-lagged independent
components of so many principal components (TICA); "chosen" has the number of the largest cross-validated VAMP-2 score.
The model is an Ornstein–Uhlenbeck process behind noise with correlations and an offset of each speech, by Laplace, and
its gain is over independent steps with an offset of each speech in the same states, which no linear map of the states
changes. ± is a standard error over held-out speeches, paired where it is beside PCA.

Run: .uv/bin/uv run python benchmarks/slow_coordinates.py (or with numbers of states).
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import typer
from record import keep
from text_models import CORPORA, FULL, STRATEGY, embedded

import sdebayes as sb

COMPONENTS = (16, 32, 64, 128)


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
    states: Annotated[list[int] | None, typer.Argument(help="Numbers of states; by default 8 and 2.")] = None,
    corpora: Annotated[int, typer.Option(help="How many of the corpora.")] = len(CORPORA),
) -> None:
    for corpus in list(CORPORA)[:corpora]:
        train, test = embedded(corpus)
        for n in states or (8, 2):
            wide = gain(sb.PCA(n).fit(train), train, test)
            rows = [{"states": f"PCA({n})", "VAMP-2": "", "gain": row(wide), "beside PCA": ""}]
            score = sb.TICA(n).score(train)["vamp2"].mean("fold")
            for number in COMPONENTS:
                slow = gain(sb.TICA(n, components=number).fit(train), train, test)
                chosen = ", chosen" * (number == int(score.idxmax()))
                rows.append(
                    {
                        "states": f"TICA({n}, components={number}){chosen}",
                        "VAMP-2": f"{float(score.sel(components=number)):.3f}",
                        "gain": row(slow),
                        "beside PCA": row(slow - wide),
                    }
                )
                print(corpus, rows[-1], flush=True)
            shared = {"texts": f"{corpus} ({wide.size} held out)", "n": n}
            keep("slow_coordinates", [shared | one for one in rows], ["texts", "n"])


if __name__ == "__main__":
    typer.run(main)
