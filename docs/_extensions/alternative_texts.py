"""Words in the place of figures that cells draw: the section that a figure stands in, and what drew it."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

DRAWS = re.compile(r"\b(plots(?:\.\w+)+)\(")


def name_figures(app: Sphinx | None, doctree: nodes.document) -> None:
    """Give a text to every picture that has none."""
    for image in doctree.findall(nodes.image):
        if "alt" not in image:
            image["alt"] = _text(image)


def _text(image: nodes.image) -> str:
    section, cell = (_around(image, kind) for kind in ("section", "cell"))
    title = section.next_node(nodes.title) if section else None
    code = cell.next_node(nodes.literal_block) if cell else None
    calls = dict.fromkeys(DRAWS.findall(code.astext() if code else ""))
    drawn = f", drawn by {', '.join(calls)}" if calls else ""
    return f"Figure: {title.astext() if title else 'on this page'}{drawn}"


def _around(node: nodes.Node, kind: str) -> nodes.Element | None:
    """Return the innermost section, or cell of code, that the node is in."""
    around = node.parent
    while around is not None:
        if kind == "section" and isinstance(around, nodes.section):
            return around
        if kind in around.get("classes", ()):
            return around
        around = around.parent
    return None


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", name_figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
