"""A slow study: the limit cycle that a Gaussian process finds in a noisy Van der Pol oscillator."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import sdebayes as sb
from sdebayes.analysis.phase_space import limit_cycles
from sdebayes.dynamics import SDE, ConstantDiffusion, ParametricDrift

NOISE, STEP, STEPS, DRAWS = 0.5, 0.05, 2000, 20
STARTS = np.array([[2.0, 2.0], [-2.0, -2.0]])


def _drift(x, t, p):
    return jnp.stack([x[1], (1 - x[0] ** 2) * x[1] - x[0]])


@pytest.mark.slow
def test_the_cycle_of_a_fitted_gaussian_process_has_the_period_of_the_true_one():
    truth = SDE(ParametricDrift(_drift, {}), ConstantDiffusion(NOISE * jnp.eye(2)))
    times = STEP * np.arange(STEPS + 200)
    path = sb.simulate(truth, times, [2.0, 0.0], 1, seed=0, substeps=20)["x"].values[0, :, 200:]
    data = sb.trajectories(path, t=STEP * np.arange(STEPS))
    model = sb.SDEModel(
        drift=sb.priors.GP(),
        diffusion=sb.priors.Constant(),
        scheme=sb.schemes.EulerMaruyama(),
        observation=sb.Exact(),
    )
    posterior = sb.fit(model, data, sb.Marginal(draws=60, warmup=150, chains=1), seed=0)
    found, known = (
        limit_cycles(source, STARTS, samples) for source, samples in ((posterior, DRAWS), (truth, 1))
    )
    true_period = float(known["period"][0, 0])
    periods = found["period"].where(found["stable"]).values
    low, middle, high = np.nanquantile(periods, [0.025, 0.5, 0.975])
    exists = float(found["exists"].mean())
    print(
        f"period {middle:.3f} [{low:.3f}, {high:.3f}], true {true_period:.3f}, in {exists:.0%} of {DRAWS} draws"
    )
    assert exists > 0.9
    assert low < true_period < high
    assert high - low < 0.3 * true_period
