"""What a posterior, or a known SDE, says about the process: every result keeps its draws.

See Also
--------
sdebayes.plots : Draws the results.
sdebayes.summarize : Intervals of them.

Examples
--------
Continuing the example of :func:`sdebayes.fit`; a known SDE is read in the same way:

>>> sb.analysis.process.mixing_time(posterior).dims
('sample',)
>>> float(sb.analysis.process.mixing_time(truth).squeeze().round(2))
1.0
"""

from sdebayes.analysis import (
    calibration,
    contrast,
    depth,
    fields,
    forecasts,
    level,
    moments,
    persistence,
    phase_space,
    process,
    quality,
    regimes,
    variance,
)
from sdebayes.analysis.summary import summarize

__all__ = [
    "calibration",
    "contrast",
    "depth",
    "fields",
    "forecasts",
    "level",
    "moments",
    "persistence",
    "phase_space",
    "process",
    "quality",
    "regimes",
    "summarize",
    "variance",
]
