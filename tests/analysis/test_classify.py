"""Two groups told apart by likelihood ratios that add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy.stats import norm

import sdebayes as sb
from sdebayes._core.errors import DataError
from sdebayes.analysis import quality
from sdebayes.analysis.quality.area import auc, interval
from sdebayes.analysis.quality.classify import PARTS, _labelled
from sdebayes.data.shuffling import shuffle_within
from tests.analysis.quality_truth import TRUTH, texts

MODEL = sb.SDEModel(
    sb.priors.Linear(diagonal=True),
    sb.priors.Constant("diagonal"),
    observation=sb.GaussianNoise(trajectory_effect=True),
)


@pytest.fixture(scope="module")
def groups() -> dict[str, xr.Dataset]:
    """One group lies elsewhere, and its texts are longer."""
    there = texts(6, 12, 201)
    return {"here": texts(6, 8, 200), "there": there.assign(y=there["y"] + 1.5)}


@pytest.mark.thorough
def test_parts_add_up_and_place_tells_groups_apart(groups):
    found = quality.classify(groups, MODEL, sb.Laplace(draws=30), folds=2, seed=0, shuffles=2)
    ratio = found["log_ratio"]
    parts = ratio.sel(part=["place", "level", "order"]).sum("part")
    np.testing.assert_allclose(parts, ratio.sel(part="total"), rtol=1e-9, atol=1e-9)
    steps = ratio.sel(part="length")
    np.testing.assert_array_equal(steps, [8] * 6 + [12] * 6)
    np.testing.assert_allclose(ratio.sel(part="total per step") * steps, ratio.sel(part="total"))
    own = found["group"].values == "here"
    for part in found["part"].values:
        shares = []
        for fold in (0, 1):
            here = found["fold"].values == fold
            a, b = (ratio.sel(part=part).values[chosen & here] for chosen in (own, ~own))
            assert len(a) == len(b) == 3
            shares.append(np.mean([(x > y) + 0.5 * (x == y) for x in a for y in b]))
        assert float(found["auc"].sel(part=part)) == pytest.approx(np.mean(shares))
    assert float(found["auc"].sel(part="length")) == 0
    assert float(found["auc"].sel(part="place")) > 0.8
    assert (found["lower"] <= found["auc"]).all()
    assert (found["auc"] <= found["upper"]).all()
    null = found["auc_shuffled"]
    assert null.sizes == {"replicate": 2, "part": 6}
    assert not np.allclose(null[0], null[1])
    np.testing.assert_allclose(found["p_value"], (1 + (null >= found["auc"]).sum("replicate")) / 3)
    assert float(found["p_value"].sel(part="place")) == pytest.approx(1 / 3)
    assert float(found["p_value"].sel(part="length")) == 1


def test_ties_count_one_half():
    np.testing.assert_array_equal(auc(np.array([[1.0], [2.0]]), np.array([[1.0], [3.0]])), [0.375])


def test_groups_that_cannot_be_compared_are_refused(groups):
    with pytest.raises(DataError, match="got 1; give two"):
        quality.classify({"here": groups["here"]}, MODEL)
    with pytest.raises(DataError, match="6 documents, fewer than two in each of 4 folds"):
        quality.classify(groups, MODEL, folds=4)
    other = groups["there"].assign_attrs(space_hash="other")
    with pytest.raises(DataError, match="different state spaces"):
        quality.classify(groups | {"there": other}, MODEL)


def test_parts_below_one_half_are_named():
    scores = np.tile(np.arange(20.0)[:, None], len(PARTS))
    scores[:, 1] *= -1
    scores[0, 2] = np.nan
    ratios = {"a": scores[10:], "b": scores[:10]}
    fold = {name: np.arange(10) % 2 for name in ratios}
    data = {"a": texts(10, 4, 1), "b": texts(10, 4, 2)}
    found = _labelled(data, ratios, fold, np.zeros((0, 6)), 0.9)
    assert found["auc"].sel(part=["place", "level"]).values.tolist() == [1, 0]
    assert "level." in found.attrs["caution"]
    assert not any(part in found.attrs["caution"] for part in ("place", "order", "total"))
    assert found[["auc", "lower", "upper"]].sel(part="order").to_array().isnull().all()
    ratios["a"], ratios["b"] = ratios["a"][:, [0] * len(PARTS)], ratios["b"][:, [0] * len(PARTS)]
    assert _labelled(data, ratios, fold, np.zeros((0, 6)), 0.9).attrs["caution"] == ""


NONE = np.zeros(0)


def test_intervals_hold_the_share_of_normal_scores():
    """Also where one group is nearly always above: shares of scores a distance apart are known exactly."""
    generator = np.random.default_rng(0)
    for apart in (0.0, 1.0, 2.0):
        true = norm.cdf(apart / np.sqrt(2))
        scores = generator.normal(size=(2, 2000, 8, 1)) + np.array([apart, 0.0])[:, None, None, None]
        shares = [round(float(auc(a, b)[0]), 9) for a, b in zip(*scores, strict=True)]
        ends = {share: interval(share, 8, 8, 0.9, NONE) for share in set(shares)}
        held = np.mean([ends[share][0] <= true <= ends[share][1] for share in shares])
        assert 0.87 < held < 0.95
    assert interval(1.0, 3, 3, 0.9, NONE)[0] < 0.7
    assert interval(0.5, 8, 8, 0.9, NONE)[0] == pytest.approx(1 - interval(0.5, 8, 8, 0.9, NONE)[1])


def test_intervals_are_as_wide_as_groups_by_lot_scatter():
    """Areas that scatter half, or twice, as far as those of one fold are held at the rate that the interval says."""
    generator = np.random.default_rng(0)
    plain = np.sqrt((8 + 8 + 1) / (12 * 8 * 8))
    for size in (0.5, 2.0):
        areas = np.clip(0.5 + size * plain * generator.normal(size=(500, 13)), 0, 1)
        ends = np.array([interval(float(one[0]), 8, 8, 0.9, one[1:]) for one in areas])
        assert 0.86 < np.mean((ends[:, 0] <= 0.5) & (ends[:, 1] >= 0.5)) < 0.94
    areas[0, 1:] = np.nan
    assert interval(0.6, 8, 8, 0.9, areas[0, 1:]) == interval(0.6, 8, 8, 0.9, NONE)


def by_lot(seed: int) -> dict[str, xr.Dataset]:
    data = texts(24, 10, 300 + seed)
    return {"a": data.isel(trajectory=slice(0, 12)), "b": data.isel(trajectory=slice(12, None))}


@pytest.mark.slow
@pytest.mark.parametrize("folds", [2, 4])
def test_groups_by_lot_are_not_told_apart(folds):
    """Of each part 90 ± 3 % of intervals hold one half; each area by lot is asked beside all others of its data set."""
    frozen = MODEL.scaled_to(texts(200, 10, 299))
    size, held = 12 // folds, []
    for seed in range(40):
        found = quality.classify(
            by_lot(seed), frozen, sb.Laplace(draws=20), folds=folds, seed=seed, prob=0.9, shuffles=20
        )
        areas = np.vstack([found["auc"], found["auc_shuffled"]])[:, :5]
        own = []
        for place in range(len(areas)):
            others = np.delete(areas, place, axis=0).T
            ends = [
                interval(float(one), size, size, 0.9, null)
                for one, null in zip(areas[place], others, strict=True)
            ]
            own.append([low <= 0.5 <= high for low, high in ends])
        assert own[0] == ((found["lower"] <= 0.5) & (found["upper"] >= 0.5)).values[:5].tolist()
        held.append(np.mean(own, 0))
    share, error = np.mean(held, 0), np.std(held, 0) / np.sqrt(len(held))
    print(
        f"{folds} folds: the 90 % interval holds one half in {share.round(3)} +- {error.round(3)} of data sets"
    )
    assert (abs(share - 0.9) < 0.03).all()


def pair(differ: str, seed: int) -> dict[str, xr.Dataset]:
    """Two groups of 24 texts that differ in these parts."""
    truth = replace(TRUTH, C=8 * TRUTH.C) if "level" in differ else TRUTH
    other = texts(24, 12, 5000 + seed, truth)
    if "order" in differ:
        other = shuffle_within(other, seed)
    return {"a": texts(24, 12, 6000 + seed), "b": other.assign(y=other["y"] + 0.8 * ("place" in differ))}


@pytest.mark.slow
@pytest.mark.parametrize("differ", ["nothing", "place", "level", "order", "place, level", "level, order"])
def test_parts_tell_groups_apart_where_they_differ_and_nowhere_else(differ):
    """The mean area of a part that the groups share is one half, that of another above, within Monte-Carlo error."""
    areas = np.array(
        [
            quality.classify(pair(differ, seed), MODEL, sb.Laplace(draws=30), seed=seed, shuffles=0)[
                "auc"
            ].values[:4]
            for seed in range(25)
        ]
    )
    share, error = areas.mean(0), areas.std(0) / np.sqrt(len(areas))
    print(f"{differ} differs: areas of place, level, order, total {share.round(3)} +- {error.round(3)}")
    for place, part in enumerate(PARTS[:3]):
        if part in differ:
            assert share[place] > 0.5 + 4 * error[place]
        else:
            assert abs(share[place] - 0.5) < 4 * error[place]
