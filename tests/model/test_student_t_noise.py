"""The model with Student-t noise: fitted, stored, diagnosed, and refused where it cannot be had."""

from __future__ import annotations

import numpy as np
import pytest

import sdebayes as sb
from sdebayes._core.errors import ModelError

STEPS = 40


def contaminated(seed: int, share: float = 0.05):
    data, _ = sb.datasets.benchmark(
        "ornstein_uhlenbeck_1d", STEPS, 0.2, n_trajectories=4, noise=0.3, seed=seed
    )
    rng = np.random.default_rng(seed)
    outliers = 3.0 * rng.normal(size=data["y"].shape) * (rng.random(data["y"].shape) < share)
    return data.assign(y=data["y"] + outliers)


@pytest.fixture(scope="module")
def data():
    return contaminated(0)


@pytest.fixture(scope="module")
def fits(data):
    strategy = sb.Laplace(draws=60)
    noises = {"normal": sb.GaussianNoise(), "heavy": sb.StudentTNoise()}
    return {
        name: sb.fit(sb.SDEModel(observation=noise), data, strategy, progress=False)
        for name, noise in noises.items()
    }


@pytest.mark.thorough
def test_outliers_are_named_and_answered(fits):
    """The finding leads to the noise under which it goes, and which predicts other data better."""
    advice = {f.subject: f for f in fits["normal"].diagnosis() if f.subject == "Outliers"}["Outliers"]
    assert advice.severity == "warning"
    assert "StudentTNoise" in str(advice)
    after = next(f for f in fits["heavy"].diagnosis() if f.subject == "Outliers")
    assert after.severity not in ("warning", "problem")
    table = sb.compare(fits, contaminated(1), nulls=False, baseline="normal")
    assert float(table["difference"].sel(candidate="heavy")) > 0.1


@pytest.mark.thorough
def test_it_comes_back_from_a_file(fits, data, tmp_path):
    again = sb.load(fits["heavy"].to_netcdf(tmp_path / "fit.nc"))
    assert isinstance(again.model.observation, sb.StudentTNoise)
    np.testing.assert_allclose(again.log_score(data), fits["heavy"].log_score(data), rtol=1e-9)


@pytest.mark.thorough
def test_the_reported_variance_is_the_noises(fits):
    drawn = fits["heavy"].data["posterior"]
    nu, covariance = drawn["degrees_of_freedom"], fits["heavy"].observed_sde().noise_covariance
    assert float(nu.min()) > 2
    expected = drawn["noise_squared_scale"] * nu / (nu - 2)
    np.testing.assert_allclose(drawn["noise_variance"], expected, rtol=1e-6)
    np.testing.assert_allclose(
        drawn["noise_variance"].values.ravel(), np.asarray(covariance).ravel(), rtol=1e-6
    )


def test_degrees_of_freedom_may_be_known(data):
    model = sb.SDEModel(observation=sb.StudentTNoise(degrees_of_freedom=3, covariance=0.09)).scaled_to(data)
    assert "ν = 3 (known)" in model.describe()
    assert "degrees_of_freedom" not in model.dims()
    assert "Gamma(2, 0.1)" in sb.SDEModel(observation=sb.StudentTNoise()).describe()
    with pytest.raises(ModelError, match="degrees_of_freedom is 2; expected more than 2"):
        sb.StudentTNoise(degrees_of_freedom=2)


def test_what_knows_normal_noise_alone_says_so(data):
    model = sb.SDEModel(sb.priors.GP(), observation=sb.StudentTNoise())
    with pytest.raises(ModelError, match="heavy tails; use"):
        sb.fit(model, data, sb.ParticleCorrection(), progress=False)
    with pytest.raises(ModelError, match="StudentTNoise puts noise on them"):
        sb.SDEModel(sb.priors.GP(), scheme=sb.schemes.Strang(), observation=sb.StudentTNoise())
