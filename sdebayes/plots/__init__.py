"""Figures of results: each function takes xarray only and returns matplotlib axes.

See Also
--------
sdebayes.analysis : Computes what is drawn.

Examples
--------
Continuing the example of :func:`sdebayes.fit`:

>>> found = sb.analysis.variance.shares(posterior)
>>> ax = sb.plots.variance.shares(found)
>>> ax.figure.savefig("shares.png")
"""

from sdebayes.plots import (
    calibration,
    checks,
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
    scores,
    steering,
    variance,
)

__all__ = [
    "calibration",
    "checks",
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
    "scores",
    "steering",
    "variance",
]
