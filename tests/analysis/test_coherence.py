"""Place, level and order of trajectories, and changed orders, against other routes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr
from scipy.special import logsumexp

import sdebayes as sb
from sdebayes._core.errors import DataError
from sdebayes.analysis import quality
from tests.analysis.quality_truth import OTHER, TRUTH, stacked, texts


@pytest.fixture(scope="module")
def training():
    data = texts(12, 10, 100)
    return data.assign(y=data["y"] + 0.2 * data["t"])


@pytest.fixture(scope="module")
def fitted(training) -> sb.Posterior:
    model = sb.SDEModel(
        sb.priors.Linear(diagonal=True),
        sb.priors.Constant("diagonal"),
        observation=sb.GaussianNoise(trajectory_effect=True),
        level=sb.Level("t"),
    )
    return sb.fit(model, training, sb.Laplace(draws=30), seed=0, progress=False)


@pytest.mark.thorough
def test_parts_are_differences_of_log_scores_and_add_up(fitted, training):
    data = texts(5, 10, 101)
    data = data.assign(y=data["y"] + 0.2 * data["t"])
    found = quality.coherence(fitted, data)
    np.testing.assert_allclose(found["place"] + found["level"] + found["order"], found["total"], rtol=1e-12)
    level = [fitted.smooth(one)["level"].mean("sample").values for one in (training, data)]
    about_training, about = (
        one.assign(y=(one["y"].dims, one["y"].values - away))
        for one, away in zip((training, data), level, strict=True)
    )
    iid, effect = sb.nulls.IID(), sb.nulls.IIDDocumentEffect()
    scores = [
        iid.fit(training).log_score(data),
        iid.fit(about_training).log_score(about),
        effect.fit(about_training).log_score(about),
        fitted.log_score(data),
    ]
    parts = np.diff([one.values for one in scores], axis=0) / 10
    for name, part in zip(("place", "level", "order"), parts, strict=True):
        np.testing.assert_allclose(found[name], part, rtol=1e-6, atol=1e-8)
    assert float(found["place"].mean()) > 0
    with pytest.raises(DataError, match="give training="):
        quality.coherence(stacked(TRUTH), data)


def test_a_known_process_without_a_level_has_no_place(training):
    data = texts(3, 10, 102)
    found = quality.coherence(stacked(TRUTH, OTHER), data, training=texts(6, 10, 103))
    np.testing.assert_array_equal(found["place"], 0)
    own = [
        [dense.log_density(y, t) for y, t in zip(data["y"].values, data["t"].values, strict=True)]
        for dense in (TRUTH, OTHER)
    ]
    null = sb.nulls.IID().fit(texts(6, 10, 103)).log_score(data)
    expected = (logsumexp(own, axis=0) - np.log(2) - null.values) / 10
    np.testing.assert_allclose(found["total"], expected, rtol=1e-7)


@pytest.mark.thorough
def test_true_orders_are_compared_with_changed_ones():
    data = texts(4, 9, 104)
    found = quality.order_tasks(stacked(TRUTH), data, seed=3, shuffles=2)
    middle = np.nanmean(data["y"].values, axis=(0, 1))

    def cosine(y: np.ndarray) -> float:
        return float(
            np.mean([a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in itertools.pairwise(y)])
        )

    scorers = {
        "model": lambda y: TRUTH.log_density(y, np.arange(9.0)),
        "cosine": cosine,
        "cosine, centred": lambda y: cosine(y - middle),
    }
    changes = {
        "steps shuffled": [sb.data.shuffle(data, 3 + n) for n in range(2)],
        "neighbours swapped": [sb.data.shuffle(data, 3 + n, neighbours=True) for n in range(2)],
        "reversed": [sb.data.shuffle(data, 3, reverse=True)],
    }
    for task, others in changes.items():
        for name, score in scorers.items():
            own = np.array([score(y) for y in data["y"].values])
            changed = np.array([[score(y) for y in one["y"].values] for one in others])
            gain = np.round(own - changed, 9)
            right = ((gain > 0) + 0.5 * (gain == 0)).mean(0)
            assert task != "reversed" or name == "model" or (right == 0.5).all()
            chosen = found.sel(task=task, scorer=name)
            np.testing.assert_allclose(chosen["right"], right)
            assert float(chosen["accuracy"]) == pytest.approx(right.mean())
            assert float(chosen["lower"]) <= right.mean() <= float(chosen["upper"])
    assert found["count"].values.tolist() == [4] * 5
    with pytest.raises(DataError, match="long enough for 'blocks of 5 shuffled'"):
        quality.order_tasks(stacked(TRUTH), texts(3, 5, 105))


@pytest.mark.thorough
def test_orders_are_judged_by_as_many_draws_as_asked_for():
    data = texts(4, 9, 104)
    first, second, both = (stacked(*which) for which in ((TRUTH,), (OTHER,), (TRUTH, OTHER)))
    found = {
        name: quality.order_tasks(one, data, seed=3, shuffles=2)
        for name, one in (("1", first), ("2", second))
    }
    assert not found["1"]["right"].equals(found["2"]["right"])
    one = quality.order_tasks(both, data, seed=3, shuffles=2, samples=1)
    xr.testing.assert_equal(one, found["1"])
