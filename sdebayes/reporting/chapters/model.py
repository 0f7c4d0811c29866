"""The model in words and formulas."""

from __future__ import annotations

import xarray as xr

from sdebayes import analysis, plots
from sdebayes.analysis import summarize
from sdebayes.reporting.blocks import Block, Chapter, Figure, Formulas, Listing, Paragraph, Table
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.figures import picture
from sdebayes.reporting.wording import MEDIAN, interval, listed, significant

MOST_NAMES, MOST_STATES = 6, 16
PARTS = {"drift": "drift", "diffusion": "diffusion", "observation": "noise"}


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    model = context.posterior.model
    linear = context.linear and not context.posterior.regimes
    blocks: list[Block] = [
        Paragraph(_words(context)),
        Formulas(context.noisy, context.effect, not context.identity, linear, bool(model.levels)),
        Paragraph("The priors, with the numbers that the training data gave them:"),
        Listing(model.describe()),
        *(block for level in model.levels for block in _level(context, level.covariate)),
    ]
    return Chapter("model", "The model", blocks)


def _level(context: ReportContext, covariate: str) -> list[Block]:
    """Show how the level goes with a covariate."""
    name = "the place in the text" if covariate == "t" and context.has_text else covariate
    found = analysis.level.along(context.posterior, covariate)
    figure = Figure(
        picture(plots.level.along(found)),
        f"How does the level go with {name}?",
        f"How far the level of a state is from that of an average step, as {name} changes and all else stays: "
        "posterior mean or median and 90 % band. Where the band holds zero throughout, the data do not tell that it "
        "matters.",
    )
    return [figure, _level_table(found, name)]


def _level_table(found: xr.Dataset, name: str) -> Table:
    """Say how the level changes from the least to the largest value of a number, or what it is at each name."""
    places = found["at"].values
    level = found["level"].isel(state=slice(MOST_STATES))
    if places.dtype.kind in "OU":
        shown = level.isel(point=slice(MOST_NAMES))
        heads = [f"at {place}, {MEDIAN}" for place in places[:MOST_NAMES]]
        caption = f"Level at each {name}. A star marks an interval without zero."
    else:
        shown = level.isel(point=[-1]) - level.isel(point=0, drop=True)
        ends = [significant(float(places[k]), 4) for k in (0, -1)]
        heads = [f"change of level from {ends[0]} to {ends[1]}, {MEDIAN}"]
        caption = "From the smallest to the largest value. A star marks an interval without zero."
    summary = summarize(shown.rename("level"))["level"]
    rows = [
        [str(one["state"].values), *(_starred(one.isel(point=k)) for k in range(one.sizes["point"]))]
        for one in (summary.sel(state=state) for state in summary["state"].values)
    ]
    return Table(["state", *heads], rows, caption)


def _starred(summary: xr.DataArray) -> str:
    low, high = (float(summary.sel(statistic=end)) for end in ("lower", "upper"))
    return interval(summary) + " *" * (not low <= 0 <= high)


def _words(context: ReportContext) -> str:
    noun = context.noun
    text = (
        f"Behind each {noun} runs a path X(t) in state space, led by a drift f and pushed about at random by a "
        "diffusion G (Itô)."
    )
    if context.groups:
        own = listed([PARTS[part] for part in context.posterior.model.parts_by_group])
        text += f" Each group of {context.nouns} has a {own} of its own, drawn towards what all groups share."
    about = ", about a level that covariates say, B w" if context.posterior.model.levels else ""
    if not context.noisy:
        return f"{text} The path itself is observed{about}."
    text += f" What is observed is the path{about} with noise ε that is new at each step"
    if context.effect:
        text += f" and an offset c that each {noun} keeps from beginning to end"
    return f"{text}."
