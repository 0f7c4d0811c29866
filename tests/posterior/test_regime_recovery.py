"""What intervals about regimes are worth, and whether their number is found: studies that print their numbers."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import linear_sum_assignment

import sdebayes as sb
from sdebayes._core.ratio import wilson_interval

TRAJECTORIES, STEPS, DWELL = 10, 60, 15.0
APART, NOISE = 2.0, 0.5
TIME_CONSTANT = 0.5
"""With 2 steps levels so near are one slower process: two regimes gain .001 to .003 nats a step on held-out data."""

STRATEGY = sb.NUTS(draws=200, warmup=150)
FOR_SCORES = sb.Laplace(draws=400)
"""Its intervals are too narrow here, and its scores near enough."""
MOST = 3


def simulated(seed: int, n: int, hidden: bool) -> xr.Dataset:
    """Draw from the model: OU processes of variance 1 whose levels lie two standard deviations apart."""
    rng = np.random.default_rng([seed, n])
    keep = np.exp(-1 / TIME_CONSTANT)
    stay = 1 / n + (1 - 1 / n) * np.exp(-n / (n - 1) / DWELL)  # of a chain with equal rates, over a step
    values = []
    for _ in range(TRAJECTORIES):
        z = int(rng.integers(n))
        x = [APART * z + rng.standard_normal()]
        for _ in range(STEPS - 1):
            x.append(APART * z + keep * (x[-1] - APART * z) + np.sqrt(1 - keep**2) * rng.standard_normal())
            z = z if rng.random() < stay else int(rng.choice([k for k in range(n) if k != z]))
        values.append(np.array(x)[:, None] + hidden * NOISE * rng.standard_normal((STEPS, 1)))
    return sb.trajectories(values)


@cache
def model(n: int, fitted: int, hidden: bool) -> sb.SDEModel:
    """So many regimes, or one SDE, scaled to one data set of so many."""
    part = sb.priors.Linear()
    drift = part if fitted == 1 else sb.priors.Regimes(fitted, drift=part)
    observation = sb.GaussianNoise() if hidden else sb.Exact()
    return sb.SDEModel(drift, observation=observation).scaled_to(simulated(10_000, n, hidden))


def shares(seed: int, n: int, hidden: bool) -> list[float]:
    """Share of levels, log rates and dwell times that 90 % intervals hold, regimes matched by their level."""
    posterior = sb.fit(model(n, n, hidden), simulated(seed, n, hidden), STRATEGY, seed=seed, progress=False)
    found = posterior.data["posterior"].to_dataset().stack(sample=("chain", "draw"))
    level = found["equilibrium"].squeeze("state").transpose("sample", "regime").values
    rate = found["drift_matrix"].squeeze(("state", "state_bis")).transpose("sample", "regime").values
    dwell = found["dwell_time"].transpose("sample", "regime").values
    truth = APART * np.arange(n)
    _, own = linear_sum_assignment(np.abs(truth[:, None] - np.median(level, axis=0)))
    held = []
    for draws, true in ((level, truth), (rate, 1 / TIME_CONSTANT), (dwell, DWELL)):
        low, high = np.quantile(draws[:, own], [0.05, 0.95], axis=0)
        held.append(float(np.mean((low <= true) & (true <= high))))
    return held


def chosen(seed: int, n: int, hidden: bool) -> int:
    """Choose the number of regimes: the least that is not worse on held-out data than the best by a standard error."""
    data, new = simulated(seed, n, hidden), simulated(seed + 50_000, n, hidden)
    fits = {
        str(k): sb.fit(model(n, k, hidden), data, FOR_SCORES, seed=seed, progress=False)
        for k in range(1, MOST + 1)
    }
    table = sb.compare(fits, new, nulls=False, baseline="1")
    near = (table["difference_to_best"] + table["standard_error_to_best"]).values >= 0
    return int(table["candidate"].values[np.argmax(near)])


def said(held: np.ndarray) -> str:
    error = held.std(axis=0, ddof=1) / np.sqrt(len(held))
    names = ("levels", "rates", "dwell times")
    return ", ".join(
        f"{name} {m:.3f} ± {e:.3f}" for name, m, e in zip(names, held.mean(0), error, strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("hidden", [False, True], ids=["observed", "noise"])
def test_regimes_are_recovered(n, hidden):
    """90 % intervals hold the truth in about 90 % of regimes, averaged over each of 100 data sets."""
    held = np.array([shares(seed, n, hidden) for seed in range(100)])
    print(f"{n} regimes, {'noise' if hidden else 'observed'}: coverage of 90 % intervals: {said(held)}")
    for column in held.T:
        lower, upper = wilson_interval(column.mean(), len(column), 0.99)
        assert lower < 0.93
        assert upper > 0.87


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [False, True], ids=["observed", "noise"])
def test_the_number_of_regimes_is_found(hidden):
    """Where regimes differ by two standard deviations, in at least 80 % of data sets."""
    found = np.array([chosen(seed, 2, hidden) for seed in range(50)])
    right = np.mean(found == 2)
    print(
        f"{'noise' if hidden else 'observed'}: 2 regimes chosen in {right:.2f} of {len(found)} data sets: {found}"
    )
    assert right >= 0.8
