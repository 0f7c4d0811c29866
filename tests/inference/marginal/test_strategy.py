"""The strategy that integrates weights out: against a conjugate posterior, and against draws of the weights."""

from __future__ import annotations

import arviz as az
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.inference.checkpoint import Checkpoint
from sdebayes.inference.sufficient_statistics import reduction
from tests.inference.test_nuts import regression

STRATEGY = sb.Marginal(draws=400, warmup=50, chains=2)


@pytest.fixture(scope="module")
def rows_read() -> list[float]:
    """How many transitions each piece held whose features were computed."""
    return []


@pytest.fixture(scope="module")
def marginal_fit(regression_model, regression_data, rows_read) -> sb.Posterior:
    pad = reduction._padded

    def counted(part, where):
        found = pad(part, where)
        rows_read.append(found[-1].sum())
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reduction, "_padded", counted)
        return sb.fit(regression_model, regression_data, STRATEGY, seed=1, progress=False)


def test_draws_agree_with_the_conjugate_posterior(marginal_fit, regression_data, regression_model):
    """Given Σ the weights' law is known, so that the draws are independent."""
    mean, covariance = regression(regression_data, regression_model)
    found = marginal_fit.data["posterior"].to_dataset()
    draws = np.concatenate(
        [found[name].values.reshape(800, -1) for name in ("drift_offset", "drift_matrix")], 1
    )
    white = np.linalg.solve(np.linalg.cholesky(covariance), (draws - mean).T)
    assert np.all(np.abs(white.mean(1)) < 4.5 / np.sqrt(800))
    np.testing.assert_allclose(np.cov(white), np.eye(6), atol=4.5 * np.sqrt(2 / 800))
    assert np.all(az.ess(found[["drift_matrix"]])["drift_matrix"] > 500)


@pytest.mark.thorough
def test_what_is_exported_is_what_nuts_exports(marginal_fit, regression_fit):
    for group in ("posterior", "unconstrained", "log_prior", "log_likelihood", "prior"):
        mine, theirs = (fit.data[group].to_dataset() for fit in (marginal_fit, regression_fit))
        assert {n: v.dims for n, v in mine.items()} == {n: v.dims for n, v in theirs.items()}
    statistics = marginal_fit.data["sample_stats"].to_dataset()
    assert np.ptp(statistics["log_evidence"].values) > 0
    assert {"R-hat", "Divergences", "Step size"} <= {f.subject for f in marginal_fit.diagnosis()}


def test_an_interrupted_fit_resumes_with_the_draws_it_would_have_made(
    regression_model, regression_data, marginal_fit, tmp_path, monkeypatch
):
    keep, calls = Checkpoint.keep, []

    def interrupted(self, index, state, records):
        keep(self, index, state, records)
        calls.append(index)
        if len(calls) == 3:
            raise KeyboardInterrupt

    arguments = (regression_model, regression_data, STRATEGY)
    options = {"seed": 1, "progress": False, "checkpoint": tmp_path}
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "keep", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sb.fit(*arguments, **options)
    resumed = sb.fit(*arguments, **options)
    first, second = (fit.data["unconstrained"].to_dataset() for fit in (resumed, marginal_fit))
    xr.testing.assert_identical(first, second)


def test_a_fit_goes_through_the_data_once(marginal_fit, regression_data, rows_read):
    assert sum(rows_read) == int((regression_data["n_steps"] - 1).sum())


def test_numbers_out_of_range_are_refused(untyped):
    with pytest.raises(ModelError, match="draws=0 must be"):
        sb.Marginal(draws=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "drift",
    [
        sb.priors.GP(basis=sb.priors.HSGP(functions=6)),
        sb.priors.GP(basis=sb.priors.RandomFourier(features=30), lengthscale=1.0),
    ],
    ids=["HSGP", "RandomFourier"],
)
def test_functions_agree_with_draws_of_the_weights(drift):
    """Drift and Σ at places, means and standard deviations, against `NUTS` on the same model."""
    data, _ = sb.datasets.benchmark("double_well", 500, 0.05, seed=3)
    model = sb.SDEModel(drift, sb.priors.Constant(), sb.schemes.EulerMaruyama(), sb.Exact())
    found = {}
    for strategy in (sb.Marginal(draws=1000, warmup=300), sb.NUTS(draws=1000, warmup=300)):
        posterior = sb.fit(model, data, strategy, seed=0, progress=False)
        probes = posterior.data["posterior"].to_dataset()[["drift_probe", "covariance_probe"]]
        found[type(strategy).__name__] = [
            (probes.mean(("chain", "draw")), az.mcse(probes)),
            (probes.std(("chain", "draw")), az.mcse(probes, method="sd")),
        ]
    scores = []
    for (mine, my_error), (theirs, their_error) in zip(found["Marginal"], found["NUTS"], strict=True):
        for name in mine:
            error = np.sqrt(my_error[name] ** 2 + their_error[name] ** 2)
            scores.append(((mine[name] - theirs[name]) / error).values.ravel())
    z = np.concatenate(scores)
    print(f"\n{len(z)} numbers: largest |z| {np.abs(z).max():.2f}, mean z² {np.mean(z**2):.2f}")
    assert np.abs(z).max() < 4.5
    assert 0.3 < np.mean(z**2) < 2.0


@pytest.mark.slow
@pytest.mark.parametrize(
    "drift",
    [sb.priors.GP(basis=sb.priors.HSGP(functions=6)), sb.priors.Sparse(), sb.priors.Linear(stable=False)],
    ids=["GP", "Sparse", "Linear"],
)
def test_ranks_are_uniform(drift):
    """Truths from the prior, data from the Euler–Maruyama law that is fitted."""
    design, _ = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 60, 0.2, seed=0)
    model = sb.SDEModel(drift, sb.priors.Constant(), sb.schemes.EulerMaruyama(), sb.Exact())
    strategy = sb.Marginal(draws=400, warmup=150, chains=1)
    found = sb.calibrate(model, design, strategy, 100, draws=49, progress=False)
    worst = str(found["quantity"].values[int(found["p_value"].values.argmin())])
    covered = found["coverage"].sel(nominal=0.9)
    print(
        f"\noverall p {float(found['overall_p_value']):.3f}, worst {worst}, 90 % intervals cover "
        f"{float(covered.min()):.3f} to {float(covered.max()):.3f} ± {np.sqrt(0.09 / 100):.3f}, "
        f"{int(found['failed'].sum())} failed"
    )
    assert float(found["overall_p_value"]) > 0.01
    messages = found["message"].values[found["failed"].values]
    known = "simulated data are not finite", "lose what is left"  # both say so of the data alone
    assert [one for one in messages if not any(words in one for words in known)] == []
