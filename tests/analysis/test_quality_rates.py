"""Whether p-values are uniform and false discoveries as rare as promised, on texts of a known process."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdebayes.analysis import quality
from tests.analysis.quality_truth import TRUTH, stacked, texts, with_foreign

LEVELS = np.array([0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9])
SEEDS, STEPS, DOCUMENTS = 30, 24, 60


def mean_and_error(values: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return np.mean(values, 0), np.std(values, 0, ddof=1) / np.sqrt(len(values))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["the process itself", "a model that is wrong"])
@pytest.mark.parametrize("score", ["information", "surprise"])
def test_p_values_are_uniform_whatever_the_model(name, score):
    """Over new documents and new calibration documents each time, within four Monte-Carlo errors."""
    wrong = replace(TRUTH, R=np.diag([0.9, 0.1]), C=np.zeros((2, 2)), A=3 * TRUTH.A)
    model = stacked(TRUTH if name == "the process itself" else wrong)
    shares = []
    for seed in range(SEEDS):
        data, held_out = texts(DOCUMENTS, STEPS, 2 * seed), texts(DOCUMENTS, STEPS, 2 * seed + 1)
        p = quality.surprise(model, data, calibration=held_out, score=score)["p_value"].values
        shares.append((p[..., None] <= LEVELS).mean((0, 1)))
    found, error = mean_and_error(shares)
    print(f"{name}, {score}: P(p <= {LEVELS}) = {found.round(4)} +- {error.round(4)}")
    assert (np.abs(found - LEVELS) < 4 * error + 1 / (DOCUMENTS * STEPS)).all()


@pytest.mark.slow
def test_p_values_lie_in_the_bootstrap_band_of_documents():
    """In one data set, the share of small p-values beside its interval over documents of both sets."""
    inside = []
    for seed in range(SEEDS):
        data, held_out = texts(DOCUMENTS, STEPS, 2 * seed), texts(DOCUMENTS, STEPS, 2 * seed + 1)
        own, before = (
            -quality.surprise(stacked(TRUTH), one)["information"].values for one in (data, held_out)
        )
        rng = np.random.default_rng(seed)
        shares = []
        for _ in range(200):
            rows, known = (rng.integers(DOCUMENTS, size=DOCUMENTS) for _ in range(2))
            ordered = np.sort(before[known].ravel())
            p = 1 - np.searchsorted(ordered, own[rows].ravel(), side="left") / (ordered.size + 1)
            shares.append((p[:, None] <= LEVELS).mean(0))
        low, high = np.quantile(shares, [0.025, 0.975], axis=0)
        inside.append((low <= LEVELS) & (high >= LEVELS))
    found, _ = mean_and_error(inside)
    print(
        f"levels {LEVELS}: the 95 % band over documents holds them in {found.round(2)} of {SEEDS} data sets"
    )
    assert found.mean() > 0.85


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1, 3])
def test_false_discoveries_are_as_rare_as_promised(number):
    """Sentences of other texts among 24: share of false ones among those found, at a rate of one in ten."""
    model, far = stacked(TRUTH), np.array([3.0, 0.0])
    false, power = [], []
    for seed in range(SEEDS):
        others = texts(DOCUMENTS, STEPS, 3 * seed + 2)
        data, foreign = with_foreign(texts(DOCUMENTS, STEPS, 3 * seed), number, others, seed)
        moved = data["y"].values + np.where(foreign[..., None], far, 0)
        data = data.assign(y=(data["y"].dims, moved))
        held_out = texts(200, STEPS, 3 * seed + 1)
        found = quality.surprise(model, data, calibration=held_out)["q_value"].values <= 0.1
        false.append(((found & ~foreign).sum(1) / np.maximum(found.sum(1), 1)).mean())
        power.append((found & foreign).sum() / max(foreign.sum(), 1))
    (rate, error), (found_share, _) = mean_and_error(false), mean_and_error(power)
    print(f"{number} foreign: false discovery rate {rate:.4f} +- {error:.4f}, found {found_share:.3f}")
    assert rate - 3 * error < 0.1
    assert number == 0 or found_share > 0.5


@pytest.mark.slow
def test_probabilities_of_continuations_are_calibrated():
    """The true one among four, from its own text; the mean probability of the true one is its own expectation."""
    model, differences, hits = stacked(TRUTH), [], []
    for seed in range(300):
        data = texts(4, 14, seed)
        found = quality.rank(
            model,
            data.isel(trajectory=[0], time=slice(8)).assign(n_steps=("trajectory", [8])),
            data.isel(time=slice(8, None)).assign(n_steps=("trajectory", [6] * 4)),
        )
        p = found["probability"].values
        differences.append((p == p.max()).astype(float) @ (np.arange(4) == 0) - p.max())
        hits.append(p.argmax() == 0)
    found, error = mean_and_error(differences)
    print(f"best candidate right {np.mean(hits):.3f} less its probability: {found:+.4f} +- {error:.4f}")
    assert abs(found) < 4 * error
    assert np.mean(hits) > 0.35
