"""Surprise, what does not belong, and ranks, against conditioning in dense normal laws.

Data sets are of one shape, three texts of seven steps, so that little is compiled.
"""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.special import logsumexp, softmax
from scipy.stats import chi2, multivariate_normal

import sdebayes as sb
from sdebayes._core.errors import DataError, ModelError, StateSpaceError
from sdebayes.analysis import quality
from sdebayes.analysis.quality import examined
from tests.analysis.quality_truth import OTHER, TRUTH, stacked, texts
from tests.likelihood.test_conditional import dense_law, known_to

DRAWS = (TRUTH, OTHER)


@pytest.fixture(scope="module")
def posterior():
    return stacked(*DRAWS)


@pytest.fixture(scope="module")
def odd() -> xr.Dataset:
    """A text with gaps and unequal times, one of two steps, and one of one."""
    y = texts(3, 7, 1)["y"].values
    y[0, 2], y[0, 4, 1] = np.nan, np.nan
    times = [np.array([0.0, 0.5, 1.0, 4.0, 5.0, 9.0, 9.5]), np.arange(2.0), np.zeros(1)]
    return sb.trajectories([y[0], y[1, :2], y[2, :1]], t=times, names=["gaps", "two", "one"], min_steps=1)


def expected_of(data: xr.Dataset, row: int, k: int, given: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log density, tail probability and mean under each draw."""
    n = int(data["n_steps"][row])
    y, t = data["y"].values[row, :n], data["t"].values[row, :n]
    seen = np.isfinite(y)
    here = seen[k]
    found = []
    for dense in DRAWS:
        mean, S = dense_law(dense, t, k, known_to(given, seen, k), y)
        own = S[np.ix_(here, here)]
        residual = (y[k] - mean)[here]
        distance = residual @ np.linalg.solve(own, residual)
        density = multivariate_normal(mean[here], own).logpdf(y[k, here])
        found.append((density, chi2.sf(distance, here.sum()), mean))
    return tuple(map(np.array, zip(*found, strict=True)))


@pytest.mark.smoke
@pytest.mark.parametrize("two_sided", [True, False])
def test_surprise_is_that_of_the_dense_laws(posterior, odd, two_sided):
    found = quality.surprise(posterior, odd, two_sided)
    given = "others" if two_sided else "past"
    for row, k in ((0, 0), (0, 1), (0, 3), (0, 4), (0, 6), (1, 0), (1, 1), (2, 0)):
        density, tail, mean = expected_of(odd, row, k, given)
        alone = expected_of(odd, row, k, "nothing")[0]
        here = found.isel(trajectory=row, time=k)
        surprise = -logsumexp(density) + np.log(2)
        np.testing.assert_allclose(here["surprise"], surprise, rtol=1e-8)
        np.testing.assert_allclose(here["surprise_by_draw"], -density, rtol=1e-8)
        np.testing.assert_allclose(here["tail_probability"], tail.mean(), rtol=1e-8)
        np.testing.assert_allclose(here["expected"], mean.mean(0), rtol=1e-8)
        nothing_else = row == 2 or (k == 0 and not two_sided)
        information = np.nan if nothing_else else -surprise - logsumexp(alone) + np.log(2)
        np.testing.assert_allclose(here["information"], information, rtol=1e-7, atol=1e-9)
        by_draw = density - alone if not nothing_else else [np.nan] * 2
        np.testing.assert_allclose(here["information_by_draw"], by_draw, rtol=1e-7, atol=1e-9)
    assert np.isnan(found["surprise"].values[0, 2])
    assert np.isfinite(found["expected"].values[0, 2]).all()
    assert np.isnan(found["p_value"].values[1, 2:]).all()
    assert found["surprise"].attrs["units"] == "nat"
    assert "'one'" in found.attrs["caution"]
    xr.testing.assert_equal(found["p_value"], found["tail_probability"].drop_attrs())


def test_a_page_needs_no_law_of_steps_by_themselves(posterior, odd, monkeypatch):
    expected = quality.surprise(posterior, odd)
    monkeypatch.setattr(examined, "by_themselves", None)
    found = examined.steps_in_numbers(posterior, odd, True, None)
    assert "information" not in found
    for name in ("surprise", "tail_probability", "expected"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)


@pytest.mark.thorough
def test_p_values_rank_among_all_steps_of_held_out_documents(posterior):
    data, held_out = texts(3, 7, 2), texts(3, 7, 3)
    data["y"][0, 3] = np.nan
    for score, sign in (("information", -1), ("surprise", 1)):
        found = quality.surprise(posterior, data, calibration=held_out, score=score)
        before = sign * quality.surprise(posterior, held_out)[score].values.ravel()
        own = sign * found[score].values
        expected = (1 + (before >= own[..., None]).sum(-1)) / 22
        np.testing.assert_array_equal(found["p_value"], np.where(np.isfinite(own), expected, np.nan))
        assert found.attrs["calibration_documents"] == 3
        assert found.attrs["calibration_steps"] == 21
        assert found.attrs["calibration_score"] == score
    m = 6
    q = quality.surprise(posterior, data, two_sided=False)
    own = np.sort(q["p_value"].values[0][np.isfinite(q["p_value"].values[0])])
    adjusted = np.minimum.accumulate((own * m / np.arange(1, m + 1))[::-1])[::-1]
    own = q["q_value"].values[0]
    np.testing.assert_allclose(np.sort(own[np.isfinite(own)]), adjusted)


def test_what_does_not_belong_is_left_out_of_what_others_are_judged_by(posterior):
    data = texts(3, 7, 30)
    data["y"][1, 3] += 12.0
    found = quality.surprise(posterior, data, foreign=0.001)
    without = data.copy(deep=True)
    without["y"][1, 3] = np.nan
    p = quality.surprise(posterior, without, foreign=0.001)["p_value"].values[1]
    tail = expected_of(data, 1, 3, "others")[1].mean()
    np.testing.assert_allclose(
        found["q_value"].values[1], np.where(np.arange(7) == 3, 7 * tail, 1), rtol=1e-6
    )
    assert np.delete(p, 3).min() > 2 * np.delete(found["p_value"].values[1], 3).min()


def test_a_step_that_more_probably_belongs_is_not_found(posterior):
    data = texts(3, 7, 30)
    data["y"][1, 3] += 3.0
    found = quality.surprise(posterior, data)
    share = 1 / (1 + np.exp(-found["information"].values.min(1)[1]))
    for foreign, odd in ((0.9 * share, False), (1.1 * share, True)):
        q = quality.surprise(posterior, data, foreign=float(foreign))["q_value"].values[1]
        assert (q[found["information"].values[1].argmin()] < 1) == odd


def test_repeated_sentences_have_scores(posterior):
    y = texts(3, 7, 4)["y"].values
    data = sb.trajectories([np.tile(one[:1], (7, 1)) for one in y])
    found = quality.surprise(posterior, data, calibration=texts(3, 7, 5))
    assert np.isfinite(found["p_value"]).all()
    assert np.isfinite(found["q_value"]).all()


def test_steps_that_do_not_belong_are_listed_with_what_was_expected():
    corpus = sb.trajectories(np.random.default_rng(0).normal(size=(4, 9, 5)))
    corpus = corpus.rename(state="embedding").drop_vars("embedding")
    corpus["text"] = (("trajectory", "time"), np.arange(36).reshape(4, 9).astype(str).astype(object))
    space = sb.PCA(2).fit(corpus)
    states = space.transform(corpus)
    grid = ("trajectory", "time")
    q = np.full((4, 9), 0.5)
    q[1, 3], q[2, 8], q[0, 0] = 0.05, 0.01, np.nan
    expected = states["y"].values[::-1]
    found = xr.Dataset(
        {
            "q_value": (grid, q),
            "p_value": (grid, q / 9),
            "tail_probability": (grid, q / 9),
            "expected": ((*grid, "state"), expected),
            "text": states["text"],
        },
        {"trajectory": states["trajectory"], "t": states["t"], "state": states["state"]},
        {"calibration_steps": 10_000},
    )
    table = quality.misfits(found, 0.1, space=space, training=corpus, count=2)
    assert table["name"].values.tolist() == ["trajectory 3", "trajectory 2"]
    assert table["step"].values.tolist() == [8, 3]
    assert table["text"].values.tolist() == ["26", "12"]
    assert table["exemplar_text"].values[:, 0].tolist() == ["17", "21"]
    np.testing.assert_allclose(table["distance"].values[:, 0], 0, atol=1e-12)
    assert table.attrs["caution"] == ""
    few = quality.misfits(found.assign_attrs(calibration_steps=20), 0.1)
    assert "no p-value is below 0.048" in few.attrs["caution"]
    none = quality.misfits(found, 0.001, space=space, training=corpus)
    assert none.sizes["misfit"] == 0
    with pytest.raises(DataError, match="give both, or none"):
        quality.misfits(found, space=space)
    with pytest.raises(DataError, match=r"quality\.surprise"):
        quality.misfits(xr.Dataset())


def test_what_cannot_be_judged_is_refused_in_one_line(posterior):
    data = texts(3, 7, 6)
    with pytest.raises(DataError, match="among those that are judged by them"):
        quality.surprise(posterior, data, calibration=data.isel(trajectory=[1]))
    exact = sb.datasets.benchmark("ornstein_uhlenbeck", 5, 0.1)[1]
    with pytest.raises(ModelError, match="observes the states themselves"):
        quality.surprise(exact, sb.trajectories(data["y"].values))
    one_sided = quality.surprise(exact, data, two_sided=False)
    assert "information" not in one_sided
    assert np.isfinite(one_sided["p_value"]).all()
    with pytest.raises(ModelError, match="needs observation noise"):
        quality.surprise(exact, data, two_sided=False, score="information")


def continuation_scores(context: xr.Dataset, candidate: np.ndarray, gap: float) -> np.ndarray:
    """Log densities of a candidate given the context, and alone, under each draw, (2, draw)."""
    y = np.concatenate([context["y"].values[0], candidate])
    t = np.concatenate([context["t"].values[0], context["t"].values[0, -1] + gap + np.arange(len(candidate))])
    first = context.sizes["time"]
    blind = np.where(np.arange(len(y))[:, None] < first, np.nan, y)
    own = [dense.log_density(y, t) - dense.log_density(y[:first], t[:first]) for dense in DRAWS]
    return np.array([own, [dense.log_density(blind, t) for dense in DRAWS]])


@pytest.mark.smoke
@pytest.mark.parametrize("gap", [None, 2.5])
def test_ranks_are_those_of_the_dense_laws(posterior, gap):
    context = texts(1, 4, 7)
    values = [texts(1, n, 10 + n)["y"].values[0] for n in (3, 4)]
    values.append(values[0][:1])
    candidates = sb.trajectories(values, names=["a", "b", "c"], min_steps=1)
    found = quality.rank(posterior, context, candidates, gap=gap)
    terms = np.array([continuation_scores(context, one, gap or 1.0) for one in values])
    score = (logsumexp(terms, axis=-1) @ [1, -1]).astype(float)
    np.testing.assert_allclose(found["score"], score, rtol=1e-7)
    by_draw = (terms[:, 0] - terms[:, 1]).T
    np.testing.assert_allclose(found["score_by_draw"], by_draw, rtol=1e-7)
    np.testing.assert_allclose(found["probability"], softmax(score), rtol=1e-7)
    np.testing.assert_allclose(found["probability_by_draw"], softmax(by_draw, axis=1), rtol=1e-7)
    assert found["candidate"].values.tolist() == ["a", "b", "c"]
    assert found["n_observed"].values.tolist() == [3, 4, 1]


def test_a_context_of_one_step_and_candidates_of_one_step_have_ranks(posterior):
    y = texts(4, 3, 8)["y"].values
    context = sb.trajectories(y[:1, :1], min_steps=1)
    found = quality.rank(posterior, context, sb.trajectories(list(y[1:, :1]), min_steps=1))
    assert np.isfinite(found["score"]).all()
    assert float(found["probability"].sum()) == pytest.approx(1)


def test_ranks_that_cannot_be_are_refused_in_one_line(posterior):
    data = texts(3, 4, 9)
    context = data.isel(trajectory=[0])
    with pytest.raises(DataError, match="3 trajectories; give one"):
        quality.rank(posterior, data, data)
    with pytest.raises(DataError, match="1 candidate; give two"):
        quality.rank(posterior, context, context)
    with pytest.raises(StateSpaceError, match="different state spaces"):
        quality.rank(posterior, context, data.assign_attrs(space_hash="other"))
    with pytest.raises(StateSpaceError, match="texts have no place"):
        quality.rank(posterior, "One sentence.", ["Two.", "Three."])
    with pytest.raises(ModelError, match="needs a posterior with observation noise"):
        quality.rank(sb.datasets.benchmark("ornstein_uhlenbeck", 5, 0.1)[1], context, data)
