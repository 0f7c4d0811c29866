"""What ``sdebayes contrast`` prints and writes."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import xarray as xr
from rich import box
from rich.console import Group
from rich.markup import escape
from rich.table import Table

from sdebayes._core import files
from sdebayes._core.errors import StoreError
from sdebayes._core.netcdf import write_netcdf
from sdebayes.analysis.contrast import shuffled_groups
from sdebayes.analysis.contrast.overview import DIFFERS, UNTOLD, Row, rows
from sdebayes.analysis.contrast.quantities import QUANTITIES, SCALES, of_scale
from sdebayes.inference import AbstractStrategy
from sdebayes.posterior import Posterior, fit

_COLOURS = {DIFFERS: "green", UNTOLD: "yellow"}


def contrasts(found: Sequence[Row], prob: float) -> Group:
    """Make a table of what differs between groups, in a part for each quantity and pair.

    Parameters
    ----------
    found
        A row each.
    prob
        Probability of the intervals.
    """
    shown: list[Table] = []
    for (meaning, pair), own in groupby(found, lambda row: (row.meaning, _pair(row))):
        title = f"[bold]{escape(meaning)}[/], {escape(pair)}"
        part = Table(title=title, box=None, padding=(0, 2, 0, 0), show_header=not shown)
        part.title_justify, part.title_style = "left", ""
        part.add_column("", min_width=6, overflow="fold")
        part.add_column(f"median [{prob:.0%}]", min_width=24)
        part.add_column("the prior's", min_width=24)
        part.add_column("", min_width=18)
        for row in own:
            colour = _COLOURS.get(row.verdict, "default")
            cells = (row.component, _interval(row.posterior), _interval(row.prior))
            part.add_row(*map(escape, cells), f"[{colour}]{row.verdict}[/]")
        shown.append(part)
    count = sum(row.verdict == DIFFERS for row in found)
    expected = (1 - prob) * len(found)
    caption = (
        f"{count} of {len(found)} intervals leave out that nothing differs; of groups that are the same about "
        f"{expected:.1f} would, or fewer."
    )
    return Group(*shown, caption)


def lots(
    posterior: Posterior,
    quantity: Any,
    groups: Sequence[str] | None,
    strategy: AbstractStrategy,
    shuffles: int,
    seed: int,
) -> Table:
    """Fit again with the groups drawn by lot, and make a table of their differences beside those of the groups.

    Parameters
    ----------
    posterior
        A fit of several groups.
    quantity
        Name of what is compared.
    groups
        Which are compared; None for all.
    strategy
        How to fit; the groups' own division is fitted in the same way.
    shuffles
        Number of fits.
    seed
        Seed of the fits and of the shuffles.
    """

    def refit(data: xr.Dataset) -> Posterior:
        return fit(posterior.model, data, strategy, seed=seed, progress=False)

    ratio = quantity in SCALES
    read: Any = of_scale(quantity) if ratio else QUANTITIES[quantity]
    own = refit(posterior.training_data())
    found = shuffled_groups(own, refit, read, groups, ratio=ratio, shuffles=shuffles, seed=seed)
    name = str(next(iter(found.data_vars)))
    shown = Table(
        title=f"{escape(str(found[name].attrs.get('long_name', name)))}: groups by lot, {shuffles} fits",
        box=box.SIMPLE_HEAD,
        title_justify="left",
    )
    for head in ("groups", "of", "median", "by lot, least to largest", "p"):
        shown.add_column(head, justify="left" if head in ("groups", "of") else "right")
    stacked = found.stack(row=[dim for dim in found[name].dims])
    for k in range(stacked.sizes["row"]):
        one = stacked.isel(row=k)
        null, (pair, *of) = one[f"{name}_shuffled"], one["row"].item()
        ends = f"{float(null.min()):.3g} to {float(null.max()):.3g}"
        labels = escape(str(pair)), escape(", ".join(map(str, of)))
        shown.add_row(*labels, f"{float(one[name]):.3g}", ends, f"{float(one[f'{name}_p_value']):.2g}")
    return shown


def check_kind(path: Path) -> None:
    """Raise a StoreError unless a table, draws or a figure can be written there."""
    if path.suffix not in _WRITERS:
        raise StoreError(f"{path}: expected a name that ends in {', '.join(_WRITERS)}.")
    files.check_writable(path)


def write(found: xr.Dataset, path: Path, prob: float) -> None:
    """Write differences: a table, the draws or a figure, as the name says.

    Parameters
    ----------
    found
        As `sdebayes.analysis.contrast.overview` returns it.
    path
        Where.
    prob
        Probability of the intervals.
    """
    _WRITERS[path.suffix](found, path, prob)


def _write_table(found: xr.Dataset, path: Path, prob: float) -> None:
    text = io.StringIO()
    lines = csv.writer(text)
    ends = ("median", "lower", "upper")
    lines.writerow(
        [
            "variable",
            "first",
            "second",
            "component",
            "kind",
            *ends,
            *(f"prior_{end}" for end in ends),
            "verdict",
        ]
    )
    for row in rows(found, prob):
        kind = "ratio" if row.ratio else "difference"
        before = row.prior or ("", "", "")
        lines.writerow(
            [row.variable, row.first, row.second, row.component, kind, *row.posterior, *before, row.verdict]
        )
    files.write(path, text.getvalue().encode())


def _write_draws(found: xr.Dataset, path: Path, prob: float) -> None:
    write_netcdf(found, path)


def _write_figure(found: xr.Dataset, path: Path, prob: float) -> None:
    import matplotlib.pyplot as plt

    from sdebayes.plots.contrast import overview

    figure, buffer = overview(found, prob=prob)[0].figure, io.BytesIO()
    figure.savefig(buffer, format=path.suffix[1:])
    plt.close(figure)
    files.write(path, buffer.getvalue())


_WRITERS: dict[str, Callable[[xr.Dataset, Path, float], None]] = {
    ".csv": _write_table,
    ".nc": _write_draws,
    **dict.fromkeys((".png", ".svg", ".pdf"), _write_figure),
}


def _pair(row: Row) -> str:
    return f"{row.first} {'/' if row.ratio else '−'} {row.second}"


def _interval(ends: tuple[float, float, float] | None) -> str:
    return "" if ends is None else f"{ends[0]:.3g} [{ends[1]:.3g}, {ends[2]:.3g}]"
