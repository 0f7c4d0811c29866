"""Simulation-based calibration of the strategies: truths from the prior have uniform ranks among posterior draws.

Data come from the law whose likelihood is fitted, so that the sampler alone is judged. The band holds all quantities of
a study together with 95 % probability; a study fails where uniform ranks would fail once in a hundred studies.
"""

from __future__ import annotations

import numpy as np
import pytest

import sdebayes as sb

STEPS = 60
STEP_SIZES = {"Linear": 0.2, "GP": 0.2, "BNN": 0.2, "Sparse": 0.1}
MOST_EXPLODED = {"Linear": 0, "GP": 0, "BNN": 0, "Sparse": 0.6}  # of all; a cubic may point outwards
DRIFTS = {
    "Linear": sb.priors.Linear(),
    "GP": sb.priors.GP(basis=sb.priors.HSGP(functions=6)),
    "BNN": sb.priors.BNN(hidden=(4,)),
    "Sparse": sb.priors.Sparse(selection=sb.priors.Horseshoe()),
}
WORDS = sb.VarianceFunction("words", log=True, degree=2)
OBSERVATIONS = {
    "Exact": sb.Exact(),
    "GaussianNoise": sb.GaussianNoise(),
    "StudentTNoise": sb.StudentTNoise(),
    "noise that varies": sb.GaussianNoise(variance_function=WORDS),
    "noise about a level": sb.GaussianNoise(),
}
LEVELS = {"noise about a level": (sb.Level("words"), sb.Level("t", knots=1))}


def study(drift: str, observation: str, n: int, strategy: sb.NUTS, **arguments):
    design, _ = sb.datasets.benchmark("ornstein_uhlenbeck_1d", STEPS, STEP_SIZES[drift], seed=0)
    words = np.random.default_rng(0).integers(1, 60, size=design["t"].shape)
    design = design.assign(words=(design["t"].dims, words))
    parts = {"observation": OBSERVATIONS[observation], "level": LEVELS.get(observation, ())}
    model = sb.SDEModel(DRIFTS[drift], sb.priors.Constant(), **parts)
    return sb.calibrate(model, design, strategy, n, draws=49, progress=False, **arguments)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("drift", "observation"),
    [
        ("Linear", "Exact"),
        ("GP", "Exact"),
        ("BNN", "Exact"),
        ("Linear", "GaussianNoise"),
        ("Linear", "StudentTNoise"),
        ("Linear", "noise that varies"),
        ("Linear", "noise about a level"),
        ("GP", "GaussianNoise"),
        ("BNN", "GaussianNoise"),
        ("Sparse", "Exact"),
        ("Sparse", "GaussianNoise"),
    ],
)
def test_ranks_are_uniform(drift, observation):
    found = study(drift, observation, 200, sb.NUTS(draws=200, warmup=150, chains=2))
    judge(f"{drift} × {observation}", drift, found)


def judge(title: str, drift: str, found) -> None:
    worst = str(found["quantity"].values[int(found["p_value"].values.argmin())])
    covered = found["coverage"].sel(nominal=0.9)
    fitted = int((~found["failed"]).sum())
    print(
        f"{title}: overall p {float(found['overall_p_value']):.3f}, worst {worst}, "
        f"share of band {float(found['share_of_band'].max()):.2f}, 90 % intervals cover "
        f"{float(covered.min()):.3f} to {float(covered.max()):.3f} ± {np.sqrt(0.09 / fitted):.3f}, "
        f"{200 - fitted} failed"
    )
    assert float(found["overall_p_value"]) > 0.01
    messages = found["message"].values[found["failed"].values]
    known = "simulated data are not finite", "with a finite density"  # both say so of the data alone
    assert len(messages) <= 200 * MOST_EXPLODED[drift]
    assert [one for one in messages if not any(words in one for words in known)] == []
