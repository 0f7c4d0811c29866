"""What the demo found, in three sentences."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes.inference.findings import Findings
from sdebayes.posterior import claims
from sdebayes.posterior.claims import AGAINST, RETURN, SUPPORTED


def conclusion(table: xr.Dataset, shuffled: xr.Dataset, findings: Findings) -> list[str]:
    """Say what the order of sentences is worth, whether speeches come back to a middle, and what to doubt.

    Parameters
    ----------
    table
        Held-out scores as `sdebayes.compare` returns them, the model first.
    shuffled
        The same of the model where sentences have lost their order.
    findings
        The checks of the fit.

    Returns
    -------
    list of str
        Three sentences.
    """
    return [_order(table, shuffled), _return(table), _doubts(findings)]


def _order(table: xr.Dataset, shuffled: xr.Dataset) -> str:
    own, null = (one.isel(candidate=0) for one in (table, shuffled))
    gain, left = _number(own), _number(null)
    if float(own["lower"]) <= 0:
        return f"Order: that the sentences before tell more than the speech alone is not shown, {gain} nats a sentence."
    times = np.exp(float(own["difference"]))
    said = (
        f"Order: given the sentences before, a held-out sentence has {times:.1f} times the density (in the geometric "
        f"mean) that it has given its speech alone, {gain} nats"
    )
    if float(null["upper"]) < float(own["lower"]):
        return f"{said}; of sentences in random order {left} are left."
    return f"{said}; but of sentences in random order {left} are left, so that not all of it is order."


def _return(table: xr.Dataset) -> str:
    row = claims(table).sel(claim=RETURN)
    number = f"{_number(row)} nats a sentence over a random walk with noise"
    verdict = str(row["verdict"].values)
    if verdict == SUPPORTED:
        return f"Return: speeches come back to a middle, {number}."
    if verdict == AGAINST:
        return f"Return: a random walk with noise predicts better, {number}."
    return f"Return: whether speeches come back to a middle the scores do not tell, {number}."


def _doubts(findings: Findings) -> str:
    named = [one.subject for one in findings if one.severity in ("problem", "warning")]
    if not named:
        return "Doubts: no check of the fit warns, which does not prove the model true."
    what = "read them before drift and time constants"
    return f"Doubts: {len(named)} of {len(findings)} checks warn ({', '.join(named)}): {what}."


def _number(row: xr.Dataset) -> str:
    return f"{float(row['difference']):+.3f} [{float(row['lower']):+.3f}, {float(row['upper']):+.3f}]"
