"""The chapters of the report, each a module with a function ``write(context) -> Chapter``."""

from __future__ import annotations

from collections.abc import Callable

from sdebayes.posterior import Posterior
from sdebayes.reporting.blocks import Chapter
from sdebayes.reporting.chapters import (
    calibration,
    comparison,
    data,
    diagnostics,
    forecasts,
    groups,
    model,
    moments,
    order,
    phase_space,
    process,
    properties,
    provenance,
    regimes,
    summary,
    texts,
)
from sdebayes.reporting.context import ReportContext

Write = Callable[[ReportContext], Chapter]


def chapters_of(posterior: Posterior) -> tuple[Write, ...]:
    """Return what writes the chapters of a posterior; several groups or regimes have no one process to draw."""
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
        *((regimes.write,) if posterior.regimes else ()),
        *((phase_space.write,) if one_process else ()),
        moments.write,
        *((process.write, properties.write) if one_process else ()),
        order.write,
        texts.write,
        provenance.write,
    )
