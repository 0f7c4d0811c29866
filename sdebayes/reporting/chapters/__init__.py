"""The chapters of the report, each a module with a function ``write(context) -> Chapter``."""

from sdebayes.reporting.chapters import (
    calibration,
    comparison,
    data,
    diagnostics,
    forecasts,
    model,
    moments,
    phase_space,
    process,
    properties,
    provenance,
    regimes,
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

OF_REGIMES = (
    summary.write,
    data.write,
    comparison.write,
    model.write,
    diagnostics.write,
    calibration.write,
    forecasts.write,
    regimes.write,
    moments.write,
    texts.write,
    provenance.write,
)
"""Of several regimes there is no one phase space, and no one process whose properties could be judged."""
