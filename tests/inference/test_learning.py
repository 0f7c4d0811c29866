"""What the data told of a quantity: findings that are quiet on a narrow posterior and speak on a wide one."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.linalg import expm, solve_continuous_lyapunov

import sdebayes as sb
from sdebayes.inference.learning import learned_finding, time_constant_finding

STATES = ["PC1", "PC2"]
STEP, DURATION = 0.1, 10.0


def draws(middles, spreads, dim="state", labels=STATES) -> xr.DataArray:
    """Log-normal draws, (chain, draw, component)."""
    normal = np.random.default_rng(0).normal(size=(2, 500, len(middles)))
    values = np.exp(np.log(middles) + np.array(spreads) * normal)
    return xr.DataArray(values, {dim: labels}, ("chain", "draw", dim))


PRIOR = draws([1.0, 1.0], [2.0, 2.0])


def judged(*spreads):
    return learned_finding("Noise", "the noise variance", draws([1.0, 0.1], spreads), PRIOR, "Give it.")


def test_narrow_posteriors_are_learned():
    finding = judged(0.05, 0.3)
    assert finding.severity == "good"
    assert not finding.advice
    assert finding.values["largest_factor"] == pytest.approx(np.exp(0.3 * 2 * 1.645), rel=0.1)


def test_an_order_of_magnitude_is_not_known():
    """Narrower than the prior by half, and no number to use."""
    finding = judged(0.05, 1.0)
    assert finding.severity == "warning"
    assert "PC2" in finding.message
    assert "PC1" not in finding.message
    assert finding.advice == "Give it."


@pytest.mark.parametrize(("spread", "severity"), [(0.5, "warning"), (0.2, "good")])
def test_a_posterior_as_wide_as_the_prior_is_not_learned(spread, severity):
    """Unless the prior knew already: then it is an answer that the user gave."""
    same = draws([1.0, 1.0], [spread, spread])
    assert learned_finding("Noise", "the noise variance", same, same, "").severity == severity


def test_a_known_quantity_has_no_width_to_compare():
    known = draws([1.0, 1.0], [0.0, 0.0])
    assert learned_finding("Noise", "the noise variance", known, known, "").severity == "good"


def constants(slow, fast, spread=0.2):
    modes = {"dim": "mode", "labels": [1, 2]}
    prior = draws([1.0, 1.0], [2.0, 2.0], **modes)
    return time_constant_finding(draws([slow, fast], [spread, spread], **modes), prior, STEP, DURATION)


def test_time_constants_between_a_step_and_a_trajectory_are_learned():
    assert constants(3.0, 1.0).severity == "good"


@pytest.mark.parametrize(
    ("slow", "fast", "spread", "words"),
    [
        (3.0, 0.05, 0.2, "below one step"),
        (9.0, 1.0, 0.5, "beyond a trajectory"),
        (1.0, 0.5, 1.0, "mode"),
    ],
)
def test_time_constants_that_the_data_cannot_show(slow, fast, spread, words):
    finding = constants(slow, fast, spread)
    assert finding.severity == "warning"
    assert words in finding.message
    assert "Do not read" in finding.advice


def test_a_slow_mode_that_many_trajectories_tell_is_learned():
    assert constants(12.0, 1.0, 0.1).severity == "good"


def seen(drift: np.ndarray, sigma: np.ndarray) -> xr.Dataset:
    """A stationary linear process in two states, behind a twentieth of noise, at steps of .1."""
    stationary = solve_continuous_lyapunov(drift, sigma)
    keep, spread = expm(-0.1 * drift), np.sqrt(np.diag(stationary))
    push = np.linalg.cholesky(stationary - keep @ stationary @ keep.T)
    rng, paths = np.random.default_rng(0), []
    for _ in range(3):
        x = [spread * rng.normal(size=2)]
        for _ in range(250):
            x.append(keep @ x[-1] + push @ rng.normal(size=2))
        paths.append(np.array(x) + 0.05 * spread * rng.normal(size=(251, 2)))
    return sb.trajectories(paths, t=0.1)


PENDULUM = np.array([[0.0, -1.0], [9.0, 0.4]]), np.diag([0.0, 2 * 0.4 * 9.0])
TURNING = np.array([[0.5, -0.4], [0.4, 0.5]]), np.eye(2)


@pytest.mark.thorough
@pytest.mark.parametrize(("process", "least", "most"), [(PENDULUM, 0.35, 0.6), (TURNING, 0.6, 1.5)])
def test_by_default_the_damping_of_a_pendulum_is_found(process, least, most):
    """Normal tails of rotation had 1.4 in the place of a pendulum's .4."""
    model = sb.SDEModel(observation=sb.GaussianNoise())
    posterior = sb.fit(model, seen(*process), sb.Laplace(draws=200), progress=False)
    matrix = posterior.data["posterior"]["drift_matrix"].values
    assert least < np.median(np.trace(matrix, axis1=-2, axis2=-1)) < most
