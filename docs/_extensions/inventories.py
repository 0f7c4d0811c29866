"""Inventories of other documentations, as intersphinx reads them, made of the names in ``docs/_inventories``."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

STORED = Path(__file__).parents[1] / "_inventories"


def names() -> Iterator[str]:
    """Names that have a link."""
    for file in sorted(STORED.glob("*.txt")):
        yield from (line.split()[0] for line in file.read_text(encoding="utf-8").splitlines()[1:])


def inventory(project: str, lines: list[str]) -> bytes:
    """Return Sphinx's inventory of lines that say name, kind of object and page."""
    head = (
        f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    entries = "".join("{} {} 1 {} -\n".format(*line.split()) for line in lines)
    return head.encode() + zlib.compress(entries.encode())


def mapping(folder: Path) -> dict[str, tuple[str, str]]:
    """Write the inventories to a folder; return the address and the inventory of each project."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for file in sorted(STORED.glob("*.txt")):
        address, *lines = file.read_text(encoding="utf-8").splitlines()
        made = folder / f"{file.stem}.inv"
        made.write_bytes(inventory(file.stem, lines))
        found[file.stem] = (address, str(made))
    return found
