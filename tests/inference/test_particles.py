"""Gaussian filters corrected by particles: against quadrature in one state, and what is refused."""

from __future__ import annotations

from typing import Any

import arviz_stats as az
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr
from numpyro.handlers import seed, substitute

import sdebayes as sb
from sdebayes._core.errors import NotStoredWarning
from sdebayes._core.tracing import one_at_a_time
from sdebayes.inference.particles import chain_weights

STEPS, DT, DIFFUSION, NOISE, START = 30, 0.5, 0.6, 0.3, 0.7
STRATEGY = sb.ParticleCorrection(sb.NUTS(draws=400, warmup=200), particles=200, paths=200)
QUICK = sb.ParticleCorrection(sb.NUTS(draws=40, warmup=200, chains=1), particles=200)


def well(x: Any, t: Any, p: dict[str, Any]) -> Any:
    """A drift with two wells where a > ½."""
    return p["a"] * jnp.tanh(2 * x) - x


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    """Two short paths with long gaps, in which they may change wells."""
    generator = np.random.default_rng(4)
    x, paths = np.array([START, -START]), []
    for _ in range(STEPS):
        paths.append(x + np.sqrt(NOISE) * generator.standard_normal(2))
        x = x + DT * (1.2 * np.tanh(2 * x) - x) + np.sqrt(DIFFUSION * DT) * generator.standard_normal(2)
    values = np.stack(paths, 1)
    values[:, np.arange(STEPS) % 3 != 0] = np.nan
    return sb.trajectories(values[..., None], t=DT * np.arange(STEPS))


@pytest.fixture(scope="module")
def model() -> sb.SDEModel:
    return sb.SDEModel(
        sb.priors.Parametric(well, {"a": dist.Normal(1.0, 1.0)}),
        sb.priors.Fixed(sb.dynamics.ConstantDiffusion(jnp.sqrt(DIFFUSION) * jnp.eye(1))),
        sb.schemes.EulerMaruyama(),
        sb.GaussianNoise(covariance=NOISE, filter=sb.UnscentedKalman()),
        initial=(np.zeros(1), np.eye(1)),
    )


@pytest.fixture(scope="module")
def posterior(model: sb.SDEModel, data: xr.Dataset) -> sb.Posterior:
    return sb.fit(model, data, STRATEGY, seed=0, progress=False)


def by_quadrature(data: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return values of a, their posterior probabilities, and the mean of the first path given each, on a grid of x."""
    values = data["y"].values[..., 0]
    grid = np.linspace(-4, 4, 401)
    width = grid[1] - grid[0]
    candidates = np.linspace(-2.5, 4.5, 71)

    def normal(x: np.ndarray, variance: float) -> np.ndarray:
        return np.exp(-(x**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)

    log_density, means = [], []
    for a in candidates:
        kernel = width * normal(grid - (grid + DT * (a * np.tanh(2 * grid) - grid))[:, None], DIFFUSION * DT)
        total = -0.5 * (a - 1) ** 2
        for number, y in enumerate(values):
            looks = [normal(v - grid, NOISE) if np.isfinite(v) else np.ones_like(grid) for v in y]
            ahead = [normal(grid, 1.0)]
            for look in looks[:-1]:
                ahead.append((ahead[-1] * look) @ kernel)
            back = [looks[-1]]
            for look in looks[-2::-1]:
                back.append(look * (kernel @ back[-1]))
            both = np.array(ahead) * np.array(back[::-1])
            total += np.log(width * both[0].sum())
            if number == 0:
                means.append(both @ grid / both.sum(1))
        log_density.append(total)
    weights = np.exp(np.array(log_density) - max(log_density))
    return candidates, weights / weights.sum(), np.array(means)


def filters_own_mean(model: sb.SDEModel, data: xr.Dataset, candidates: np.ndarray) -> float:
    """Return the posterior mean of a under the Gaussian filter's density, on the same grid."""
    ready = model.scaled_to(data)
    read, build = ready.read(data), ready.build

    @jax.jit
    @jax.vmap
    def log_density(a: Any) -> Any:
        observed = one_at_a_time(substitute(seed(build, jax.random.key(0)), data={"a": a}))()
        return ready.likelihood.log_density(observed, read).sum()

    log_weight = np.asarray(log_density(jnp.asarray(candidates))) - 0.5 * (candidates - 1) ** 2
    return float(np.average(candidates, weights=np.exp(log_weight - log_weight.max())))


@pytest.mark.slow
def test_corrected_draws_are_those_of_the_exact_posterior(
    posterior: sb.Posterior, model: sb.SDEModel, data: xr.Dataset
) -> None:
    """The Gaussian filter alone is off; the corrected draws have the mean and sd of a quadrature, and the path's."""
    a, weights, path = by_quadrature(data)
    mean = a @ weights
    sd = np.sqrt((a - mean) ** 2 @ weights)
    found = posterior.data["posterior"].to_dataset()[["a"]]
    effective = float(az.ess(found)["a"])
    assert effective > 150
    assert abs(float(found["a"].mean()) - mean) < 4 * sd / np.sqrt(effective)
    assert abs(float(found["a"].std()) / sd - 1) < 4 / np.sqrt(2 * effective)
    assert abs(filters_own_mean(model, data, a) - mean) > 8 * sd / np.sqrt(effective)
    x = posterior.data["latent_path"].to_dataset()[["x"]].isel(trajectory=0, state=0)
    z = (x["x"].mean(("chain", "draw")) - weights @ path) / az.mcse(x)["x"]
    assert float(abs(z).max()) < 5


@pytest.mark.thorough
def test_weights_are_judged_and_kept(posterior: sb.Posterior, tmp_path: Any) -> None:
    """The chain before its correction is judged, and k-hat is found again after a round trip."""
    subjects = [finding.subject for finding in posterior.diagnosis()]
    assert {"R-hat", "Divergences", "Pareto k-hat"} <= set(subjects)
    with pytest.warns(NotStoredWarning, match=r"Parametric\.function is a function"):
        path = posterior.to_netcdf(tmp_path / "corrected.nc")
    again = sb.load(path, model=posterior.model)
    assert str(again.diagnosis()) == str(posterior.diagnosis())
    assert again.data["latent_path"].sizes["draw"] == STRATEGY.paths
    assert list(again.data["latent_path"]["trajectory"].values) == list(
        again.data["log_likelihood"]["trajectory"].values
    )
    assert "log_weight" in again.data["uncorrected_stats"]


@pytest.mark.thorough
def test_same_seed_same_draws(model: sb.SDEModel, data: xr.Dataset) -> None:
    paths = [sb.fit(model, data, QUICK, seed=0, progress=False).data["latent_path"] for _ in range(2)]
    xr.testing.assert_identical(*(path.to_dataset() for path in paths))


@pytest.mark.slow
def test_calibration_draws_data_from_the_scheme_and_not_from_the_filter(
    model: sb.SDEModel, data: xr.Dataset
) -> None:
    found = sb.calibrate(model, data, QUICK, 3, draws=19, progress=False)
    filtered = sb.calibrate(model, data, QUICK.strategy, 3, draws=19, progress=False)
    assert found.attrs["data_law"] == "the scheme's own"
    assert int(found["failed"].sum()) == 0
    same = np.isclose(found["truth"], filtered["truth"])
    likelihood = found["quantity"].values == "log-likelihood"
    assert same[:, ~likelihood].all()
    assert not same[:, likelihood].any()


def test_chains_without_any_weight_are_refused() -> None:
    ratios = np.array([[0.0, 1.0, 0.5], [-np.inf, -np.inf, -np.inf]])
    with pytest.raises(sb.errors.InferenceError, match=r"chain 1 .* 7 particles"):
        chain_weights(ratios, 7)
    with pytest.raises(sb.errors.InferenceError, match=r"chain 0"):
        chain_weights(np.full((1, 4), -np.inf), 7)


def test_what_needs_no_correction_is_refused(data: xr.Dataset) -> None:
    with pytest.raises(sb.errors.ModelError, match=r"\(Kalman\) is exact under its scheme"):
        sb.fit(sb.SDEModel(observation=sb.GaussianNoise()), data, STRATEGY)
    with pytest.raises(sb.errors.ModelError, match=r"seen through noise"):
        sb.fit(sb.SDEModel(sb.priors.GP(), observation=sb.Exact()), data, STRATEGY)
    with pytest.raises(sb.errors.ModelError, match=r"strategy=.* must be a NUTS"):
        sb.ParticleCorrection(sb.Laplace())
    with pytest.raises(sb.errors.ModelError, match=r"particles=0"):
        sb.ParticleCorrection(particles=0)
