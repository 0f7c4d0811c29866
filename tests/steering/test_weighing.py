"""Fit and pull of candidates, against dense normal laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp, softmax
from scipy.stats import chi2, norm

import sdebayes as sb
from sdebayes.steering.proposals import with_aim
from sdebayes.steering.weighing import weigh
from tests.analysis.quality_truth import OTHER, TRUTH, stacked, texts
from tests.likelihood.test_conditional import dense_law

DRAWS = (TRUTH, OTHER)
AIM = np.array([[2.0, np.nan], [-1.0, 0.5]])
BEHIND = np.array([1.5, 4.5])
GAP = 1.0


@pytest.fixture(scope="module")
def posterior():
    return stacked(*DRAWS)


def led(count: int):
    """Candidates of one step with the aim behind them."""
    values = texts(count, 3, 8)["y"].values[:, :1]
    return with_aim(sb.trajectories(list(values), min_steps=1), AIM, BEHIND, GAP)


def densities(known: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """Log of (given, alone, behind, free) under each draw, (part, draw)."""
    n = len(known)
    t = np.concatenate([np.arange(n), [n - 1 + GAP] if n else [0.0], (n - 1 if n else -1) + GAP * BEHIND])
    y = np.concatenate([known, candidate[None], AIM])
    role = np.repeat([0, 1, 2], [n, 1, len(AIM)])[:, None]

    def of(dense, *kept: int) -> float:
        seen = np.where(np.isin(role, kept), y, np.nan)
        return float(dense.log_density(seen, t)) if np.isfinite(seen).any() else 0.0

    return np.array(
        [
            [of(dense, 0, 1) - of(dense, 0) for dense in DRAWS],
            [of(dense, 1) for dense in DRAWS],
            [of(dense, 0, 1, 2) - of(dense, 0, 1) for dense in DRAWS],
            [of(dense, 0, 2) - of(dense, 0) for dense in DRAWS],
        ]
    )


def tail(known: np.ndarray, candidate: np.ndarray | None) -> float:
    """How often all of the aim lies at least so far from its joint law given the rest, in the mean of the draws."""
    n = len(known)
    rest = known if candidate is None else np.concatenate([known, candidate[None]])
    last = n - 1 if n else -1
    here = [] if candidate is None else [last + GAP if n else 0.0]
    t = np.concatenate([np.arange(n), here, last + GAP * BEHIND])
    aim = np.flatnonzero(np.isfinite(AIM.ravel())) + rest.size
    found = []
    for dense in DRAWS:
        mean, covariance, read = dense.joint(t)
        mean, covariance = (
            read @ mean,
            read @ covariance @ read.T + np.kron(np.eye(len(t)), dense.R),
        )
        before = np.arange(rest.size)
        gain = covariance[np.ix_(aim, before)] @ np.linalg.pinv(covariance[np.ix_(before, before)])
        away = AIM.ravel()[aim - rest.size] - mean[aim] - gain @ (rest.ravel() - mean[before])
        S = covariance[np.ix_(aim, aim)] - gain @ covariance[np.ix_(before, aim)]
        found.append(chi2.sf(away @ np.linalg.solve(S, away), aim.size))
    return float(np.mean(found))


def log_mean(values: np.ndarray) -> np.ndarray:
    return logsumexp(values, axis=-1) - np.log(values.shape[-1])


@pytest.mark.smoke
@pytest.mark.parametrize("steps", [4, 0])
def test_fit_and_pull_are_those_of_the_dense_laws(posterior, steps):
    """Also of a text that has not begun."""
    context = texts(1, 4, 7) if steps else None
    candidates = led(2)
    found = weigh(posterior, np.arange(2), context, candidates, GAP, rows=3)
    known = context["y"].values[0] if steps else np.empty((0, 2))
    terms = np.array([densities(known, row[0]) for row in candidates["y"].values])
    given, alone, behind, free = np.moveaxis(terms, 1, 0)
    fit = log_mean(given) - log_mean(alone)
    score = log_mean(given + behind) - log_mean(alone) - log_mean(free)
    np.testing.assert_allclose(found.fit, fit, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found.score, score, rtol=1e-7)
    np.testing.assert_allclose(found.pull, score - fit, rtol=1e-6)
    by_draw = (given - alone + behind - free).T
    np.testing.assert_allclose(found.score_by_draw, by_draw, rtol=1e-7)
    np.testing.assert_allclose(found.probability, softmax(score), rtol=1e-7)
    np.testing.assert_allclose(found.probability_by_draw, softmax(by_draw, axis=1), rtol=1e-7)
    behind = [tail(known, row[0]) for row in candidates["y"].values]
    np.testing.assert_allclose(found.target_tail_probability, behind, rtol=1e-6)
    np.testing.assert_allclose(found.free_tail_probability, tail(known, None), rtol=1e-6)


def test_the_typical_candidate_is_the_one_of_middling_surprise(posterior):
    context, candidates = texts(1, 4, 7), led(3)
    known = context["y"].values[0]
    y = np.concatenate([known, known[:1]])
    seen = np.arange(5)[:, None] < np.full(2, 4)
    laws = [dense_law(dense, np.arange(5.0), 4, seen, y) for dense in DRAWS]
    mean, covariance = laws[0]
    values = candidates["y"].values.copy()
    for row, sd in enumerate((0.0, 1.2, 4.0)):
        values[row, 0] = mean + sd * np.sqrt(covariance[0, 0]) * np.array([1.0, 0.0])
    candidates["y"] = candidates["y"].dims, values
    found = weigh(posterior, np.arange(2), context, candidates, GAP, typical=True, rows=3)
    tails = []
    for mean, covariance in laws:
        away = values[:, 0] - mean
        tails.append(chi2.sf(np.einsum("ki,ij,kj->k", away, np.linalg.inv(covariance), away), 2))
    np.testing.assert_allclose(found.tail_probability, np.mean(tails, axis=0), rtol=1e-6)
    np.testing.assert_allclose(found.score, -0.5 * norm.isf(np.mean(tails, axis=0)) ** 2, rtol=1e-6)
    assert found.score.argmax() == 1
