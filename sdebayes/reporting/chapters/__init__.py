"""The chapters of the report, each a module with a function ``write(material) -> Chapter``."""

from sdebayes.reporting.chapters import (
    calibration,
    comparison,
    data,
    diagnostics,
    model,
    moments,
    phase_space,
    process,
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
    phase_space.write,
    moments.write,
    process.write,
    texts.write,
    provenance.write,
)
