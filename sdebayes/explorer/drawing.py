"""The pieces of a page that show an explorer: what stands in it, its look, and its scripts."""

from __future__ import annotations

from dataclasses import dataclass

from sdebayes.explorer.data import ExplorerData
from sdebayes.explorer.library import allowed, template, vega


@dataclass(frozen=True)
class Drawing:
    """One explorer as pieces of HTML, safe to be put into a page as they are.

    Parameters
    ----------
    panel
        The elements that are seen.
    style
        Their style sheet, in the colours of the page, where it sets them.
    facts
        Numbers and texts, for a ``<script type="application/json">``, which runs nothing.
    scripts
        What runs: the library, and what draws with it.
    policy
        The value of ``script-src`` that allows these scripts by their hashes, and no evaluation of text.
    """

    panel: str
    style: str
    facts: str
    scripts: tuple[str, ...]
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
    scripts = vega(), template("explorer.js").replace('"THE SPECIFICATION"', template("panel.json").strip())
    return Drawing(
        panel=template("panel.html"),
        style=template("explorer.css"),
        facts=data.to_json(),
        scripts=scripts,
        policy=" ".join(allowed(script) for script in scripts),
    )
