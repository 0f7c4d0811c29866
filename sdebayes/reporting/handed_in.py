"""Whether a table of scores that a report is handed is of its model and its held-out trajectories."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float

from sdebayes._core.errors import DataError, ModelError

_PARTS = {"log_score", "difference", "lower", "upper", "per_step", "candidate", "trajectory", "n_observed"}
_NEAR = 1e-3


def check_comparison(table: xr.Dataset, test: xr.Dataset | None) -> None:
    """Check that a table is one of `sdebayes.compare` about these trajectories.

    Raises
    ------
    DataError
        If it is not; the message says what is missing or which trajectory stands alone.
    """
    missing = sorted(_PARTS - set(table.variables)) + sorted({"baseline", "caution"} - set(table.attrs))
    if missing:
        raise DataError(f"comparison has no {missing[0]!r}; expected what sdebayes.compare returns.")
    if test is None:
        raise DataError("comparison was given without test; give the trajectories that it scores: test=.")
    scored, held_out = list(table["trajectory"].values), list(test["trajectory"].values)
    if scored != held_out:
        alone = next((name for name in [*scored, *held_out] if (name in scored) != (name in held_out)), None)
        which = "in another order" if alone is None else f"others ({alone!r} is in one of them alone)"
        raise DataError(
            f"comparison scores {len(scored)} trajectories, test has {len(held_out)}, {which}; give the table that "
            "sdebayes.compare makes of test."
        )


def check_first_row(table: xr.Dataset, own: Float[np.ndarray, " trajectory"]) -> None:
    """Check that a table's first row has the log scores, (trajectory,), of a model itself.

    Raises
    ------
    ModelError
        If it has others: a page would tell of another model as of this one.
    """
    first = table["log_score"].isel(candidate=0).values
    steps = np.maximum(table["n_observed"].values, 1)
    off = float(np.max(np.abs(first - own) / steps))
    if not off <= _NEAR:
        raise ModelError(
            f"comparison: its first row, {str(table['candidate'].values[0])!r}, is off by up to {off:.2g} nats a step "
            "from what this posterior scores on test; put this posterior first: sdebayes.compare({name: posterior, …}, "
            "test)."
        )
