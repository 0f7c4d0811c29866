"""The chapters of the report, each a module with a function ``write(context) -> Chapter``."""

from __future__ import annotations

from collections.abc import Callable

from sdebayes.reporting.blocks import Chapter
from sdebayes.reporting.chapters import (
    calibration,
    comparison,
    data,
    diagnostics,
    forecasts,
    groups,
    layers,
    model,
    moments,
    order,
    phase_space,
    process,
    properties,
    provenance,
    regimes,
    steered,
    summary,
    texts,
)
from sdebayes.reporting.context import ReportContext

Write = Callable[[ReportContext], Chapter]


def chapters_of(context: ReportContext) -> tuple[Write, ...]:
    """Return what writes the chapters of a posterior; several groups or regimes have no one process to draw."""
    posterior = context.posterior
    one_process = not (posterior.groups or posterior.regimes)
    return (
        summary.write,
        data.write,
        comparison.write,
        *((groups.write,) if posterior.groups else ()),
        model.write,
        diagnostics.write,
        calibration.write,
        forecasts.write,
        *((layers.write,) if context.over_depth else ()),
        *((regimes.write,) if posterior.regimes else ()),
        *((phase_space.write,) if one_process else ()),
        moments.write,
        *((process.write, properties.write) if one_process else ()),
        order.write,
        texts.write,
        *((steered.write,) if context.steered is not None else ()),
        provenance.write,
    )
