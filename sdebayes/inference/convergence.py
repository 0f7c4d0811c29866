"""Whether the optimisation of a variational bound has come to its end."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes.inference.findings import Finding

_LAST = 3
_BATCHES = 10
RISE_LIMIT = 0.5
"""Nats that the bound may rise by between the two halves of its last third."""


def elbo_finding(tree: xr.DataTree) -> Finding:
    """Judge whether the evidence lower bound still rises in its last third.

    Parameters
    ----------
    tree
        A posterior with the group ``elbo``.

    Notes
    -----
    The means of the two halves of the last third are compared; the standard error of their difference is that of ten
    batch means in each. The bound still rises where the difference is above half a nat and above thrice its error.
    """
    trace = tree["elbo"].to_dataset()["elbo"].values
    finite = trace[np.isfinite(trace)]
    half = max(len(finite) // (2 * _LAST), 1)
    before, after = finite[-2 * half : -half], finite[-half:]
    if not len(before) or len(finite) < 0.9 * len(trace):
        return Finding(
            "ELBO",
            "problem",
            f"finite in {len(finite)} of {len(trace)} steps only.",
            "Lower the learning rate, or use NUTS.",
        )
    rise = float(after.mean() - before.mean())
    error = float(np.sqrt(_squared_error(before) + _squared_error(after)))
    rising = rise > max(RISE_LIMIT, 3 * error)
    return Finding(
        "ELBO",
        "warning" if rising else "good",
        f"{'still rises' if rising else 'has come to rest'}: by {rise:.2g} ± {error:.1g} nat over the last "
        f"{2 * half} of {len(trace)} steps.",
        "Take more steps, or a larger learning rate." if rising else "",
        {"rise": rise, "standard_error": error},
    )


def _squared_error(values: np.ndarray) -> float:
    """Return the squared standard error of a mean, by batch means."""
    batches = np.array_split(values, min(_BATCHES, len(values)))
    means = np.array([batch.mean() for batch in batches])
    return float(means.var(ddof=1) / len(means)) if len(means) > 1 else np.inf
