"""The stages of the demo."""

from __future__ import annotations

import hashlib
import io
from importlib.metadata import version
from pathlib import Path

import numpy as np
import xarray as xr
from rich.markup import escape

from sdebayes import analysis, plots
from sdebayes._core import files
from sdebayes._core.cache_directory import default_directory
from sdebayes._core.draws import evenly_spread
from sdebayes._core.errors import StoreError
from sdebayes.cli.conclusion import conclusion
from sdebayes.cli.console import comparison, console, say_claims, say_findings
from sdebayes.cli.errors import prepare_compiler
from sdebayes.cli.second_process import second_process
from sdebayes.cli.timer import Stages
from sdebayes.data import PCA, SentenceEncoder, Sentences, embed, save, shuffle_within, split
from sdebayes.datasets import load_sotu
from sdebayes.inference import NUTS, AbstractStrategy, Laplace
from sdebayes.model import Exact, GaussianNoise, SDEModel
from sdebayes.plots.style import look
from sdebayes.posterior import Posterior, compare, fit, load
from sdebayes.priors import GP, HSGP
from sdebayes.reporting import report
from sdebayes.schemes import EulerMaruyama

SPEECHES, SENTENCES, STATES = 44, 130, 8
MAIN = "OU + noise + document effect"
MODEL = SDEModel(observation=GaussianNoise(covariance="full", trajectory_effect=True))
OBSERVED = "OU, observed exactly"
LONG = NUTS(draws=1200, warmup=200, target_acceptance=0.5)
QUICK = Laplace(draws=400)
"""Enough for a null and for a picture: the posterior of both is close to normal at its mode."""
CONTROL = NUTS(draws=75, warmup=50, target_acceptance=0.6, max_tree_depth=5)
"""Without order noise and diffusion lie on a ridge, along which long trajectories gain little."""
PLANE_SPEECHES, PLANE_SENTENCES = 12, 80
CURVED = SDEModel(
    GP(basis=HSGP(functions=5)), scheme=EulerMaruyama(), observation=GaussianNoise(trajectory_effect=True)
)
"""A picture: the plain scheme at half the cost of the default one, few functions and few speeches."""
TITLE = "State of the Union addresses as trajectories"


def run(output: Path, seed: int, fresh: bool) -> Path:
    """Embed, fit, judge and report.

    Parameters
    ----------
    output
        Directory of the results.
    seed
        Seed of everything random.
    fresh
        Whether checkpoints of an earlier run are left alone.

    Returns
    -------
    pathlib.Path
        The report.
    """
    _make(output)
    prepare_compiler()
    stages = Stages(console)
    console.print("[dim]Times are of two idle cores; what an earlier run has kept takes seconds.[/]")
    with stages.stage("read and embed", "a minute"):
        embedded, left_out = _embedded(output, seed)
        space = PCA(STATES).fit(embedded)
        train, test = space.transform(embedded), space.transform(left_out)
    with second_process() as process:
        quick = process.submit(_fit_quickly, train, _plane(embedded), output, seed, fresh)
        shuffled = process.submit(_score_shuffled, train, test, seed, fresh)
        with stages.stage(
            f"fit {MAIN}; beside it {OBSERVED}, a nonlinear drift, and {MAIN} to shuffled speeches",
            "two minutes",
        ):
            posterior = _fit(MODEL.scaled_to(train), train, LONG, seed, fresh)
            posterior.to_netcdf(output / "posterior.nc")
        with stages.stage("score held-out speeches", "seconds"):
            observed, curved = (load(path) for path in quick.result())
            table = compare({MAIN: posterior, OBSERVED: observed}, test)
        with stages.stage("write the report", "a minute, or half of one again"):
            path = output / "report.html"
            page = report(
                posterior, path, train, test, title=TITLE, comparison=table, plane=curved, seed=seed
            )
            _overview(posterior, train, table, output / "overview.png")
        with stages.stage("wait for the shuffled speeches", "seconds"):
            null = shuffled.result()
    _say(posterior, table, null)
    console.print(f"\n[bold]Report[/]  {page.resolve()}")
    console.print(f"[dim]{stages}[/]")
    return page


def _say(posterior: Posterior, table: xr.Dataset, null: xr.Dataset) -> None:
    """Print the scores, those of the shuffled control, and the checks of the fit."""
    held_out = f"{table.sizes['trajectory']} held-out speeches"
    shuffled = f"The same, sentences shuffled within each speech ({held_out})"
    console.print()
    console.print(comparison(table, held_out, "sentence"))
    say_claims(table)
    console.print(comparison(null, shuffled, "sentence"))
    console.print(f"\n[bold]Checks of {MAIN}[/]")
    say_findings(posterior)
    console.print("\n[bold]What was found[/]")
    for sentence in conclusion(table, null, posterior.diagnosis()):
        console.print(escape(sentence))


def _overview(posterior: Posterior, train: xr.Dataset, table: xr.Dataset, path: Path) -> None:
    """Draw the phase portrait and the gains side by side."""
    import matplotlib.pyplot as plt

    portrait = analysis.phase_space.portrait(posterior, samples=100)
    paths = posterior.smooth(train, samples=4)
    picture = io.BytesIO()
    with look():
        figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained", width_ratios=(1.1, 1))
        plots.phase_space.portrait(portrait, axes[0], data=paths)
        plots.scores.differences(table, axes[1])
        axes[1].set_title(f"gain on {table.sizes['trajectory']} held-out speeches")
        figure.savefig(picture, dpi=160)
        plt.close(figure)
    files.write(path, picture.getvalue())


def _embedded(output: Path, seed: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Embed training and held-out speeches, and keep the embeddings."""
    corpus = load_sotu(sentences=SENTENCES, speeches=SPEECHES)
    data = embed(corpus, SentenceEncoder(), Sentences())
    save(data, output / "speeches.nc")
    return split(data, test=0.25, seed=seed)


def _fit_quickly(
    train: xr.Dataset, plane: xr.Dataset, output: Path, seed: int, fresh: bool
) -> tuple[Path, Path]:
    """Fit the null and the picture, and return where they are kept."""
    paths = output / "observed.nc", output / "plane.nc"
    for path, model, data in zip(paths, (SDEModel(observation=Exact()), CURVED), (train, plane), strict=True):
        _fit(model.scaled_to(data), data, QUICK, seed, fresh).to_netcdf(path)
    return paths


def _score_shuffled(train: xr.Dataset, test: xr.Dataset, seed: int, fresh: bool) -> xr.Dataset:
    """Fit and judge the model where sentences have lost their order."""
    data = shuffle_within(train, seed)
    control = _fit(MODEL.scaled_to(train), data, CONTROL, seed, fresh)
    return compare({MAIN: control}, shuffle_within(test, seed))


def _plane(train: xr.Dataset) -> xr.Dataset:
    """Return two states of some of the training speeches, evenly over the years, from the beginning of each."""
    states = PCA(2).fit(train).transform(train)
    some = evenly_spread(states.sizes["trajectory"], PLANE_SPEECHES)
    states = states.isel(trajectory=some, time=slice(PLANE_SENTENCES))
    return states.assign(n_steps=np.minimum(states["n_steps"], PLANE_SENTENCES))


def _fit(model: SDEModel, data: xr.Dataset, strategy: AbstractStrategy, seed: int, fresh: bool) -> Posterior:
    """Fit, going on from the checkpoint of an earlier run of the same fit."""
    if fresh:
        return fit(model, data, strategy, seed=seed)
    return fit(model, data, strategy, seed=seed, checkpoint=_checkpoint(model, data, strategy, seed))


def _checkpoint(model: SDEModel, data: xr.Dataset, strategy: AbstractStrategy, seed: int) -> Path:
    """Name the checkpoint after all that the draws depend on, the code of the floors below included."""
    digest = hashlib.sha256(data["y"].values.tobytes())
    for part in (model.describe(), repr(strategy), str(seed), version("numpyro"), version("jax")):
        digest.update(part.encode())
    package = Path(__file__).parents[1]
    for room in ("_core", "dynamics", "priors", "schemes", "model", "inference"):
        for path in sorted((package / room).rglob("*.py")):
            digest.update(path.read_bytes())
    return default_directory() / "demo" / digest.hexdigest()[:16]


def _make(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The directory {output} cannot be made: {error}.") from error
    files.check_writable(output / "report.html")
