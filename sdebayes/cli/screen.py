"""Tables and findings on the terminal."""

from __future__ import annotations

import xarray as xr
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sdebayes.posterior import Posterior

COLOURS = {
    "problem": "red",
    "warning": "yellow",
    "note": "blue",
    "assumed": "bright_black",
    "not rejected": "bright_black",
    "good": "green",
}
"""A colour for each of `sdebayes.inference.findings.SEVERITIES`."""

console = Console(highlight=False, soft_wrap=True)


def say_findings(posterior: Posterior) -> None:
    """Print what the fit's own checks found, the worst first."""
    for finding in posterior.diagnosis():
        colour = COLOURS[finding.severity]
        text = escape(f"{finding.subject}: {finding.message} {finding.advice}".strip())
        console.print(f"[{colour}]{finding.severity:>12}[/]  {text}")


def comparison(table: xr.Dataset, title: str, unit: str = "step") -> Table:
    """Make a table of held-out scores.

    Parameters
    ----------
    table
        As `sdebayes.compare` returns it.
    title
        Title of the table.
    unit
        What a step is.
    """
    caption = (
        f"Baseline: {escape(str(table.attrs['baseline']))}; standard errors are paired over trajectories."
    )
    shown = Table(title=escape(title), caption=caption, box=box.SIMPLE_HEAD)
    shown.title_justify = shown.caption_justify = "left"
    shown.title_style = "bold"
    shown.add_column("candidate", overflow="fold")
    for head in (f"nats per {unit}", "over baseline", "± s.e."):
        shown.add_column(head, justify="right")
    for name in table["candidate"].values:
        row = table.sel(candidate=name)
        numbers = [f"{float(row['per_step']):.3f}", f"{float(row['difference']):+.3f}"]
        shown.add_row(escape(str(name)), *numbers, f"{float(row['standard_error']):.3f}")
    return shown
