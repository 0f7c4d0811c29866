"""The data, and what is left of them when their order is destroyed."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes import analysis, plots
from sdebayes._core.once import once
from sdebayes.reporting.blocks import Block, Chapter, Figure, Paragraph, Table, Verdicts
from sdebayes.reporting.chapters import verdicts
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.figures import picture
from sdebayes.reporting.wording import number

MOST_STATES = 16


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    found = persistence(context)
    lengths = context.data["n_steps"].values
    span = f"{lengths.min()}" if lengths.min() == lengths.max() else f"{lengths.min()} to {lengths.max()}"
    missing = int(
        context.data["y"].isnull().any("state").sum() - (context.data.sizes["time"] - lengths).sum()
    )
    space = "" if context.posterior.space is None else f" The states are {context.posterior.space.describe()}"
    blocks: list[Block] = [
        Paragraph(
            f"{len(lengths)} training {context.nouns if len(lengths) > 1 else context.noun} of {span} steps, "
            f"{missing or 'none'} of them missing in whole or in part.{space}{_cut_off(context)}"
        ),
        Verdicts([_order(found)]),
        _table(found),
        Figure(
            picture(plots.persistence.persistence(found.isel(state=slice(MOST_STATES)))),
            "Does a step remember the one before?",
            "A dot beside its grey bar is order: the bar is the range of the same number in 20 copies of the data "
            "whose steps were shuffled within each trajectory.",
        ),
        Paragraph(
            "The R² of the increment must not be read alone: white noise, of which nothing can be predicted, has one "
            "half, because a step far out is followed by a step back. It is informative only where it exceeds "
            "(1 − ρ)/2, which a lag-1 autocorrelation ρ alone explains. The autocorrelation of the first column takes "
            f"each {context.noun} about its own mean; R² and ρ are about the mean of all, so differences in level "
            f"between {context.nouns} count in them: that is what the R² of the next state of shuffled data shows.",
            quiet=True,
        ),
    ]
    return Chapter("data", "The data and their nulls", blocks)


@once
def persistence(context: ReportContext) -> xr.Dataset:
    """Measure what a step tells of the next, in the data and shuffled."""
    return analysis.persistence.persistence(context.data, seed=context.seed)


def _cut_off(context: ReportContext) -> str:
    said = {**context.posterior.data.attrs, **context.data.attrs}.get("cut_off")
    return f" Of the texts these were embedded from, {said}" if said else ""


def _order(found: xr.Dataset):
    shuffled = found["autocorrelation_shuffled"].mean("state").values
    return verdicts.autocorrelation(float(found["autocorrelation"].mean()), shuffled)


def _table(found: xr.Dataset) -> Table:
    def cell(name: str, state: dict) -> str:
        own = float(found[name].isel(state).mean())
        null = found[f"{name}_shuffled"].isel(state)
        null = null.mean("state") if "state" in null.dims else null
        return f"{number(own)} ({number(float(np.mean(null)))})"

    labels = [str(label) for label in found["state"].values]
    rows = []
    each = list(enumerate(labels[:MOST_STATES]))
    for index, label in [(None, "mean"), *each] if len(labels) > 1 else each:
        state = {} if index is None else {"state": index}
        names = ("autocorrelation", "r2_next", "r2_increment", "r2_increment_reference")
        rows.append([label, *(cell(name, state) for name in names)])
    return Table(
        [
            "state",
            "autocorrelation, lag 1 (shuffled)",
            "R² of the next state (shuffled)",
            "R² of the increment (shuffled)",
            "its reference (1\N{NO-BREAK SPACE}−\N{NO-BREAK SPACE}ρ)/2 (shuffled)",
        ],
        rows,
        "In parentheses the mean over shuffles within trajectories.",
        strong=(0,),
    )
