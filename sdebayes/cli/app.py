"""The program ``sdebayes``."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from sdebayes.cli import classify, compare, contrast, demo, embed, fit, rank, report, score, simulate, steer
from sdebayes.cli.errors import guarded
from sdebayes.cli.own import imported

app = typer.Typer(
    name="sdebayes",
    epilog="Begin with: sdebayes demo. Each command has its own --help.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def say_version(asked: bool) -> bool:
    """Print the version and end, if asked."""
    if asked:
        typer.echo(f"sdebayes {version('sdebayes')}")
        raise typer.Exit
    return asked


@app.callback()
@guarded
def prepare(
    modules: Annotated[
        list[str] | None,
        typer.Option(
            "--import",
            metavar="MODULE",
            help="A module of yours that defines parts which a file names: no file has one imported by itself.",
        ),
    ] = None,
    asked: Annotated[
        bool,
        typer.Option("--version", callback=say_version, is_eager=True, help="Say which version this is."),
    ] = False,
) -> None:
    """Bayesian stochastic differential equations for how a text moves through meaning."""
    for module in modules or ():
        imported("--import", module)


for command in (
    embed.embed,
    fit.fit,
    report.report,
    simulate.simulate,
    score.score,
    rank.rank,
    steer.steer,
    classify.classify,
    compare.compare,
    contrast.contrast,
    demo.demo,
):
    app.command()(guarded(command))
