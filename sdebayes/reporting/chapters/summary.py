"""What was found, in a few lines."""

from __future__ import annotations

from sdebayes.analysis import regimes, summarize
from sdebayes.inference.findings import SEVERITIES
from sdebayes.reporting.blocks import Block, Chapter, Legend, Paragraph, Verdict, Verdicts
from sdebayes.reporting.chapters import groups, properties, verdicts
from sdebayes.reporting.chapters.headline import headline
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.wording import duration, listed, percent, plural

IN_ONE_LINE = {
    "good": "As they should be",
    "not rejected": "Tested and not rejected",
    "assumed": "Assumed, not tested",
}


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    gain, moments = verdicts.gain(context), verdicts.moments(context)
    judged = [
        gain,
        verdicts.calibration(context),
        *([groups.judged(context)] if context.groups else []),
        *([] if context.groups or context.posterior.regimes else [properties.judged(context)]),
        *([moments] if moments else []),
    ]
    checks = verdicts.fit(context)
    warning = context.data.attrs.get("warning")
    if warning:
        judged.append(Verdict("warning", "Construction of the steps", str(warning)))
    blocks: list[Block] = [
        headline([*judged, *checks], [gain, *([groups.judged(context)] if context.groups else [])]),
        Paragraph(_data(context)),
        Paragraph(_dwell(context) if context.posterior.regimes else _time(context)),
        *verdicts.worth(context),
        Verdicts(_shortened(judged, checks)),
        Paragraph("What the words on the left mean:", quiet=True),
        Legend(list(SEVERITIES.items())),
    ]
    return Chapter("summary", "Summary", blocks)


def _shortened(judged: list[Verdict], checks: list[Verdict]) -> list[Verdict]:
    """Say first what was found, then what speaks against it; a line for each kind of check that asks for nothing."""
    lines = []
    for severity, subject in IN_ONE_LINE.items():
        names = [check.subject for check in checks if check.severity == severity]
        if names:
            lines.append(Verdict(severity, subject, f"{listed(names)}."))
    rest = [check for check in checks if check.severity not in IN_ONE_LINE]
    found, *others = judged
    return [found, *verdicts.worst_first([*others, *rest, *lines])]


def _data(context: ReportContext) -> str:
    posterior = context.posterior
    train, test = context.data.sizes["trajectory"], context.test
    steps = int(context.data["y"].notnull().any("state").sum())
    also = "" if test is None else f", and judged on {test.sizes['trajectory']} that were held out"
    step = f" A step is {context.step_is}." if context.step_is else ""
    sizes = posterior.data["unconstrained"].sizes
    return (
        f"A stochastic differential equation in {plural(len(posterior.states), 'state')} was fitted to "
        f"{train} {context.noun if train == 1 else context.nouns} with {plural(steps, 'observed step')}{also}."
        f"{_groups(context)}{step}{_held(context)} Everything below is read from {sizes['chain']} × {sizes['draw']} "
        "posterior draws. "
        "Brackets hold 90 % intervals unless said otherwise, and ± is one standard error or, of a place, one standard "
        "deviation."
    )


def _groups(context: ReportContext) -> str:
    if not context.groups:
        return ""
    return f" They are of {len(context.groups)} groups, {groups.sizes(context)}, fitted together."


def _held(context: ReportContext) -> str:
    """Say how much of the variance the states hold: what they leave out no result below can speak of."""
    space = context.posterior.space
    if space is None:
        return ""
    share = float(space.explained_variance.sum())
    return f" The states hold {percent(share)} of the variance of the embedding; of the rest nothing is said here."


def _dwell(context: ReportContext) -> str:
    """Say how many regimes there are and how long they last."""
    found = summarize(regimes.dwell_times(context.posterior))["dwell_time"]
    said = [f"regime {label} {duration(found.sel(regime=label))}" for label in found["regime"].values]
    return (
        f"It was taken to switch between {len(said)} regimes, which last on average {listed(said)} "
        f"{context.time_units}. Each has a drift and a phase space of its own, of which this page does not speak: "
        "posterior.regime(1) is one of them."
    )


def _time(context: ReportContext) -> str:
    if context.groups:
        each = [
            f"{duration(found.isel(mode=0))} {context.time_units} in {name}"
            for name, found in context.time_constants.items()
        ]
        return f"The slowest direction forgets with a time constant of {listed(each)}."
    summary, prior = (
        summarize(spectrum[["time_constant"]].isel(point=0))["time_constant"]
        for spectrum in (context.spectrum, context.prior_spectrum)
    )
    growing = float((context.spectrum["real_part"].isel(point=0, mode=0) > 0).mean())
    if growing > 0.5:
        return (
            f"At the reference state a direction grows, in {percent(growing)} of the draws, by the factor e in "
            f"{duration(summary.isel(mode=0))} {context.time_units}."
        )
    slowest = f"forgets with a time constant of {duration(summary.isel(mode=0))} {context.time_units}"
    before = f" (before the data: {duration(prior.isel(mode=0))})"
    if summary.sizes["mode"] == 1:
        return f"It {slowest}{before}."
    return f"The slowest direction {slowest}{before}, the fastest with {duration(summary.isel(mode=-1))}."
