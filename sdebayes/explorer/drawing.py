"""The pieces of a page that show an explorer: what stands in it, its look, its numbers and its scripts."""

from __future__ import annotations

from dataclasses import dataclass

from sdebayes.explorer.data import ExplorerData
from sdebayes.explorer.library import allowed, packed, template, vega


@dataclass(frozen=True)
class Drawing:
    """One explorer as pieces of HTML, safe to be put into a page as they are.

    Parameters
    ----------
    panel
        The elements that are seen.
    style
        Their style sheet, in the colours of the page, where it sets them.
    facts, library
        Numbers and texts, and what draws them, compressed: contents of elements that run nothing by themselves.
    script
        What unpacks both and answers the reader.
    policy
        The value of ``script-src`` that allows library and script by their hashes, and no evaluation of text.
    """

    panel: str
    style: str
    facts: str
    library: str
    script: str
    policy: str


def draw(data: ExplorerData) -> Drawing:
    """Make the pieces for one explorer; a page holds one.

    Parameters
    ----------
    data
        What it shows.

    Returns
    -------
    Drawing
        The pieces.
    """
    script = template("explorer.js").replace('"THE SPECIFICATION"', template("panel.json").strip())
    return Drawing(
        panel=template("panel.html"),
        style=template("explorer.css"),
        facts=packed(data.to_json()),
        library=packed(vega()),
        script=script,
        policy=f"{allowed(vega())} {allowed(script)}",
    )
