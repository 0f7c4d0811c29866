"""What was found, in a few lines."""

from __future__ import annotations

from sdebayes.analysis import summarize
from sdebayes.inference.findings import SEVERITIES
from sdebayes.reporting.blocks import Block, Chapter, Legend, Paragraph, Verdict, Verdicts
from sdebayes.reporting.chapters import properties, verdicts
from sdebayes.reporting.chapters.headline import headline
from sdebayes.reporting.material import Material
from sdebayes.reporting.wording import interval, listed, percent, plural

IN_ONE_LINE = {
    "good": "As they should be",
    "not rejected": "Tested and not rejected",
    "assumed": "Assumed, not tested",
}


def write(material: Material) -> Chapter:
    """Write the chapter."""
    gain, moments = verdicts.gain(material), verdicts.moments(material)
    judged = [
        gain,
        verdicts.calibration(material),
        properties.judged(material),
        *([moments] if moments else []),
    ]
    checks = verdicts.fit(material)
    warning = material.data.attrs.get("warning")
    if warning:
        judged.append(Verdict("warning", "Construction of the steps", str(warning)))
    blocks: list[Block] = [
        headline([*judged, *checks], gain),
        Paragraph(_data(material)),
        Paragraph(_time(material)),
        Verdicts(_shortened(judged, checks)),
        Paragraph("What the words on the left mean:", quiet=True),
        Legend(list(SEVERITIES.items())),
    ]
    return Chapter("summary", "Summary", blocks)


def _shortened(judged: list[Verdict], checks: list[Verdict]) -> list[Verdict]:
    """Put the checks of the fit that ask for nothing into one line for each severity."""
    lines = []
    for severity, subject in IN_ONE_LINE.items():
        names = [check.subject for check in checks if check.severity == severity]
        if names:
            lines.append(Verdict(severity, subject, f"{listed(names)}."))
    rest = [check for check in checks if check.severity not in IN_ONE_LINE]
    return verdicts.worst_first([*judged, *rest, *lines])


def _data(material: Material) -> str:
    posterior = material.posterior
    train, test = material.data.sizes["trajectory"], material.test
    steps = int(material.data["y"].notnull().any("state").sum())
    also = "" if test is None else f", and judged on {test.sizes['trajectory']} that were held out"
    step = f" A step is {material.step_is}." if material.step_is else ""
    sizes = posterior.data["unconstrained"].sizes
    return (
        f"A stochastic differential equation in {plural(len(posterior.states), 'state')} was fitted to "
        f"{train} {material.noun if train == 1 else material.nouns} with {plural(steps, 'observed step')}{also}."
        f"{step}{_held(material)} Everything below is read from {sizes['chain']} × {sizes['draw']} posterior draws. "
        "Brackets hold 90 % intervals unless said otherwise, and ± is one standard error or, of a place, one standard "
        "deviation."
    )


def _held(material: Material) -> str:
    """Say how much of the variance the states hold: what they leave out no result below can speak of."""
    space = material.posterior.space
    if space is None:
        return ""
    share = float(space.explained_variance.sum())
    return f" The states hold {percent(share)} of the variance of the embedding; of the rest nothing is said here."


def _time(material: Material) -> str:
    summary, prior = (
        summarize(spectrum[["time_constant"]].isel(point=0))["time_constant"]
        for spectrum in (material.spectrum, material.prior_spectrum)
    )
    slowest = f"forgets with a time constant of {interval(summary.isel(mode=0), 1)} {material.time_units}"
    before = f" (before the data: {interval(prior.isel(mode=0), 1)})"
    if summary.sizes["mode"] == 1:
        return f"It {slowest}{before}."
    return f"The slowest direction {slowest}{before}, the fastest with {interval(summary.isel(mode=-1), 1)}."
