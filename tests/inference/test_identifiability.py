"""Findings about noise that varies with the state: quiet where draws are far tighter than the prior, loud elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes.inference.identifiability import (
    ridge_finding,
    vanishing_finding,
    variation_finding,
    variation_is_drawn,
)

POINTS = ["mean", "x1 + 1 sd", "x1 − 1 sd", "datum 1"]
STATES = ["x1", "x2"]


def log_variances(widths: np.ndarray, seed: int = 0) -> xr.DataArray:
    """Draws of log Σ_jj, of standard deviation ``widths`` (point, state) each, (chain, draw, point, state)."""
    draws = np.random.default_rng(seed).normal(size=(2, 500, len(POINTS), len(STATES))) * widths
    coords = {"point": POINTS, "state": STATES}
    return xr.DataArray(draws, coords, ("chain", "draw", "point", "state"))


def widths(*of_states: float) -> np.ndarray:
    return np.ones((len(POINTS), 1)) * np.array(of_states)


PRIOR = log_variances(widths(1.0, 1.0), seed=9)


def test_a_variation_that_the_data_say_nothing_of_is_named():
    unclear = variation_finding(log_variances(widths(0.1, 0.95)), PRIOR)
    assert unclear.severity == "warning"
    assert "x2" in unclear.message
    assert "x1" not in unclear.message
    assert "Constant" in unclear.advice
    assert unclear.values["largest_width_ratio"] == pytest.approx(0.95, abs=0.1)
    clear = variation_finding(log_variances(widths(0.1, 0.2)), PRIOR)
    assert clear.severity == "good"
    assert not clear.advice


def test_one_place_without_data_is_noted():
    far = widths(0.1, 0.1)
    far[3, 1] = 1.3
    finding = variation_finding(log_variances(far), PRIOR)
    assert finding.severity == "note"
    assert "datum 1" in finding.message


def test_vanishing_noise_is_found_where_it_is():
    draws = log_variances(widths(0.1, 0.1))
    assert vanishing_finding(draws).severity == "good"
    sinking = draws.copy()
    sinking.loc[{"point": "x1 − 1 sd", "state": "x2"}] -= 6.0
    finding = vanishing_finding(sinking)
    assert finding.severity == "warning"
    assert "x2 at x1 − 1 sd" in finding.message
    assert finding.values["smallest_share"] == pytest.approx(np.exp(-6), rel=0.1)


def on_ridge(along: float, across: float) -> tuple[xr.DataArray, xr.DataArray]:
    """Draws of log R and log Σ whose sum is known to ``across`` and whose difference to ``along``."""
    rng = np.random.default_rng(2)
    dims, coords = ("chain", "draw", "state"), {"state": ["x1"]}
    total, difference = across * rng.normal(size=(2, 400, 1)), along * rng.normal(size=(2, 400, 1))
    return tuple(xr.DataArray(v, coords, dims) for v in ((total + difference) / 2, (total - difference) / 2))


@pytest.mark.parametrize(
    ("along", "across", "severity"),
    [(0.3, 0.3, "good"), (0.95, 1.0, "warning"), (0.6, 0.05, "warning"), (0.2, 0.01, "good")],
    ids=["both known", "neither known", "ridge", "short ridge"],
)
def test_noise_and_diffusion_on_a_ridge(along, across, severity):
    finding = ridge_finding(*on_ridge(along, across), *on_ridge(1.0, 1.0))
    assert finding.severity == severity
    assert bool(finding.advice) == (severity == "warning")


def test_an_open_diffusion_is_not_told_apart_by_a_wide_prior():
    """An interval of three orders of magnitude is no knowledge, though the prior was twice as wide."""
    finding = ridge_finding(*on_ridge(3.0, 3.0), *on_ridge(6.0, 6.0))
    assert finding.severity == "warning"
    assert "Σ of x1 has 90 % of its posterior from 0.0" in finding.message


def test_noise_that_may_be_next_to_nothing_leaves_the_diffusion_known():
    noise, diffusion = on_ridge(0.3, 0.3)
    spread = xr.DataArray(np.random.default_rng(3).normal(size=noise.shape), dims=noise.dims)
    assert ridge_finding(noise - 5 + 3 * spread, diffusion, *on_ridge(3.0, 3.0)).severity == "good"


def multiplicative(steps: int, dt: float, noise: float) -> xr.Dataset:
    """Observations of dX = −X dt + ½√(1 + X²) dW by fine Euler–Maruyama steps."""
    rng, x, h, path = np.random.default_rng(1), 0.0, dt / 50, []
    for _ in range(steps):
        path.append(x)
        for _ in range(50):
            x += -x * h + 0.5 * np.sqrt((1 + x**2) * h) * rng.normal()
    return sb.trajectories([np.array(path)[:, None] + noise * rng.normal(size=(steps, 1))], t=dt)


def finding_of(subject: str, data: xr.Dataset, observation):
    """Fit noise that varies with the state, and return one finding."""
    field = sb.priors.GP(basis=sb.priors.HSGP(functions=4))
    model = sb.SDEModel(sb.priors.Linear(), sb.priors.Diagonal(field), observation=observation)
    diagnosis = sb.fit(model, data, sb.NUTS(draws=100, warmup=100, chains=1), progress=False).diagnosis()
    finding = next(finding for finding in diagnosis if finding.subject == subject)
    print(finding)
    return finding


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "severities"), [(300, ("good", "note")), (6, ("warning",))])
def test_fits_of_many_and_of_few_data(steps, severities):
    finding = finding_of("State-dependent noise", multiplicative(steps, 0.1, 0.0), sb.Exact())
    assert finding.severity in severities


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "dt", "noise", "severity"),
    [(250, 0.1, 0.05, "good"), (30, 3.0, 0.3, "warning")],
    ids=["fine", "coarse"],
)
def test_fits_through_noise_at_short_and_at_long_steps(steps, dt, noise, severity):
    """At steps of three time constants a path is noise itself."""
    data = multiplicative(steps, dt, noise)
    assert finding_of("Noise and Σ(x)", data, sb.GaussianNoise()).severity == severity


def test_a_formula_that_leaves_nothing_of_the_variation_open_is_not_judged():
    """Noise of one factor to learn varies alike in all draws: the prior has no width that the posterior could have."""
    factor = np.random.default_rng(0).normal(size=(2, 500, 1, 1))
    known = PRIOR.isel(chain=0, draw=0, drop=True) + xr.DataArray(factor[..., 0, 0], dims=("chain", "draw"))
    assert not variation_is_drawn(known)
    assert variation_is_drawn(PRIOR)
    half = xr.concat([known.sel(state=["x1"]), PRIOR.sel(state=["x2"])], "state").transpose(*PRIOR.dims)
    found = variation_finding(half, half)
    assert found.values["largest_width_ratio"] == pytest.approx(1.0)
    assert "x1" not in found.message
