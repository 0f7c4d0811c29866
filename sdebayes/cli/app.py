"""The program ``sdebayes``."""

from __future__ import annotations

import typer

from sdebayes.cli import compare, demo, embed, fit, report, score, simulate
from sdebayes.cli.guard import guarded

app = typer.Typer(
    name="sdebayes",
    help="Bayesian stochastic differential equations for how a text moves through meaning.",
    epilog="Begin with: sdebayes demo. Each command has its own --help.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (
    embed.embed,
    fit.fit,
    report.report,
    simulate.simulate,
    score.score,
    compare.compare,
    demo.demo,
):
    app.command()(guarded(command))
