"""The chapters of the report, each a module with a function ``write(context) -> Chapter``."""

from sdebayes.reporting.chapters import (
    calibration,
    comparison,
    data,
    diagnostics,
    forecasts,
    groups,
    model,
    moments,
    phase_space,
    process,
    properties,
    provenance,
    summary,
    texts,
)

CHAPTERS = (
    summary.write,
    data.write,
    comparison.write,
    model.write,
    diagnostics.write,
    calibration.write,
    forecasts.write,
    phase_space.write,
    moments.write,
    process.write,
    properties.write,
    texts.write,
    provenance.write,
)

GROUPED = (
    summary.write,
    data.write,
    comparison.write,
    groups.write,
    model.write,
    diagnostics.write,
    calibration.write,
    forecasts.write,
    moments.write,
    texts.write,
    provenance.write,
)
"""Those of a posterior of several groups, which has no one drift to draw."""
