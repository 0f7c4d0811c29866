"""Time constants, and where the variance comes from."""

from __future__ import annotations

from sdebayes import analysis, plots
from sdebayes.analysis import summarize
from sdebayes.reporting.blocks import Block, Chapter, Figure, Paragraph, Table
from sdebayes.reporting.chapters import verdicts
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.figures import picture
from sdebayes.reporting.wording import MEDIAN, duration, interval, percent

MOST_ROWS = 16


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    spectrum = context.spectrum.isel(mode=slice(MOST_ROWS))
    constants, before = (
        summarize(found[["time_constant"]].isel(point=0))["time_constant"]
        for found in (spectrum, context.prior_spectrum)
    )
    rotating = (spectrum["imaginary_part"].isel(point=0) != 0).mean("sample").values
    growing = float((spectrum["real_part"].isel(point=0, mode=0) > 0).mean())
    rows = [
        [str(mode), *(duration(found.sel(mode=mode)) for found in (constants, before)), percent(share)]
        for mode, share in zip(constants["mode"].values, rotating, strict=True)
    ]
    place = "" if context.linear else " at the reference state"
    axes = plots.fields.jacobian_spectrum(spectrum)
    axes.set_ylabel("mode")
    blocks: list[Block] = [
        *verdicts.reminder(context.findings),
        Figure(
            picture(axes),
            "How fast each direction forgets",
            f"A bar far right is a slow direction: after one time constant 37 % of a deviation is left. Modes are "
            f"eigenvalues of the drift's Jacobian{place}; those that rotate in many draws come in pairs.",
        ),
        Table(
            [
                "mode",
                f"time constant, {context.time_units}, {MEDIAN}",
                f"the prior's, {MEDIAN}",
                "draws in which it rotates",
            ],
            rows,
            "Time constants 1/|Re λ|, what grows or decays slowest first. Where an interval is hardly narrower than "
            "the prior's, the data tell little of that time constant.",
        ),
    ]
    if growing:
        blocks.append(Paragraph(f"In {percent(growing)} of the draws the first direction grows instead."))
    if context.noisy and context.identity:
        shares = analysis.variance.shares(context.posterior)
        blocks.append(
            Figure(
                picture(plots.variance.shares(shares.isel(state=slice(MOST_ROWS)))),
                "Where the variance comes from",
                "The blue share is what moves slowly and can be predicted; noise is new at each step"
                + (
                    f", the trajectory effect is the level of a whole {context.noun}."
                    if context.effect
                    else "."
                ),
            )
        )
        blocks.append(_shares(context, summarize(shares)))
    return Chapter("process", "Time constants and noise", blocks)


def _shares(context: ReportContext, summary) -> Table:
    names = {"path": "slow path", "noise": "noise"}
    names |= {"trajectory_effect": "trajectory effect"} if context.effect else {}
    rows = [
        [str(state), *(interval(summary[name].sel(state=state)) for name in names)]
        for state in summary["state"].values[:MOST_ROWS]
    ]
    return Table(
        ["state", *(f"{name}, {MEDIAN}" for name in names.values())], rows, "Shares of each state's variance."
    )
