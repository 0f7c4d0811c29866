"""What intervals of differences between groups are worth: studies of many data sets, which print their numbers."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy.optimize import minimize

import sdebayes as sb
from sdebayes._core.ratio import wilson_interval
from sdebayes.analysis.contrast import contrast

STATES, TRAJECTORIES, STEPS = 2, 12, 100
STRATEGY = sb.Laplace(draws=1000)


def simulated(seed: int, groups: int, apart: float):
    """Draw OU processes of variance 1 whose groups differ in equilibrium and log time constant by so much (sd)."""
    rng = np.random.default_rng([seed, groups])
    level = apart * rng.standard_normal((groups, STATES))
    tau = 5 * np.exp(apart * rng.standard_normal((groups, STATES)))
    values, labels = [], []
    for group in range(groups):
        keep = np.exp(-1 / tau[group])
        for _ in range(TRAJECTORIES):
            x = [rng.standard_normal(STATES)]
            for _ in range(STEPS - 1):
                x.append(keep * x[-1] + np.sqrt(1 - keep**2) * rng.standard_normal(STATES))
            values.append(level[group] + np.array(x))
            labels.append(f"g{group}")
    return sb.trajectories(values, groups=labels), level, tau


@cache
def model(hidden: bool, groups: int) -> sb.SDEModel:
    """All by group: exactly observed, or with noise to learn, of which there is hardly any; scaled to one data set."""
    noise = sb.GaussianNoise(by_group=True) if hidden else sb.Exact()
    ours = sb.SDEModel(
        sb.priors.Linear(diagonal=True, by_group=True),
        sb.priors.Constant("diagonal", by_group=True),
        observation=noise,
    )
    return ours.scaled_to(simulated(10_000, groups, 0.3)[0])


def log_rates(source):
    """Log of each state's own rate, (sample, state): the time constants of independent states, in their order."""
    rates = np.diagonal(np.asarray(source.sde.drift.matrix), axis1=-2, axis2=-1)
    coords = {"sample": np.arange(len(rates)), "state": list(source.states)}
    return xr.DataArray(np.log(rates), coords, ("sample", "state"), "log_rate")


def intervals(seed: int, groups: int, apart: float, hidden: bool):
    """Return the 90 % intervals of all differences of one data set, and the true ones, (difference,) each."""
    data, level, tau = simulated(seed, groups, apart)
    posterior = sb.fit(model(hidden, groups), data, STRATEGY, seed=seed, progress=False)
    found, true = [], []
    for quantity, truth in (("equilibrium", level), (log_rates, -np.log(tau))):
        draws = contrast(posterior, quantity)
        name = next(iter(draws.data_vars))
        ends = sb.summarize(draws[[name]], prob=0.9)[name]
        names = [f"g{group}" for group in range(groups)]
        for pair in draws["contrast"].values:
            one = ends.sel(contrast=pair)
            first, second = (names.index(str(one[end].values)) for end in ("first", "second"))
            found.append(np.stack([one.sel(statistic=end).values for end in ("lower", "upper")], -1))
            true.append(truth[first] - truth[second])
    return np.concatenate(found), np.concatenate(true)


def study(seeds: range, groups: int, apart: float, hidden: bool) -> np.ndarray:
    """Share of the true differences that the intervals hold, (seed, quantity): equilibria and log rates apart."""
    shares = []
    for seed in seeds:
        ends, true = intervals(seed, groups, apart, hidden)
        inside = (ends[:, 0] <= true) & (true <= ends[:, 1])
        shares.append(inside.reshape(2, -1).mean(axis=1))
    return np.array(shares)


def said(shares: np.ndarray) -> str:
    error = shares.std(axis=0, ddof=1) / np.sqrt(len(shares))
    return ", ".join(
        f"{name} {mean:.3f} ± {one:.3f}"
        for name, mean, one in zip(("equilibria", "log rates"), shares.mean(axis=0), error, strict=True)
    )


def curvature_width(x: np.ndarray) -> float:
    """Standard deviation of the log rate of a stationary OU process by its likelihood's curvature, (document, time)."""

    def potential(place):
        level, log_rate, log_variance = place
        keep, variance, z = jnp.exp(-jnp.exp(log_rate)), jnp.exp(log_variance), x - level
        spread, apart = variance * (1 - keep**2), z[:, 1:] - keep * z[:, :-1]
        first = jnp.sum(z[:, 0] ** 2) / variance + len(x) * jnp.log(variance)
        return 0.5 * (jnp.sum(apart**2) / spread + apart.size * jnp.log(spread) + first)

    mode = minimize(jax.jit(jax.value_and_grad(potential)), [0.0, np.log(0.2), 0.0], jac=True).x
    return float(np.sqrt(np.linalg.inv(jax.hessian(potential)(mode))[1, 1]))


@pytest.mark.thorough
def test_laplace_is_as_wide_as_the_likelihood(x64):
    """Where data know each group well, its log rate has the width that its own likelihood alone gives it."""
    data, _, _ = simulated(0, 3, 0.0)
    posterior = sb.fit(model(False, 3), data, STRATEGY, seed=0, progress=False)
    widths = np.log(posterior.data["posterior"]["drift_rate"]).std(("chain", "draw"))
    for group in posterior.groups:
        x = data["y"].values[data["group"].values == group]
        found = [curvature_width(x[..., state]) for state in range(STATES)]
        np.testing.assert_allclose(widths.sel(group=group), found, rtol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("groups", [2, 3, 10])
@pytest.mark.parametrize("hidden", [False, True], ids=["exact", "noise"])
def test_differences_are_recovered(groups, hidden):
    """Groups differ by 0.3: 90 % intervals hold 90 % of the differences, averaged over each of 100 data sets."""
    shares = study(range(100), groups, 0.3, hidden)
    print(f"{groups} groups, {'noise' if hidden else 'exact'}: coverage of 90 % intervals: {said(shares)}")
    for column in shares.T:
        lower, upper = wilson_interval(column.mean(), len(column), 0.99)
        assert lower < 0.93
        assert upper > 0.87


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [False, True], ids=["exact", "noise"])
def test_no_difference_is_declared_in_about_a_tenth(hidden):
    """Of 400 data sets whose groups are the same, 10 ± 3 % of 90 % intervals leave 0 out, pooling included."""
    shares = 1 - study(range(400), 3, 0.0, hidden)
    print(f"no difference, {'noise' if hidden else 'exact'}: declared: {said(shares)}")
    assert np.all(abs(shares.mean(axis=0) - 0.1) <= 0.03)
