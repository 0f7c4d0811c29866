"""What was found, in a few lines."""

from __future__ import annotations

from sdebayes.analysis import fields, summarize
from sdebayes.reporting.blocks import Block, Chapter, Paragraph, Verdict, Verdicts
from sdebayes.reporting.chapters import properties, verdicts
from sdebayes.reporting.material import Material
from sdebayes.reporting.wording import interval, plural


def write(material: Material) -> Chapter:
    """Write the chapter."""
    checks = verdicts.fit(material)
    bad = [check for check in checks if check.severity != "good"]
    good = [check.subject for check in checks if check.severity == "good"]
    if good:
        bad.append(Verdict("good", "Checks passed", f"{', '.join(good)}."))
    moments = verdicts.moments(material)
    judged = [verdicts.gain(material), verdicts.calibration(material), properties.judged(material)]
    items = [*judged, *([moments] if moments else []), *bad]
    blocks: list[Block] = [Paragraph(_data(material)), Paragraph(_time(material)), Verdicts(items)]
    warning = material.data.attrs.get("warning")
    if warning:
        blocks.append(Verdicts([Verdict("warning", "Construction of the steps", str(warning))]))
    return Chapter("summary", "Summary", blocks)


def _data(material: Material) -> str:
    posterior = material.posterior
    train, test = material.data.sizes["trajectory"], material.test
    steps = int(material.data["y"].notnull().any("state").sum())
    also = "" if test is None else f", and judged on {test.sizes['trajectory']} that were held out"
    sizes = posterior.data["unconstrained"].sizes
    return (
        f"A stochastic differential equation in {plural(len(posterior.states), 'state')} was fitted to "
        f"{train} {material.noun if train == 1 else material.nouns} with {plural(steps, 'observed step')}{also}. "
        f"Everything below is read from {sizes['chain']} × {sizes['draw']} posterior draws; "
        "brackets hold 90 % posterior intervals unless said otherwise."
    )


def _time(material: Material) -> str:
    constants = fields.jacobian_spectrum(material.posterior).isel(point=0)["time_constant"]
    summary = summarize(constants.rename("value"))["value"]
    unit = material.time_unit
    slowest = f"forgets with a time constant of {interval(summary.isel(mode=0), 1)} {unit}s"
    if summary.sizes["mode"] == 1:
        return f"It {slowest}."
    return f"The slowest direction {slowest}, the fastest with {interval(summary.isel(mode=-1), 1)}."
