"""Which claims a table of held-out scores supports."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.ratio import ratio
from sdebayes.inference.nulls import IID, IIDDocumentEffect, RandomWalkNoise
from sdebayes.posterior.compare import DIAGONAL, LINEAR, NONLINEAR

ORDER, RETURN, COUPLING, NONLINEARITY = "order", "return to an equilibrium", "coupling", "nonlinearity"
_NUMBERS, _UNITS = ("difference", "lower", "upper"), {"units": "nat per observed step"}
SUPPORTED, NOT_SUPPORTED, AGAINST, NOT_ASKED = "supported", "not supported", "against", "not asked"


@checked
def claims(table: xr.Dataset, candidate: str | None = None) -> xr.Dataset:
    """Say which claims about a model its held-out scores support.

    Each claim names the rows that know everything but what it claims, and all of them must be beaten:

    - *order*: the order of the steps predicts what comes next; "iid" and "iid + document effect";
    - *return to an equilibrium*: steps lead back to a middle; "random walk + noise";
    - *coupling*: states move one another; of a linear model, the linear ones with a diagonal matrix A;
    - *nonlinearity*: the drift is not linear; of a nonlinear model, the linear ones with a full matrix A.

    The last two count only rows with the same observation (noise, trajectory effect) as the model.

    Parameters
    ----------
    table
        As `sdebayes.compare` returns it.
    candidate
        The model's row; by default the first.

    Returns
    -------
    xr.Dataset
        Over ``claim``: ``verdict``, which is "supported" where the 95 % interval of the difference to every such row is
        above zero, "against" where one is below zero, "not asked" where there is no such row, else "not supported";
        ``against``, the row that is the hardest to beat; ``difference`` to it, ``lower`` and ``upper``, in nats per
        observed step, NaN where not asked. ``attrs["caution"]`` says so where there are few trajectories.

    Raises
    ------
    DataError
        If the table is none, or has no such candidate.

    See Also
    --------
    sdebayes.compare : Makes the table.

    Examples
    --------
    Continuing the example of :func:`sdebayes.compare`:

    >>> verdict = sb.claims(table)["verdict"]
    >>> verdict.sel(claim=["order", "nonlinearity"]).values.tolist()
    ['supported', 'not asked']
    """
    if not isinstance(table, xr.Dataset) or "kind" not in table.coords:
        raise DataError("claims needs the table that sdebayes.compare returns.")
    names = [str(name) for name in table["candidate"].values]
    own = names[0] if candidate is None else candidate
    if own not in names:
        raise DataError(f"There is no candidate {own!r}; there are {', '.join(names)}.")
    judged = {claim: _judged(table, own, rows) for claim, rows in _rivals(table, own).items()}
    columns = dict(zip(("verdict", "against", *_NUMBERS), zip(*judged.values(), strict=True), strict=True))
    variables = {
        name: xr.Variable("claim", np.array(values), _UNITS if name in _NUMBERS else None)
        for name, values in columns.items()
    }
    attrs = {"candidate": own, "caution": table.attrs["caution"]}
    return xr.Dataset(variables, {"claim": list(judged)}, attrs)


def _rivals(table: xr.Dataset, own: str) -> dict[str, list[str]]:
    """Name the rows that a model must beat for each claim."""
    row = table.sel(candidate=own)
    kind = str(row["kind"].values)
    alike = table["observation"] == row["observation"]

    def rows(other: str) -> list[str]:
        return [str(name) for name in table["candidate"].values[(alike & (table["kind"] == other)).values]]

    def nulls(*wanted: str) -> list[str]:
        return [str(name) for name in table["candidate"].values if name in wanted and name != own]

    return {
        ORDER: nulls(IID.name, IIDDocumentEffect.name),
        RETURN: nulls(RandomWalkNoise.name),
        COUPLING: rows(DIAGONAL) if kind == LINEAR else [],
        NONLINEARITY: rows(LINEAR) if kind == NONLINEAR else [],
    }


def _judged(table: xr.Dataset, own: str, rivals: list[str]) -> tuple[str, str, float, float, float]:
    if not rivals:
        return NOT_ASKED, "", np.nan, np.nan, np.nan
    scores = table["log_score"]
    gain = (scores.sel(candidate=own) - scores.sel(candidate=rivals)).transpose("candidate", "trajectory")
    found = ratio(gain.values, table["n_observed"].values.astype(float))
    verdict, hardest = NOT_SUPPORTED, int(np.argmin(found.lower))
    if found.lower[hardest] > 0:
        verdict = SUPPORTED
    elif (found.upper < 0).any():
        verdict, hardest = AGAINST, int(np.argmin(found.upper))
    value, _, lower, upper = (float(part[hardest]) for part in found)
    return verdict, rivals[hardest], value, lower, upper
