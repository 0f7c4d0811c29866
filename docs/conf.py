"""Sphinx configuration: sphinx-build -W docs docs/_build/html needs no network."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING

from numpydoc.xref import DEFAULT_LINKS

from sdebayes._core.dims import DIMS

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))
inventories = importlib.import_module("inventories")
namespaces = importlib.import_module("namespaces")

project = "sdebayes"
author = "The sdebayes developers"
project_copyright = "2026, the sdebayes developers"
release = version = installed_version("sdebayes")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "alternative_texts",
    "cross_links",
]
exclude_patterns = [
    "_build",
    "_inventories",
    "explanation/decisions/template.md",
    "gallery/*.ipynb",
    "paper",
]
templates_path = ["_templates"]

html_math_renderer = "mathml"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["mathml.css", "tables.css"]
html_title = f"sdebayes {version}"
html_show_sourcelink = False

# Scripts are run anew as well. One that fails is an error, at the end of the build.
gallery = importlib.import_module("gallery")
shutil.rmtree(gallery.PAGES, ignore_errors=True)
shutil.rmtree(gallery.EXTRA, ignore_errors=True)
gallery.REPORTS.mkdir(parents=True)
sphinx_gallery_conf = gallery.CONFIGURATION
html_extra_path = [str(gallery.EXTRA)]

copybutton_exclude = ".linenos, .gp, .go"

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# A page of code is run anew at each build: what it prints is what the present code gives.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 900
nb_merge_streams = True

# Inherited by the pages' kernels: a page that is built again does not compile its models again.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parent / "_build" / "compiled"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("PYTHONWARNINGS", "ignore:IProgress not found")  # tqdm, about bars that are not shown

autosummary_generate = True
autosummary_imported_members = True
autosummary_ignore_module_all = False
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = True  # types that the inventories know, and no words beside them
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {word: word for word in DEFAULT_LINKS} | {
    name: f":class:`{name}`" for name in inventories.names() if "." in name
}
intersphinx_mapping = inventories.mapping(Path(__file__).parent / "_build" / "inventories")

GENERATED = Path(__file__).parent / "reference" / "generated"


def interface_page() -> str:
    """List the namespaces; autosummary makes the pages of their members from the docstrings."""
    entries = "\n".join(f"   {name}" for name in namespaces.public_namespaces())
    return (
        "Interface\n=========\n\n"
        "Written from the docstrings of everything that the package exports. In examples ``sb`` is ``sdebayes``,\n"
        "``np`` ``numpy`` and ``jnp`` ``jax.numpy``; one that continues another has its variables.\n\n"
        f".. autosummary::\n   :toctree: .\n   :template: autosummary/namespace.rst\n\n{entries}\n"
    )


def dimensions_page() -> str:
    """Tabulate the names of dimensions."""
    rows = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in DIMS.items())
    return (
        "# Dimensions\n\nThe names that dimensions have in every dataset; names that begin with `grid_` are axes of "
        f"grids.\n\n| name | meaning |\n|---|---|\n{rows}\n"
    )


def described_elsewhere() -> set[str]:
    """Names at the top of the package whose pages in their own namespaces the index leads to."""
    top = importlib.import_module(namespaces.NAMESPACES[0])
    rooms = [importlib.import_module(namespace) for namespace in namespaces.NAMESPACES[1:]]
    own = {name for room in rooms for name in room.__all__ if getattr(room, name) is getattr(top, name, None)}
    return {f"sdebayes.{name}" for name in own}


autosummary_context = {"described_elsewhere": described_elsewhere()}

shutil.rmtree(GENERATED, ignore_errors=True)  # a page of what is no longer exported would stay
GENERATED.mkdir(parents=True)
(GENERATED / "index.rst").write_text(interface_page(), encoding="utf-8")
(GENERATED / "figures.md").write_text(importlib.import_module("figures").figures_page(), encoding="utf-8")
page = importlib.import_module("command_line").command_line_page()
(GENERATED / "command-line.md").write_text(page, encoding="utf-8")
(GENERATED / "dimensions.md").write_text(dimensions_page(), encoding="utf-8")


def spread_executed(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Put pages of code evenly between the others: processes take pages in batches, and no batch gets them all."""
    executed = [name for name in docnames if "{code-cell}" in env.doc2path(name).read_text(encoding="utf-8")]
    others = [name for name in docnames if name not in executed]
    for rank, name in enumerate(executed):
        others.insert(rank * len(docnames) // len(executed), name)
    docnames[:] = others


def setup(app: Sphinx) -> None:
    """Register it."""
    app.connect("env-before-read-docs", spread_executed)
