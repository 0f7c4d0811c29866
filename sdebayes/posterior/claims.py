"""Which claims a table of held-out scores supports."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.ratio import caution, ratio
from sdebayes.inference.nulls import IID, IIDDocumentEffect, RandomWalkNoise
from sdebayes.posterior.candidates import DIAGONAL, LINEAR, NONLINEAR, SHUFFLED

ORDER, RETURN, COUPLING, NONLINEARITY = "order", "return to an equilibrium", "coupling", "nonlinearity"
_NUMBERS, _UNITS = ("difference", "lower", "upper"), {"units": "nat per observed step"}
SUPPORTED, NOT_SUPPORTED, AGAINST, NOT_ASKED = "supported", "not supported", "against", "not asked"


@checked
def claims(table: xr.Dataset, candidate: str | None = None) -> xr.Dataset:
    """Say which claims about a model its held-out scores support.

    Each claim names the rows that know everything but what it claims, and all of them must be beaten:

    - *order*: the order of the steps predicts what comes next; "iid", "iid + document effect", and the same model
      fitted to `sdebayes.shuffle` of its trajectories, where it is a row;
    - *return to an equilibrium*: steps lead back to a middle; "random walk + noise";
    - *coupling*: states move one another; of a linear model, the linear ones with a diagonal matrix A;
    - *nonlinearity*: the drift is not linear; of a nonlinear model, the linear ones with a full matrix A.

    The last two, and a shuffled fit, count only where they have the same noise, trajectory effect, diffusion, first
    state (``initial="free"`` of a linear model beside a nonlinear one), groups and covariates as the model. The nulls
    are normal and know neither groups nor covariates nor regimes: of a model that does (``beyond_nulls``), order is
    asked of the shuffled fit alone, and a return to an equilibrium not at all.
    Trajectories that the model was fitted to do not count; where fewer than two others are left, nothing is asked.

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
        observed step, NaN where not asked. ``attrs["caution"]`` says so where there are few trajectories;
        ``attrs["not_asked"]`` says why where a model or its data are such that nothing can be asked.

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
    why_not = _why_not(table, own, judged)
    unseen = _unseen(table, own)
    few = table.attrs["caution"] if unseen.all() else caution(int(unseen.sum()))
    attrs = {"candidate": own, "not_asked": why_not, "caution": few}
    return xr.Dataset(variables, {"claim": list(judged)}, attrs)


def _rivals(table: xr.Dataset, own: str) -> dict[str, list[str]]:
    """Name the rows that a model must beat for each claim."""
    row = table.sel(candidate=own)
    kind = str(row["kind"].values)
    alike = table["observation"] == row["observation"]

    def rows(other: str) -> list[str]:
        return [str(name) for name in table["candidate"].values[(alike & (table["kind"] == other)).values]]

    def nulls(*wanted: str) -> list[str]:
        there = [str(name) for name in table["candidate"].values if name in wanted and name != own]
        return [] if _beyond(table, own) else there

    found = {
        ORDER: [*nulls(IID.name, IIDDocumentEffect.name), *(rows(SHUFFLED) if kind != SHUFFLED else [])],
        RETURN: nulls(RandomWalkNoise.name),
        COUPLING: rows(DIAGONAL) if kind == LINEAR else [],
        NONLINEARITY: rows(LINEAR) if kind == NONLINEAR else [],
    }
    return found if _unseen(table, own).sum() > 1 else {claim: [] for claim in found}


def _beyond(table: xr.Dataset, own: str) -> str:
    """Say what a model knows of steps without their order and no null does."""
    return str(table["beyond_nulls"].sel(candidate=own).values) if "beyond_nulls" in table.coords else ""


def _unseen(table: xr.Dataset, own: str) -> np.ndarray:
    """Return which trajectories the model was not fitted to."""
    if "in_sample" not in table.coords:
        return np.ones(table.sizes["trajectory"], dtype=bool)
    return ~table["in_sample"].sel(candidate=own).values


def _why_not(table: xr.Dataset, own: str, judged: dict[str, tuple[str, str, float, float, float]]) -> str:
    """Say what is not asked because of the model or its data; nothing where all is."""
    unseen, beyond = _unseen(table, own), _beyond(table, own)
    seen = f"{int((~unseen).sum())} of {unseen.size} trajectories are those of the fit"
    if unseen.sum() < 2:
        return f"Nothing is asked: {seen}; score such as it has not seen."
    asked = {claim for claim, (verdict, *_) in judged.items() if verdict != NOT_ASKED}
    said = [] if unseen.all() else [f"{seen} and do not count."]
    open_claims = [claim for claim in (ORDER, RETURN) if claim not in asked]
    if beyond and open_claims:
        said.append(
            f"Not asked: {' and '.join(open_claims)}, for the nulls do not know what this model does ({beyond})."
        )
    if beyond and ORDER in open_claims:
        said.append("For order, give a fit of the same model to sdebayes.shuffle(train) as a further row.")
    own_kind, kinds = str(table["kind"].sel(candidate=own).values), table["kind"].values
    for claim, of, rival in ((COUPLING, LINEAR, DIAGONAL), (NONLINEARITY, NONLINEAR, LINEAR)):
        if own_kind == of and rival in kinds and claim not in asked:
            alike = str(table["observation"].sel(candidate=own).values)
            said.append(
                f"Not asked: {claim}, for no {rival} row is like this model in all but its drift ({alike})."
            )
    return " ".join(said)


def _judged(table: xr.Dataset, own: str, rivals: list[str]) -> tuple[str, str, float, float, float]:
    if not rivals:
        return NOT_ASKED, "", np.nan, np.nan, np.nan
    table = table.isel(trajectory=_unseen(table, own))
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
