"""A nonlinear drift seen through noise, from the fit to the file and back."""

from __future__ import annotations

import numpy as np
import pytest

import sdebayes as sb


@pytest.fixture(scope="module")
def noisy_double_well():
    design = {"n_steps": 60, "dt": 0.2, "n_trajectories": 2, "noise": 0.15}
    data, _ = sb.datasets.benchmark("double_well_1d", **design, seed=0)
    drift = sb.priors.GP(basis=sb.priors.HSGP(functions=8))
    noise = sb.GaussianNoise(filter=sb.ExtendedKalman())
    model = sb.SDEModel(drift=drift, scheme=sb.schemes.EulerMaruyama(), observation=noise)
    return data, sb.fit(model, data, sb.Laplace(draws=25), seed=0, progress=False)


@pytest.mark.thorough
def test_a_stored_fit_has_the_same_drift_and_scores(noisy_double_well, tmp_path):
    data, posterior = noisy_double_well
    posterior.to_netcdf(tmp_path / "fit.nc")
    loaded = sb.load(tmp_path / "fit.nc")
    assert loaded.model.describe() == posterior.model.describe()
    np.testing.assert_allclose(loaded.drift([0.5]), posterior.drift([0.5]), rtol=1e-12)
    np.testing.assert_allclose(loaded.log_score(data), posterior.log_score(data), rtol=1e-9)


@pytest.mark.thorough
def test_smoothing_takes_most_of_the_noise_away(noisy_double_well):
    data, posterior = noisy_double_well
    smoothed = posterior.smooth(data, samples=8)
    assert np.isfinite(smoothed["x"].values).all()
    roughness = float(np.nanvar(np.diff(data["y"], axis=1)))
    assert float(np.var(np.diff(smoothed["x"].mean("sample"), axis=1))) < 0.8 * roughness


@pytest.mark.thorough
def test_its_mode_is_no_narrow_peak(noisy_double_well):
    """Draws about one would have next to no spread; `tests/inference/test_whitening.py` has the worst one known."""
    _, posterior = noisy_double_well
    for name, values in posterior.data["unconstrained"].to_dataset().items():
        assert float(values.std(("chain", "draw")).min()) > 0.01, name
