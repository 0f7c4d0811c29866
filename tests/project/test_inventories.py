"""Links into other documentations: Sphinx reads what is stored, and the names are those of what is installed."""

from __future__ import annotations

import importlib
import importlib.util
import pathlib

import pytest
from sphinx.util.inventory import InventoryFile

from tests.project.source import extension

inventories = extension("inventories")
FILES = sorted(inventories.STORED.glob("*.txt"))
AS_WRITTEN = {"xr.": "xarray.", "Axes": "matplotlib.axes.Axes"}
"""Names of signatures whose annotations are not evaluated, as they import for type checkers only."""


def thing(name: str) -> object:
    """What a dotted name stands for."""
    for written, full in AS_WRITTEN.items():
        name = full + name.removeprefix(written) if name.startswith(written) else name
    module, _, member = name.rpartition(".")
    return getattr(importlib.import_module(module), member)


def entries(file: pathlib.Path) -> dict[str, str]:
    """The names of a project, each with the address that Sphinx makes of its line."""
    address, *lines = file.read_text(encoding="utf-8").splitlines()
    read = InventoryFile.loads(inventories.inventory(file.stem, lines), uri=address)
    return {name: item.uri for named in read.data.values() for name, item in named.items()}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_line_is_read_and_names_what_its_anchor_does(file):
    address, *lines = file.read_text(encoding="utf-8").splitlines()
    found = entries(file)
    assert len(found) == len(lines)
    for name, uri in found.items():
        if name.startswith("pathlib._local.") and not importlib.util.find_spec("pathlib._local"):
            continue  # of Python 3.13 alone
        page, _, anchor = uri.removeprefix(address).partition("#")
        assert page.endswith((".html", "/")), name
        assert thing(name) is thing(anchor or name), name


def test_a_type_of_a_signature_leads_to_its_page():
    mapped = entries(inventories.STORED / "xarray.txt")
    here = f"{thing('xarray.Dataset').__module__}.Dataset"
    assert mapped[here] == mapped["xarray.Dataset"]
    assert mapped["xarray.Dataset"].endswith("/generated/xarray.Dataset.html#xarray.Dataset")
