"""Links both ways: code names on pages lead to the reference, whose pages say where a name is used."""

from __future__ import annotations

import importlib
import re
from functools import cache, reduce
from pathlib import Path
from typing import Any

from docutils import nodes
from namespaces import public_namespaces
from sphinx import addnodes
from sphinx.application import Sphinx

NAME = re.compile(r"\bsb((?:\.[A-Za-z]\w*)+)")
SPOKEN = re.compile(r"(?:sb|sdebayes)((?:\.[A-Za-z]\w*)+)(?=$|\()")
ROOMS = ("how-to", "tutorials", "explanation")


@cache
def documented() -> dict[int, str]:
    """Say under which name each public object has its page: that of its own namespace, where it has one."""
    found = {}
    for space in reversed(public_namespaces()):
        module = importlib.import_module(space)
        for name in getattr(module, "__all__", ()):
            found.setdefault(id(getattr(module, name)), f"{space}.{name}")
    return found


def target(name: str) -> str | None:
    """Return the documented name of ``sb.…``, or of the longest part of it that has one."""
    parts = name.removeprefix("sb.").split(".")
    for end in range(len(parts), 0, -1):
        try:
            value = reduce(getattr, parts[:end], importlib.import_module("sdebayes"))
        except AttributeError:
            continue
        if id(value) in documented():
            return documented()[id(value)]
    return None


def link_names(app: Sphinx | None, doctree: nodes.document) -> None:
    """Make a link of each name in the text that is public, or of its call; code cells stay as they are."""
    spoken = [*doctree.findall(nodes.literal), *doctree.findall(nodes.title_reference)]
    for name in spoken:
        found = SPOKEN.match(name.astext())
        linked = isinstance(name.parent, (nodes.reference, nodes.title, addnodes.pending_xref))
        to = target(f"sb{found.group(1)}") if found and not linked else None
        if to:
            link = addnodes.pending_xref("", refdomain="py", reftype="obj", reftarget=to, refexplicit=True)
            name.replace_self(link)
            link += nodes.literal("", name.astext())


def lead_to_page(app: Sphinx, env: Any, node: Any, content: nodes.TextElement) -> nodes.reference | None:
    """Resolve a name of the top of the package whose page is that of its own namespace."""
    name = node.get("reftarget", "")
    to = target(f"sb{name.removeprefix('sdebayes')}") if name.startswith("sdebayes.") else None
    if not to or to == name:
        return None
    return env.get_domain("py").resolve_xref(
        env, node.get("refdoc", ""), app.builder, "obj", to, node, content
    )


def used_in(source: Path) -> dict[str, list[str]]:
    """Return the guides that name each object, in their text or in their code."""
    uses: dict[str, list[str]] = {}
    for page in sorted(page for room in ROOMS for page in (source / room).glob("*.md")):
        for name in {target(f"sb{found}") for found in NAME.findall(page.read_text(encoding="utf-8"))} - {
            None
        }:
            uses.setdefault(name, []).append(page.relative_to(source).with_suffix("").as_posix())
    return uses


def say_where(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Add the guides to a docstring."""
    pages = app.config.cross_links.get(name, ())
    if pages:
        lines += ["", ".. rubric:: Used in", "", ", ".join(f":doc:`/{page}`" for page in pages), ""]


def read_guides(app: Sphinx, config: Any) -> None:
    """Read the guides once, before pages are read by several processes."""
    config.cross_links = used_in(Path(app.srcdir))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it."""
    app.add_config_value("cross_links", {}, "")
    app.connect("config-inited", read_guides)
    app.connect("doctree-read", link_names)
    app.connect("missing-reference", lead_to_page)
    app.connect("autodoc-process-docstring", say_where, priority=900)  # numpydoc has made its sections before
    return {"parallel_read_safe": True, "parallel_write_safe": True}
