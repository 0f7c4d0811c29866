"""Tables and findings on the terminal."""

from __future__ import annotations

import xarray as xr
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sdebayes.posterior import Posterior, claims
from sdebayes.posterior.claims import AGAINST, NOT_ASKED, NOT_SUPPORTED, SUPPORTED

COLOURS = {
    "problem": "red",
    "warning": "yellow",
    "note": "blue",
    "assumed": "bright_black",
    "not rejected": "bright_black",
    "good": "green",
}
"""A colour for each of `sdebayes.inference.findings.SEVERITIES`."""
_VERDICTS = {SUPPORTED: "green", NOT_SUPPORTED: "yellow", AGAINST: "red"}

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
        f"Baseline: {escape(str(table.attrs['baseline']))}; brackets: 95 % intervals of the difference, paired over "
        f"trajectories. {table.attrs['caution']}"
    )
    shown = Table(title=escape(title), caption=caption.strip(), box=box.SIMPLE_HEAD)
    shown.title_justify = shown.caption_justify = "left"
    shown.title_style = "bold"
    shown.add_column("candidate", overflow="fold")
    for head in (f"nats per {unit}", "over baseline", "95 %"):
        shown.add_column(head, justify="right")
    for name in table["candidate"].values:
        row = table.sel(candidate=name)
        numbers = [f"{float(row['per_step']):.3f}", f"{float(row['difference']):+.3f}"]
        shown.add_row(escape(str(name)), *numbers, escape(_interval(row)))
    return shown


def say_claims(table: xr.Dataset, candidate: str | None = None) -> None:
    """Print which claims about a model its held-out scores support.

    Parameters
    ----------
    table
        As `sdebayes.compare` returns it.
    candidate
        The model's row; by default the first.
    """
    found = claims(table, candidate)
    console.print(f"[bold]What {escape(found.attrs['candidate'])} can claim[/]")
    for name in found["claim"].values:
        row = found.sel(claim=name)
        verdict = str(row["verdict"].values)
        if verdict == NOT_ASKED:
            continue
        numbers = f"{float(row['difference']):+.3f} {_interval(row)} over {row['against'].values}"
        console.print(f"[{_VERDICTS[verdict]}]{verdict:>13}[/]  {name}: {escape(numbers)}")
    missing = [str(name) for name in found["claim"].values[(found["verdict"] == NOT_ASKED).values]]
    if missing:
        console.print(f"[dim]{NOT_ASKED:>13}  {', '.join(missing)}: no such fit beside this one[/]")
    if found.attrs["not_asked"]:
        console.print(f"[dim]{escape(found.attrs['not_asked'])}[/]")


def _interval(row: xr.Dataset) -> str:
    return f"[{float(row['lower']):+.3f}, {float(row['upper']):+.3f}]"
