"""The fixed points of a nonlinear drift, in words and as a table."""

from __future__ import annotations

import xarray as xr

from sdebayes.analysis.fields.distance import FAR, NAME
from sdebayes.analysis.phase_space import fixed_point_counts, matched
from sdebayes.reporting.blocks import Block, Paragraph, Table
from sdebayes.reporting.wording import DEVIATION, number, one_duration, percent

MOST_STATES = 16
MOST_COUNTED = 6


def fixed_point_blocks(found: xr.Dataset) -> list[Block]:
    """Say how many fixed points the draws have, and where those are that draws have in common."""
    counts = fixed_point_counts(found)
    stable = counts["probability"].sel(kind="stable")
    shares = [
        f"{percent(float(stable.sel(number=n)))} of the draws have {n}"
        for n in counts["number"].values
        if stable.sel(number=n) > 0
    ]
    blocks: list[Block] = [Paragraph("Stable fixed points around the data: " + ", ".join(shares) + ".")]
    if counts["mean"].sel(kind="any") > 0:
        blocks.append(_counts(counts))
    common = matched(found)
    if common.sizes["fixed_point"]:
        blocks.append(_table(common))
    return blocks


def _counts(counts: xr.Dataset) -> Table:
    present = counts.isel(kind=(counts["mean"] > 0).values)
    few = present["probability"].isel(number=slice(MOST_COUNTED))
    head = ["fixed points", *(str(n) for n in few["number"].values)]
    columns = list(few.transpose("number", "kind").values)
    if few.sizes["number"] < counts.sizes["number"]:
        head.append("more")
        columns.append(1 - few.sum("number").values)
    rows = [
        [str(kind), *(percent(float(column[k])) for column in columns), number(float(present["mean"][k]))]
        for k, kind in enumerate(present["kind"].values)
    ]
    caption = "The share of draws that have so many fixed points of each type around the data."
    return Table([*head, "on average"], rows, caption)


def _table(common: xr.Dataset) -> Table:
    states = [str(state) for state in common["state"].values[:MOST_STATES]]
    rows = [_row(common.isel(fixed_point=k), str(k + 1)) for k in range(common.sizes["fixed_point"])]
    caption = (
        "Fixed points that draws have in common: the share of draws that have it, its most frequent type, the median "
        "time constant of its leading direction (the slowest to decay, or the fastest to grow), and mean ± standard "
        "deviation of its place over those draws. No draw has two in one row. "
        + f"From data: the distance to the nearest datum, in standard deviations of the data; where it is above {FAR}, "
        "the model says more of the place than data near it do. "
        * (NAME in common)
        + f"In none of the rows: {number(float(common['unmatched'].sum()))} fixed points of a draw, on average."
    )
    return Table(
        [
            "place",
            "draws",
            "type",
            "time constant",
            *["from data"] * (NAME in common),
            *(f"{state}, {DEVIATION}" for state in states),
        ],
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
        one_duration(float(place["time_constant"])),
        *([number(float(place[NAME]))] if NAME in place else []),
        *where,
    ]
