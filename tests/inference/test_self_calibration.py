"""Simulation-based calibration of the strategies: truths from the prior have uniform ranks among posterior draws.

Data come from the law whose likelihood is fitted, so that the sampler alone is judged. The band holds all quantities of
a study together with 95 % probability; a study fails where uniform ranks would fail once in a hundred studies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

import sdebayes as sb
from sdebayes._core.errors import InferenceError

STRATEGY = sb.NUTS(draws=200, warmup=150, chains=2)


@dataclass(frozen=True)
class WithinBox(sb.NUTS):
    """Refuses data that leave the box of the process's functions, as no fit has: `sdebayes.fit` makes it around them.

    The data alone say it, so that ranks of the others stay uniform. Behind noise, chains do not mix on paths that run
    ten half-lengths away.
    """

    def run(self, problem, options):
        basis, seen = problem.model.drift.basis, np.asarray(problem.observations.seen)
        away = np.abs(np.asarray(problem.observations.values) - problem.model.frozen_scale.location)
        if np.any(np.where(seen, away, 0.0) > np.asarray(basis.half_length)):
            raise InferenceError("The data leave the box.")
        return super().run(problem, options)


STEPS = 60
STEP_SIZES = {"Linear": 0.2, "GP": 0.2, "BNN": 0.2, "Sparse": 0.1}
MOST_REFUSED = {
    "Sparse": 0.6,
    "GP × GaussianNoise": 0.75,
}  # of all; a cubic may point outwards, a path leave the box
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


def model(observation, drift=None, diffusion=None) -> sb.SDEModel:
    drift, diffusion = drift or sb.priors.Linear(), diffusion or sb.priors.Constant()
    return sb.SDEModel(drift, diffusion, observation=observation)


def design(states: int, trajectories: int, steps: int, dt: float, groups: int = 0):
    """Times of trajectories, of so many groups in turn."""
    values = np.random.default_rng(0).standard_normal((trajectories, steps, states))
    labels = [f"g{k * groups // trajectories}" for k in range(trajectories)] if groups else None
    return sb.trajectories(list(values), t=dt, groups=labels)


ALL_FULL = {"covariance": "full", "effect_covariance": "full", "trajectory_effect": True}
OWN_DRIFT, OWN_SIGMA = sb.priors.Linear(by_group=True), sb.priors.Constant(by_group=True)
TWO = sb.priors.Regimes(2, drift=sb.priors.Linear())
TWO_APART = replace(TWO, diffusion=sb.priors.Constant())
STRUCTURES = {
    "correlated noise": (model(sb.GaussianNoise(covariance="full")), design(2, 1, 60, 0.2)),
    "correlated noise and effect": (model(sb.GaussianNoise(**ALL_FULL)), design(2, 4, 20, 0.2)),
    "groups": (model(sb.Exact(), OWN_DRIFT, OWN_SIGMA), design(1, 4, 40, 0.2, 2)),
    "groups behind noise": (
        model(sb.GaussianNoise(by_group=True), OWN_DRIFT, OWN_SIGMA),
        design(1, 4, 30, 0.2, 2),
    ),
    "regimes": (model(sb.Exact(), TWO), design(1, 4, 40, 0.5)),
    "regimes behind noise": (model(sb.GaussianNoise(), TWO), design(1, 4, 30, 0.5)),
    "regimes of drift and Σ": (model(sb.Exact(), TWO_APART), design(1, 4, 40, 0.5)),
}


@pytest.mark.slow
@pytest.mark.parametrize("structure", STRUCTURES)
def test_ranks_are_uniform_where_noise_is_correlated_and_of_groups_and_regimes(structure):
    judge(structure, 0, sb.calibrate(*STRUCTURES[structure], STRATEGY, 200, draws=49, progress=False))


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
    within = drift == "GP" and observation == "GaussianNoise"
    found = study(drift, observation, 200, WithinBox(draws=800, warmup=400) if within else STRATEGY)
    title = f"{drift} × {observation}"
    judge(title, MOST_REFUSED.get(title, MOST_REFUSED.get(drift, 0)), found)


def judge(title: str, most_refused: float, found) -> None:
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
    known = (
        "simulated data are not finite",
        "with a finite density",
        "leave the box",
    )  # all say so of the data alone
    assert len(messages) <= 200 * most_refused
    assert [one for one in messages if not any(words in one for words in known)] == []
