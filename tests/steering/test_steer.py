"""A text that is written step by step, towards a place or not."""

from __future__ import annotations

import re
from importlib import import_module

import numpy as np
import pytest

import sdebayes as sb
from sdebayes._core.errors import (
    ArgumentError,
    DataError,
    ModelError,
    StateSpaceError,
    SteeringError,
    UnlikelyTargetWarning,
)
from tests.steering.places import PLACE, UNIT, Places, proposing, sentence, states_at, steered


@pytest.mark.smoke
def test_a_text_is_written_of_the_first_steps_that_fit_best(posterior):
    log = steered(posterior, proposing(0))
    assert log["candidates"].shape == (4, 6)
    assert "And more" not in log.attrs["text"]
    assert log.attrs["text"] == " ".join([sentence(np.zeros(2)), *log["text"].values])
    np.testing.assert_array_equal(log["chosen"], log["fit"].argmax("candidate"))
    np.testing.assert_allclose(log["pull"], 0, atol=1e-9)
    np.testing.assert_allclose(log["probability"].sum("candidate"), 1)
    best = log["score_by_draw"].argmax("candidate") == log["chosen"]
    np.testing.assert_allclose(log["agreement"], best.mean("sample"))
    same = steered(posterior, proposing(0))
    assert same.attrs["text"] == log.attrs["text"]


def test_fits_are_ranks(posterior):
    log = steered(posterior, proposing(1), steps=2)
    context = " ".join([sentence(np.zeros(2)), str(log["text"].values[0])])
    candidates = {str(name): text for name, text in enumerate(log["candidates"].values[1])}
    found = sb.analysis.quality.rank(posterior, context, candidates, encoder=Places())
    np.testing.assert_allclose(log["fit"][1], found["score"], rtol=1e-6)


@pytest.mark.thorough
def test_a_target_is_come_to_and_the_end_pulls_most(posterior):
    """In the mean of six texts; a sentence names the place as its state does."""
    place = np.array([1.9, -1.4])
    target = states_at(posterior, place)
    far = []
    for goal in (None, target):
        logs = [steered(posterior, proposing(seed), goal) for seed in range(6)]
        ends = [np.array(PLACE.search(str(log["text"].values[-1])).groups(), float) / UNIT for log in logs]
        far.append(np.linalg.norm(np.array(ends) - place, axis=1))
    nearer = far[0] - far[1]
    assert nearer.mean() > 2 * nearer.std(ddof=1) / np.sqrt(6)
    spread = np.mean([log["pull"].std("candidate") for log in logs], axis=0)
    assert spread[-1] > 1.5 * spread[0]
    named = steered(posterior, proposing(0), [sentence(place)])
    np.testing.assert_allclose(named["score"], logs[0]["score"], rtol=1e-4)


def test_a_path_is_followed_and_the_same_place_at_its_end_is_a_place(posterior):
    place = states_at(posterior, np.array([1.0, 1.0]))
    path = np.full((4, 2), np.nan)
    path[-1] = place
    one, other = (steered(posterior, proposing(5), target) for target in (place, path))
    np.testing.assert_allclose(one["score"], other["score"])
    path[:] = place
    held = steered(posterior, proposing(5), path)
    assert np.abs(held["pull"][0]).max() > np.abs(one["pull"][0]).max()


def test_how_far_the_target_is_stands_in_the_log(posterior):
    path = np.full((4, 2), np.nan)
    path[1], path[3, 0] = states_at(posterior, np.array([1.0, 1.0])), 0.5
    log = steered(posterior, proposing(5), path)
    np.testing.assert_array_equal(log["target"], path)
    for step, ahead, known in ((0, 1, [0, 1]), (1, 1, [0, 1]), (2, 3, [0]), (3, 3, [0])):
        away = log["y"].values[step][:, known] - path[ahead, known]
        np.testing.assert_allclose(log["distance"][step], np.sqrt((away**2).sum(axis=1)))
    assert ((log["target_tail_probability"] > 0) & (log["target_tail_probability"] < 1)).all()
    assert ((log["free_tail_probability"] > 0) & (log["free_tail_probability"] < 1)).all()
    short = path.copy()
    short[2:] = np.nan
    reached = steered(posterior, proposing(5), short, steps=4)
    assert np.isnan(reached["distance"][2:]).all()
    assert np.isnan(reached["target_tail_probability"][2:]).all()
    free = steered(posterior, proposing(5), steps=1)
    assert np.isnan(free["distance"]).all()


def test_a_target_that_cannot_be_come_to_is_said_so(posterior):
    far = states_at(posterior, np.array([40.0, 40.0]))
    with pytest.warns(UnlikelyTargetWarning) as said:
        log = steered(posterior, proposing(5), far)
    assert "the target is unlikely: of what texts come to that go on freely, 0 lies" in str(said[0].message)
    assert len(said) == 2
    assert "ends away from the target: of what may follow it," in str(said[1].message)
    assert log["free_tail_probability"][0] < 0.01
    assert log["target_tail_probability"][-1, int(log["chosen"][-1])] < 0.01

    def far_off(text, n):
        return [sentence(np.array([-4.0, 4.0 + 0.1 * one])) for one in range(n)]

    near = states_at(posterior, np.array([1.5, -1.5]))
    with pytest.warns(UnlikelyTargetWarning, match="ends away from the target") as said:
        steered(posterior, far_off, near)
    assert len(said) == 1


def test_typical_surprise_is_neither_high_nor_low(posterior):
    logs = [steered(posterior, proposing(seed), "typical") for seed in range(5)]
    chosen = np.array([log["tail_probability"].isel(candidate=log["chosen"]).values for log in logs])
    offered = np.array([log["tail_probability"].values for log in logs])
    assert np.abs(chosen - 0.5).max() <= np.abs(offered - 0.5).min(axis=-1).max()


@pytest.mark.thorough
def test_a_draw_goes_by_the_probabilities(posterior):
    """Of 24 choices as many are the likeliest candidate as its probabilities say, within three standard errors."""
    log = steered(posterior, proposing(3), steps=24, candidates=3, choice="draw", samples=5)
    likeliest = log["probability"].max("candidate").values
    hits = (log["chosen"] == log["probability"].argmax("candidate")).values
    assert abs(hits.sum() - likeliest.sum()) < 3 * np.sqrt((likeliest * (1 - likeliest)).sum())
    assert 0 < hits.mean() < 1
    other = steered(posterior, proposing(3), steps=3, candidates=3, choice="draw", samples=5, seed=1)
    assert not log.attrs["text"].startswith(other.attrs["text"])


def test_fewer_blank_and_repeated_candidates_are_left_out(posterior):
    def generate(text, n):
        own = proposing(len(text))(text, 3)
        return [own[0], own[0], " ", own[1]] if text.count("It is") < 3 else own[:1]

    log = steered(posterior, generate, steps=3)
    np.testing.assert_array_equal(log["offered"], [2, 2, 1])
    np.testing.assert_array_equal(log["left_out"], [2, 2, 0])
    assert log["candidates"].values[2].tolist()[1:] == [""]
    assert np.isnan(log["score"].values[2, 1])


def test_what_the_encoder_has_no_vector_of_is_left_out(posterior, monkeypatch):
    """As of a single token, which hidden states leave out: without a vector nothing would speak against it."""
    proposals = import_module("sdebayes.steering.proposals")
    read = proposals.states_of

    def reading(*given):
        found = read(*given)
        return found.assign(y=found["y"].where(found["text"] != sentence(np.ones(2))))

    monkeypatch.setattr(proposals, "states_of", reading)
    several = [sentence(np.full(2, x)) for x in (1.0, 30.0)]
    log = steered(posterior, lambda text, n: several, steps=1)
    assert log["candidates"].values.tolist() == [several[1:]]
    assert log["left_out"].item() == 1
    with pytest.raises(
        SteeringError, match=r"no vector of what generate returned at step 1 of 4, 'It is at 1000"
    ):
        steered(posterior, lambda text, n: several[:1])


def test_a_text_may_begin_with_nothing(posterior):
    log = steered(posterior, proposing(2), states_at(posterior, np.ones(2)), context="")
    np.testing.assert_allclose(log["fit"][0], 0, atol=1e-9)
    assert log.attrs["text"].startswith("It is")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda text, n: 1 / 0, "generate failed at step 3 of 4: ZeroDivisionError"),
        (lambda text, n: [], "no candidate at step 3 of 4"),
        (lambda text, n: ["", " "], "no text at step 3 of 4; of 2 candidates all are blank"),
        (lambda text, n: "one text", "returned str at step 3 of 4; expected a list of 6 texts"),
    ],
)
def test_the_log_is_kept_where_no_candidate_comes(posterior, broken, message):
    def generate(text, n):
        return (proposing(0) if text.count("It is") < 3 else broken)(text, n)

    with pytest.raises(SteeringError, match=re.escape(message)) as caught:
        steered(posterior, generate)
    assert caught.value.log.sizes["step"] == 2
    with pytest.raises(SteeringError) as caught:
        steered(posterior, broken)
    assert caught.value.log is None


def test_what_is_no_target_is_refused_in_one_line(posterior):
    with pytest.raises(ArgumentError, match="'typical', a place"):
        steered(posterior, proposing(0), "usual")
    with pytest.raises(DataError, match=r"shape \(3,\); expected \(2,\), a place to reach, or \(4, 2\)"):
        steered(posterior, proposing(0), np.zeros(3))
    with pytest.raises(DataError, match="no finite value"):
        steered(posterior, proposing(0), np.full(2, np.nan))
    other = sb.trajectories(np.zeros((1, 3, 2)) + np.arange(3)[:, None]).assign_attrs(space_hash="another")
    with pytest.raises(StateSpaceError, match="state space another"):
        steered(posterior, proposing(0), other)
    with pytest.raises(ArgumentError, match="generate"):
        steered(posterior, "no function")
    arrays = sb.datasets.benchmark("ornstein_uhlenbeck", 5, 0.1)[1]
    with pytest.raises(StateSpaceError):
        sb.steer(proposing(0), arrays, context="A text.", encoder=Places())


def test_steps_that_share_sentences_are_refused(posterior, monkeypatch):
    monkeypatch.setitem(posterior.data.attrs, "warning", "neighbours share sentences")
    with pytest.raises(ModelError, match=r"cannot be chosen one by one \(neighbours share"):
        steered(posterior, proposing(0))
