"""Simulation-based calibration of the strategies: truths from the prior have uniform ranks among posterior draws.

Data come from the law whose likelihood is fitted, so that the sampler alone is judged. The band holds all quantities of
a study together with 95 % probability; a study fails where uniform ranks would fail once in a hundred studies.
"""

from __future__ import annotations

import numpy as np
import pytest

import sdebayes as sb

STEPS = 60
STEP_SIZES = {"Linear": 0.2, "GP": 0.1, "BNN": 0.1}  # of fields, one prior draw in fifteen runs away
DRIFTS = {
    "Linear": sb.priors.Linear(),
    "GP": sb.priors.GP(basis=sb.priors.HSGP(functions=6)),
    "BNN": sb.priors.BNN(hidden=(4,)),
}
OBSERVATIONS = {"Exact": sb.Exact(), "GaussianNoise": sb.GaussianNoise()}


def study(drift: str, observation: str, n: int, strategy: sb.NUTS, **arguments):
    design, _ = sb.datasets.benchmark("ornstein_uhlenbeck_1d", STEPS, STEP_SIZES[drift], seed=0)
    model = sb.SDEModel(DRIFTS[drift], sb.priors.Constant(), observation=OBSERVATIONS[observation])
    return sb.calibrate(model, design, strategy, n, draws=49, progress=False, **arguments)


def test_ranks_of_a_gaussian_process_are_uniform():
    found = study("GP", "Exact", 64, sb.NUTS(draws=100, warmup=75, chains=1))
    assert float(found["overall_p_value"]) > 0.01
    assert only_exploded(found, 8)


def only_exploded(found, most: int) -> bool:
    """Whether few data sets failed, and those before any fit: a prior draw whose data are not finite."""
    messages = found["message"].values[found["failed"].values]
    return len(messages) <= most and all("drawn from the prior are not finite" in one for one in messages)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("drift", "observation"),
    [
        ("Linear", "Exact"),
        ("GP", "Exact"),
        ("BNN", "Exact"),
        ("Linear", "GaussianNoise"),
        ("GP", "GaussianNoise"),
    ],
)
def test_ranks_are_uniform(drift, observation):
    found = study(drift, observation, 200, sb.NUTS(draws=200, warmup=150, chains=2))
    worst = str(found["quantity"].values[int(found["p_value"].values.argmin())])
    covered = found["coverage"].sel(nominal=0.9)
    print(
        f"{drift} × {observation}: overall p {float(found['overall_p_value']):.3f}, worst {worst}, "
        f"share of band {float(found['share_of_band'].max()):.2f}, 90 % intervals cover "
        f"{float(covered.min()):.3f} to {float(covered.max()):.3f} ± {np.sqrt(0.09 / 200):.3f}, "
        f"{int(found['failed'].sum())} failed"
    )
    assert float(found["overall_p_value"]) > 0.01
    assert only_exploded(found, 25)
