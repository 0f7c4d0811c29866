"""The stages of the demo."""

from __future__ import annotations

import io
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from rich.markup import escape

from sdebayes import analysis, plots
from sdebayes._core import files
from sdebayes._core.draws import evenly_spread
from sdebayes._core.errors import StoreError
from sdebayes.cli.conclusion import conclusion
from sdebayes.cli.console import comparison, console, say_claims, say_findings
from sdebayes.cli.demo_fits import MAIN, OBSERVED, Fits, any_kept, begin
from sdebayes.cli.errors import prepare_compiler
from sdebayes.cli.second_process import second_process
from sdebayes.cli.timer import Stages
from sdebayes.data import PCA, SentenceEncoder, Sentences, embed, save, split
from sdebayes.datasets import load_sotu
from sdebayes.plots.style import look
from sdebayes.posterior import Posterior
from sdebayes.reporting import report

SPEECHES, SENTENCES, STATES = 44, 130, 8
PLANE_SPEECHES, PLANE_SENTENCES = 12, 80
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
        Whether what an earlier run has kept is forgotten.

    Returns
    -------
    pathlib.Path
        The report.
    """
    _make(output)
    prepare_compiler()
    stages = Stages(console)
    console.print("[dim]Times are of two idle cores; what an earlier run has kept takes seconds.[/]")
    with second_process() as submit:
        if not any_kept():
            submit(begin)
        with stages.stage("read and embed", "half a minute"):
            embedded, left_out = _embedded(output, seed)
            space = PCA(STATES).fit(embedded)
            train, test = space.transform(embedded), space.transform(left_out)
        fits = Fits(train, test, _plane(embedded), seed)
        if fresh:
            fits.forget()
        others: list[Future[Any]] = []
        if not fits.are_kept:
            others = [submit(fits.make_quick), submit(fits.scores_shuffled)]
        with stages.stage(
            f"fit {MAIN}; beside it {OBSERVED}, a nonlinear drift, and {MAIN} to shuffled speeches",
            "a minute and a half",
        ):
            posterior = fits.main()
        with stages.stage("score held-out speeches", "seconds"):
            for quick in others[:1]:
                quick.result()
            table = fits.scores(posterior)
        with stages.stage("write the report", "most of a minute, or half of one again"):
            path = output / "report.html"
            page = report(
                posterior, path, train, test, title=TITLE, comparison=table, plane=fits.curved(), seed=seed
            )
            _overview(posterior, train, table, output / "overview.png")
            fits.copy_to(output)
        with stages.stage("wait for the shuffled speeches", "seconds"):
            for other in others:
                other.result()
            null = fits.scores_shuffled()
            fits.forget_older()
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


def _plane(train: xr.Dataset) -> xr.Dataset:
    """Return two states of some of the training speeches, evenly over the years, from the beginning of each."""
    states = PCA(2).fit(train).transform(train)
    some = evenly_spread(states.sizes["trajectory"], PLANE_SPEECHES)
    states = states.isel(trajectory=some, time=slice(PLANE_SENTENCES))
    return states.assign(n_steps=np.minimum(states["n_steps"], PLANE_SENTENCES))


def _make(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The directory {output} cannot be made: {error}.") from error
    files.check_writable(output / "report.html")
