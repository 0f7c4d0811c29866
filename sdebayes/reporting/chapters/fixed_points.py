"""The fixed points of a nonlinear drift, in words and as a table."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes.analysis.phase_space import matched
from sdebayes.reporting.blocks import Block, Paragraph, Table
from sdebayes.reporting.wording import DEVIATION, number, percent

MOST_STATES = 16


def fixed_point_blocks(found: xr.Dataset) -> list[Block]:
    """Say how many stable fixed points the draws have, and where those are that draws have in common."""
    counts = found["stable"].sum("fixed_point").values
    shares = [f"{percent(float(np.mean(counts == n)))} of the draws have {n}" for n in np.unique(counts)]
    blocks: list[Block] = [Paragraph("Stable fixed points around the data: " + ", ".join(shares) + ".")]
    common = matched(found)
    if common.sizes["fixed_point"]:
        blocks.append(_table(common))
    return blocks


def _table(common: xr.Dataset) -> Table:
    states = [str(state) for state in common["state"].values[:MOST_STATES]]
    rows = [_row(common.isel(fixed_point=k), str(k + 1)) for k in range(common.sizes["fixed_point"])]
    caption = (
        "Fixed points that draws have in common: the share of draws that have it, its most frequent type, the median "
        "time constant of its leading direction (the slowest to decay, or the fastest to grow), and mean ± standard "
        "deviation of its place over those draws."
    )
    return Table(
        ["place", "draws", "type", "time constant", *(f"{state}, {DEVIATION}" for state in states)],
        rows,
        caption,
    )


def _row(place: xr.Dataset, name: str) -> list[str]:
    shares = place["kind_probability"]
    kind = int(shares.argmax("kind"))
    where = [
        f"{number(float(place['location'][j]))} ± {number(float(place['sd'][j]))}"
        for j in range(min(MOST_STATES, place.sizes["state"]))
    ]
    type_ = f"{shares['kind'].values[kind]} ({percent(float(shares[kind]))})"
    return [
        name,
        percent(float(place["probability"])),
        type_,
        number(float(place["time_constant"]), 1),
        *where,
    ]
