"""Every model and strategy by its name on the command line, and combinations that are refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import sdebayes as sb
from sdebayes._core.errors import InferenceError
from sdebayes.cli import choices
from sdebayes.cli.app import app
from sdebayes.model import SDEModel


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """Trajectories of two states, and caches and JAX's configuration left as they are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SDEBAYES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "off")
    monkeypatch.setenv("XLA_FLAGS", os.environ["XLA_FLAGS"])
    generator = np.random.default_rng(0)
    lengths = 20, 4, 20, 3
    words = {"words": [generator.integers(1, 9, n) for n in lengths]}
    data = sb.trajectories([generator.standard_normal((n, 2)) for n in lengths], covariates=words)
    sb.data.save(data, "states.nc")
    return tmp_path


def asked(monkeypatch, *options: str) -> dict:
    """The model, data and strategy that `sdebayes fit` fits, without the fit."""
    found = {}

    def stop(model, data, strategy, seed, progress, checkpoint):
        found.update(model=model.scaled_to(data), data=data, strategy=strategy)
        raise InferenceError("Asked.")

    monkeypatch.setattr("sdebayes.posterior.fit", stop)
    assert CliRunner().invoke(app, ["fit", "states.nc", "-o", "p.nc", *options]).stderr.endswith("Asked.\n")
    return found


def refused(*options: str) -> str:
    """The one line of a fit that must fail."""
    result = CliRunner().invoke(app, ["fit", "states.nc", "-o", "p.nc", *options])
    assert result.exit_code == 2, result.output
    assert not Path("p.nc").exists()
    (line,) = result.stderr.splitlines()
    return line


def test_embeddings_are_projected_as_asked_and_states_are_not(monkeypatch):
    assert "--projection tica is of embeddings, but states.nc holds states" in refused("--projection", "tica")
    assert "--projection wide is not known; use one of pca, tica" in refused("--projection", "wide")
    data = sb.data.load("states.nc").rename(state="embedding").drop_vars("embedding")
    sb.data.save(data, "states.nc")
    for option, labels in ((), ["PC1", "PC2"]), (("--projection", "tica"), ["TIC1", "TIC2"]):
        found = asked(monkeypatch, "--components", "2", *option)["data"]
        assert found["state"].values.tolist() == labels


@pytest.mark.parametrize("diagonal", [False, True])
def test_every_drift_goes_with_every_diffusion(diagonal):
    for drift in choices.DRIFTS:
        for diffusion in choices.DIFFUSIONS:
            model = SDEModel(choices.drift(drift, diagonal), choices.diffusion(diffusion, diagonal))
            assert model.diffusion.constant is (diffusion == "constant")
    linear = choices.drift("gp", diagonal).mean
    assert (linear.diagonal, linear.variance_spread) == (diagonal, sb.priors.GP().mean.variance_spread)


@pytest.mark.parametrize(
    ("option", "table"),
    [
        ("--drift", choices.DRIFTS),
        ("--diffusion", choices.DIFFUSIONS),
        ("--scheme", choices.SCHEMES),
        ("--strategy", choices.STRATEGIES),
    ],
)
def test_every_name_is_in_the_help_and_in_the_refusal_of_another(option, table):
    line = refused(option, "cubic")
    assert f"{option} cubic is not known; use one of {', '.join(table)}." in line
    known = CliRunner().invoke(app, ["fit", "--help"], env={"COLUMNS": "400"}).stdout
    (said,) = [row for row in known.splitlines() if row.lstrip("│ ").startswith(f"{option} ")]
    assert [name for name in table if name not in said] == []


@pytest.mark.parametrize("name", choices.STRATEGIES)
def test_settings_reach_the_strategy(name):
    assert (
        type(choices.strategy(name, {"draws": None})).__name__
        == {
            "nuts": "NUTS",
            "hmc": "HMC",
            "marginal": "Marginal",
            "laplace": "Laplace",
            "svi": "SVI",
            "particles": "ParticleCorrection",
        }[name]
    )
    way = choices.strategy(name, {"draws": 7, "warmup": None})
    assert getattr(way, "strategy", way).draws == 7


@pytest.mark.parametrize(
    ("options", "drift", "diffusion", "strategy"),
    [
        ("--drift gp --strategy laplace --draws 20 --free-start", "GP", "Constant", "Laplace"),
        ("--drift sparse --diagonal --exact --strategy marginal --draws 20", "Sparse", "Constant", "Marginal"),
        ("--diffusion varying --diagonal --strategy svi --draws 20 --scheme moments", "Linear", "Diagonal", "SVI"),
        ("--heavy-tails --draws 20", "Linear", "Constant", "NUTS"),
        ("--exact --heavy-tails --no-trajectory-effect --draws 20", "Linear", "Constant", "NUTS"),
        ("--correlated-noise --noise-covariate words --draws 20", "Linear", "Constant", "NUTS"),
        ("--exact --level words --level t --draws 20", "Linear", "Constant", "NUTS"),
    ],
)  # fmt: skip
def test_options_make_the_model(monkeypatch, options, drift, diffusion, strategy):
    found = asked(monkeypatch, *options.split())
    model = found["model"]
    kinds = (type(part).__name__ for part in (model.drift, model.diffusion, found["strategy"]))
    assert tuple(kinds) == (drift, diffusion, strategy)
    assert found["strategy"].draws == 20
    assert model.likelihood.states_observed is ("--exact" in options)
    assert model.observation.trajectory_effect is ("--exact" not in options)
    assert model.observation.normal is ("--heavy-tails" not in options)
    assert (model.initial == "free") is ("--free-start" in options)
    assert model.observation.covariates == (("words",) if "--noise-covariate" in options else ())
    assert [level.covariate for level in model.levels] == (["words", "t"] if "--level" in options else [])
    assert ("correlation of R" in model.describe()) is ("--correlated-noise" in options)
    assert ("correlation of C" in model.describe()) is ("--correlated-noise" in options)


@pytest.mark.parametrize("own_diffusion", [False, True])
def test_regimes_are_of_the_drift_that_is_named(monkeypatch, own_diffusion):
    """Each has the named diffusion as well, where that is asked for."""
    options = ["--regimes", "3", "--drift", "bnn", "--diffusion", "varying", "--diagonal"]
    model = asked(monkeypatch, *options, *["--regime-diffusion"] * own_diffusion)["model"]
    assert model.regimes.n == 3
    assert isinstance(model.regimes.drift, sb.priors.BNN)
    assert isinstance(model.regimes.diffusion, sb.priors.Diagonal) is own_diffusion
    assert isinstance(model.diffusion, sb.priors.Diagonal)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--regimes", "1"), "n=1 must be a whole number, 2 or more"),
        (("--regime-diffusion",), "--regime-diffusion is of several regimes; say how many: --regimes 2."),
        (("--regimes", "2", "--by-group", "drift"), "regimes are the same in all groups"),
        (("--exact", "--noise-covariate", "words"), "--exact says that there is no noise; leave --noise-covariate out"),
        (("--level", "year"), "depends on the covariate 'year', which the data do not have; they have 'words'"),
        (("--strategy", "laplace", "--chains", "4"), "--strategy laplace does not take --chains; it takes --draws."),
        (("--steps", "10", "--batch", "2"), "--strategy nuts does not take --steps, --batch; it takes --draws,"),
        (("--strategy", "svi", "--target-acceptance", "0.9"), "does not take --target-acceptance"),
        (("--strategy", "marginal"), "Exact"),
        (("--strategy", "marginal", "--exact", "--drift", "bnn"), "cannot be integrated out"),
        (("--drift", "sparse", "--exact"), "Marginal"),
        (("--strategy", "particles", "--exact"), "ParticleCorrection"),
        (("--exact", "--diffusion", "varying", "--scheme", "strang"), "additive"),
        (("--scheme", "strang"), "Exact"),
        (("--draws", "0"), "draws"),
        (("--min-steps", "2"), "min_steps=2"),
        (("--min-steps", "30"), "None is left"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_in_one_line(options, said):
    assert said in refused(*options)


@pytest.mark.smoke
def test_short_trajectories_are_left_out_of_a_fit_on_request():
    options = ("--strategy", "laplace", "--draws", "20", "--min-steps", "5", "--exact", "--diagonal")
    result = CliRunner().invoke(app, ["fit", "states.nc", "-o", "p.nc", *options])
    said = "2 of 4 trajectories have fewer than 5 steps: 'trajectory 2' (4), 'trajectory 4' (3)."
    assert (result.exit_code, result.stderr) == (0, f"sdebayes: Left out: {said}\n")
    posterior = sb.load("p.nc")
    assert posterior.data.attrs["left_out"] == said
    assert posterior.data.attrs["strategy_name"] == "Laplace"
    assert posterior.training_data()["trajectory"].values.tolist() == ["trajectory 1", "trajectory 3"]


@pytest.mark.slow
def test_regimes_are_fitted_and_scored():
    options = ("--exact", "--regimes", "2", "--diagonal", "--strategy", "laplace", "--draws", "10")
    fit = CliRunner().invoke(app, ["fit", "states.nc", "-o", "p.nc", *options])
    assert fit.exit_code == 0, fit.output
    assert "Regimes apart" in fit.stdout
    assert sb.load("p.nc").regimes == (1, 2)
    score = CliRunner().invoke(app, ["score", "p.nc", "states.nc"])
    assert score.exit_code == 0, score.output
    assert score.stdout.count("trajectory ") >= 4
