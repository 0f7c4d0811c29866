"""The guiding drift, against dense normal laws, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest

import sdebayes as sb
from sdebayes._core.errors import ArgumentError, DataError, StateSpaceError
from tests.likelihood.dense import Dense
from tests.steering.places import Places, sentence, states_at

CONTEXT = " ".join(sentence(np.array(one)) for one in ([0.2, 0.1], [0.5, -0.3], [0.1, 0.4]))


def expected_signal(dense: Dense, y: np.ndarray, t: np.ndarray, k: int) -> np.ndarray:
    """E[X(t_k) + c | what is seen], of the joint normal of signal and noise."""
    mean, covariance, read = dense.joint(t)
    mean, covariance = read @ mean, read @ covariance @ read.T
    seen, own = np.flatnonzero(np.isfinite(y.ravel())), slice(2 * k, 2 * k + 2)
    observed = (covariance + np.kron(np.eye(len(t)), dense.R))[np.ix_(seen, seen)]
    return mean[own] + covariance[own, seen] @ np.linalg.solve(observed, y.ravel()[seen] - mean[seen])


def test_it_is_the_difference_of_expectations_in_every_draw(posterior):
    target = states_at(posterior, np.array([1.5, -1.0]))
    found = sb.guiding_drift(posterior, target, CONTEXT, steps=4, encoder=Places())
    known = posterior.space.transform(sb.embed([CONTEXT], Places(), cache=False))["y"].values[0, :3]
    free = np.concatenate([known, np.full((2, 2), np.nan)])
    led, t = free.copy(), np.array([0.0, 1.0, 2.0, 3.0, 2.0 + 4.5])
    led[-1] = target
    for sample in (0, 7):
        dense = Dense.of(posterior.observed_sde(), sample)
        u = expected_signal(dense, led, t, 3) - expected_signal(dense, free, t, 3)
        np.testing.assert_allclose(found["drift"][sample], u, rtol=1e-5, atol=1e-8)
    moved = known[0] + found["drift"].mean("sample").values
    both = posterior.space.inverse_transform(np.stack([known[0], moved]))
    np.testing.assert_allclose(found["vector"], both[1] - both[0], atol=1e-10)
    assert found["drift"].attrs["units"] == "state"


def test_it_grows_towards_the_end_and_turns_with_the_target(posterior):
    place = np.array([1.5, -1.0])
    late, early = (
        sb.guiding_drift(posterior, [sentence(place)], CONTEXT, steps=steps, encoder=Places())["drift"]
        for steps in (1, 12)
    )
    assert (np.linalg.norm(late.mean("sample")) > 2 * np.linalg.norm(early.mean("sample"))).all()
    other = sb.guiding_drift(posterior, states_at(posterior, -place), CONTEXT, steps=1, encoder=Places())
    assert (late.mean("sample") @ other["drift"].mean("sample")).item() < 0


def test_what_has_no_place_is_refused(posterior):
    with pytest.raises(ArgumentError, match="no place; give one, a path"):
        sb.guiding_drift(posterior, "typical", CONTEXT, encoder=Places())
    with pytest.raises(DataError, match=r"shape \(3,\)"):
        sb.guiding_drift(posterior, np.zeros(3), CONTEXT, encoder=Places())
    with pytest.raises(DataError, match="context"):
        sb.guiding_drift(posterior, np.zeros(2), 3)


def test_arrays_have_no_embeddings(posterior, monkeypatch):
    monkeypatch.setitem(posterior.__dict__, "space", None)
    with pytest.raises(StateSpaceError, match="fitted to arrays"):
        sb.guiding_drift(posterior, np.zeros(2), CONTEXT, encoder=Places())
