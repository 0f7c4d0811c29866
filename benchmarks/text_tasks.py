"""What is a model of texts good for? Its continuation, a sentence that is not its own, and its order.

Texts are all State of the Union addresses, cut after 32 sentences, or after 12; a quarter is held out. A wide model has
independent states, Ornstein–Uhlenbeck processes behind noise with an offset of each speech, by Laplace; in the one that
is called alike they share all but their middles, on the scale of the embedding. Cosines are
centred on the mean of all training sentences, or not.

- Continuation: given the first half of a held-out speech, its second half is to be found among it and those of seven
  others, drawn 50 times; by log p(context, candidate) − log p(context) − log p(candidate), or the cosine of the means.
- Foreign sentence: in ten copies of each speech a sentence of another stands in the place of one. How often does it
  score above one of the speech's own (AUC), and above all? By the information that all others have of it, its surprise
  among them, or the cosine with the mean of those around it.
- Order: how often does the true order score above a changed one? By log p, or the mean cosine of neighbours.

Baselines beside cosines are those of text_baselines.py. 240 texts of 12 sentences are the first and second dozens of
training speeches. In brackets the 95 % interval of a bootstrap over held-out speeches; beside the best baseline the
bootstrap is of pairs.

Run: .uv/bin/uv run python benchmarks/text_tasks.py
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from foreign_sentence import Changed, by_cosines, by_model, with_foreign_sentences
from foreign_sentence import found as found_foreign
from record import keep
from text_baselines import baselines, halves, of_order

import sdebayes as sb

CANDIDATES, SETS, RESAMPLES, SHUFFLES = 8, 50, 2000, 5
STRATEGY = sb.Laplace(draws=100)
SPACES: dict[str, Any] = {
    "PCA(8)": sb.PCA(8),
    "PCA(32)": sb.PCA(32),
    "PCA(64)": sb.PCA(64),
    "TICA(64, components=64)": sb.TICA(64, components=64),
    "PCA(128), alike": sb.PCA(128, common_scale=True),
}
ALIKE = {"covariance": "isotropic", "effect_covariance": "isotropic", "path_covariance": "isotropic"}


class Task(NamedTuple):
    """How long the texts are, how many there are to learn from, and which models learn."""

    sentences: int
    training: int | None
    spaces: tuple[str, ...]


TASKS = (
    Task(32, None, tuple(SPACES)),
    Task(12, 240, ("PCA(64)", "TICA(64, components=64)", "PCA(128), alike")),
    Task(12, 75, ("PCA(8)", "PCA(64)", "PCA(128), alike")),
    Task(12, 20, ("PCA(8)", "PCA(64)", "PCA(128), alike")),
)


@cache
def texts(sentences: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Return embeddings of training and held-out speeches, cut."""
    store = Path(gettempdir()) / "sdebayes-text-models"
    corpus = sb.datasets.load_sotu(sentences=32)
    data = sb.embed(corpus, sb.SentenceEncoder(), cache=store, min_steps=32)
    train, test = sb.split(data, test=0.25, seed=0)
    return cut(train, 0, sentences), cut(test, 0, sentences)


def cut(data: xr.Dataset, first: int, sentences: int) -> xr.Dataset:
    """Return so many sentences of each text, from one on."""
    part = data.isel(time=slice(first, first + sentences)).assign(n_steps=data["n_steps"] * 0 + sentences)
    return part.assign(t=part["t"] - part["t"].isel(time=0)).assign_coords(time=np.arange(sentences))


def learned_from(task: Task, train: xr.Dataset) -> xr.Dataset:
    """Return as many training texts as a task has, from further on in the speeches where these are fewer."""
    if task.training is None:
        return train
    if task.training > train.sizes["trajectory"]:
        more = cut(texts(32)[0], task.sentences, task.sentences)
        more = more.assign_coords(trajectory=[f"{name}, later" for name in more["trajectory"].values])
        train = xr.concat(
            [train, more], "trajectory", data_vars="minimal", coords="minimal", compat="override"
        )
    return sb.split(train, test=train.sizes["trajectory"] - task.training, seed=1)[0]


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


def wide_model(alike: bool) -> sb.SDEModel:
    """Return a model of independent states."""
    return sb.SDEModel(
        sb.priors.Linear(diagonal=True),
        sb.priors.Constant("isotropic" if alike else "diagonal"),
        observation=sb.GaussianNoise(trajectory_effect=True, **(ALIKE if alike else {})),
    )


def spread_over(scores: dict[str, np.ndarray]) -> list[dict[str, str]]:
    """Put the share of each scorer beside that of the best without a model, as rows."""
    simple = [name for name in scores if not name.startswith("wide model")]
    best = max(simple, key=lambda name: scores[name].mean())
    return [
        {"scorer": name, "found": interval(own)}
        | ({} if name == best else {"beside the best baseline": interval(own - scores[best], "+")})
        for name, own in scores.items()
    ]


def asked_of_baselines(
    train: xr.Dataset, test: xr.Dataset, changed: Changed
) -> dict[str, dict[str, np.ndarray]]:
    """Return what cosines and other baselines find in each task, by text."""
    middle = train["y"].mean(["trajectory", "time"]).values
    tasks: dict[str, dict[str, np.ndarray]] = {
        "continuation": {"cosine of means": found(cosines(test, 0.0))},
        "foreign sentence, AUC": {},
        "foreign sentence, first of all": {},
    }
    tasks["continuation"]["cosine of means, centred"] = found(cosines(test, middle))
    for name, scores in by_cosines(changed, middle).items():
        in_tasks(tasks, name, scores, changed)
    for name, one in baselines(train).items():
        tasks["continuation"][name] = found(one.continuation(test))
        in_tasks(tasks, name, one.foreign(changed.texts), changed)
        for task, right in (of_order(one.text, test, SHUFFLES) if hasattr(one, "text") else {}).items():
            tasks[task] = tasks.get(task, {}) | {name: right}
    return tasks


def in_tasks(
    tasks: dict[str, dict[str, np.ndarray]], name: str, scores: np.ndarray, changed: Changed
) -> None:
    """Say how often a scorer finds the foreign sentence."""
    for task, share in zip(
        ("foreign sentence, AUC", "foreign sentence, first of all"),
        found_foreign(scores, changed),
        strict=True,
    ):
        tasks[task][name] = share


def asked_of_model(
    posterior: sb.Posterior, space: sb.StateSpace, name: str, test: xr.Dataset, changed: Changed
) -> dict[str, dict[str, np.ndarray]]:
    """Return what a model finds in each task, by text, and cosines of neighbours where order is asked for."""
    tasks: dict[str, dict[str, np.ndarray]] = {
        "foreign sentence, AUC": {},
        "foreign sentence, first of all": {},
    }
    tasks["continuation"] = {name: found(log_ratios(posterior, space.transform(test)))}
    for score, values in by_model(posterior, changed._replace(texts=space.transform(changed.texts))).items():
        in_tasks(tasks, f"{name}, {score}", values, changed)
    order = sb.analysis.quality.order_tasks(posterior, test, shuffles=SHUFFLES)
    for task in order["task"].values:
        right = order["right"].sel(task=task)
        tasks[str(task)] = {
            str(one).replace("cosine", "cosine of neighbours").replace("model", name): right.sel(
                scorer=one
            ).values
            for one in right["scorer"].values[::-1]
        }
    return tasks


def main() -> None:
    for task in TASKS:
        train, test = texts(task.sentences)
        train = learned_from(task, train)
        changed = with_foreign_sentences(test)
        tasks = asked_of_baselines(train, test, changed)
        for name in task.spaces:
            space = SPACES[name].fit(train)
            posterior = sb.fit(wide_model("alike" in name), space.transform(train), STRATEGY, seed=0)
            for asked, scores in asked_of_model(
                posterior, space, f"wide model, {name}", test, changed
            ).items():
                tasks[asked] = tasks.get(asked, {}) | scores
            print(
                task,
                name,
                {asked: {k: v.mean().round(2) for k, v in s.items()} for asked, s in tasks.items()},
            )
        texts_of = f"{train.sizes['trajectory']} texts of {task.sentences} sentences"
        rows = [
            {"task": asked, "learned from": texts_of} | row
            for asked, scores in tasks.items()
            for row in spread_over(scores)
        ]
        keep("text_tasks", rows, ["task", "learned from"])


if __name__ == "__main__":
    main()
