"""Which steps do not belong to their trajectory, and what was expected in their place."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Probability, Trajectories
from sdebayes.data import StateSpace

_NUMBERS = ("surprise", "information", "tail_probability", "p_value", "q_value")


@checked
def misfits(
    found: xr.Dataset,
    rate: Probability = 0.1,
    *,
    space: StateSpace | None = None,
    training: Trajectories | None = None,
    count: Count = 3,
) -> xr.Dataset:
    """List the steps that do not belong, at a rate of false discoveries within each trajectory.

    Parameters
    ----------
    found
        As `surprise` returns it.
    rate
        The share of false ones aimed at among those listed of a trajectory, on average over trajectories. Where more
        than an eighth of the steps is foreign it may be exceeded; see ``foreign`` of `surprise`.
    space, training
        The posterior's space and the trajectories it was fitted to, with texts: then each step has ``count`` exemplars
        beside it, the training steps nearest to what was expected in its place.
    count
        How many exemplars.

    Returns
    -------
    xarray.Dataset
        Over ``misfit``, the most surprising first: ``name`` of the trajectory, ``step``, ``time``, what `surprise` says
        in numbers, ``expected`` (misfit, state) and, where the data have it, ``text``; with a space ``exemplar_name``,
        ``exemplar_step``, ``distance`` and, where the training data have it, ``exemplar_text`` (misfit, exemplar).
        ``attrs["caution"]`` says so where there is too little calibration to find a single step.

    Raises
    ------
    DataError
        If there are no surprises, or one of space and training is missing.
    StateSpaceError
        If the training data are of another space.

    See Also
    --------
    sdebayes.analysis.quality.surprise : Finds them.
    sdebayes.plots.quality.surprise : Marks them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.quality.surprise`:

    >>> listed = sb.analysis.quality.misfits(found)
    >>> 50 in listed["step"]
    True
    """
    if "q_value" not in found or "expected" not in found:
        raise DataError("misfits needs what analysis.quality.surprise returns.")
    if (space is None) != (training is None):
        raise DataError(
            "misfits: exemplars need both the space and the training trajectories; give both, or none."
        )
    q = found["q_value"].transpose("trajectory", "time").values
    rows, steps = np.nonzero(np.nan_to_num(q, nan=1.0) <= rate)
    order = np.lexsort((found["tail_probability"].values[rows, steps], q[rows, steps]))
    rows, steps = rows[order], steps[order]
    dims = ("misfit",)
    table = xr.Dataset(
        {
            "name": (dims, found["trajectory"].values[rows]),
            "step": (dims, steps),
            "time": (dims, found["t"].values[rows, steps]),
            **{name: (dims, found[name].values[rows, steps]) for name in _NUMBERS if name in found},
            "expected": ((*dims, "state"), found["expected"].values[rows, steps]),
        },
        {"state": found["state"].values},
        found.attrs | {"rate": rate, "caution": _cautions(found, q, rate)},
    )
    if "text" in found:
        table["text"] = (dims, found["text"].values[rows, steps])
    return table if space is None or training is None else _with_exemplars(table, space, training, count)


def _with_exemplars(table: xr.Dataset, space: StateSpace, training: xr.Dataset, count: int) -> xr.Dataset:
    if not table.sizes["misfit"]:
        return table
    near = space.exemplars(table["expected"].values, training, count)
    named = {
        "name": "exemplar_name",
        "step": "exemplar_step",
        "text": "exemplar_text",
        "distance": "distance",
    }
    return table.assign(
        {
            new: (("misfit", "exemplar"), near[old].transpose("point", "exemplar").values)
            for old, new in named.items()
            if old in near
        }
    )


def _cautions(found: xr.Dataset, q: np.ndarray, rate: float) -> str:
    """Add to what is said of the surprises that the smallest p-value there can be is too large, where it is."""
    before = str(found.attrs.get("caution", ""))
    if "calibration_steps" not in found.attrs:
        return before
    least = 1 / (int(found.attrs["calibration_steps"]) + 1)
    lengths = np.isfinite(q).sum(axis=1)
    blind = int((least * lengths > rate).sum())
    if not blind:
        return before
    said = (
        f"In {blind} of {lengths.size} trajectories no single step can be found: with "
        f"{found.attrs['calibration_steps']} steps for calibration no p-value is below {least:.2g}, and a "
        f"trajectory of {lengths.max()} steps takes {rate / lengths.max():.2g}. Give more calibration documents."
    )
    return f"{before} {said}".strip()
