"""What the gallery asks of sphinx-gallery: which scripts are run, and where their figures and reports go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1]
PAGES = DOCS / "gallery"
INDEX = DOCS.parent / "examples" / "index.rst"
EXTRA = DOCS / "_build" / "extra"
REPORTS = EXTRA / "gallery" / "reports"
"""Beside the pages of the built site, into which all of ``EXTRA`` is copied."""

MINUTES = ("encoders", "layers", "paper", "steer_smollm2", "temperature")
"""Examples that are shown, and not run: they take minutes."""
PARTS = ("own_parts",)
"""Modules that examples import."""


def arguments(gallery_conf: dict[str, Any], script_vars: dict[str, Any]) -> list[str]:
    """Return the folder that each script is given, as a user gives it one."""
    return [str(REPORTS)]


def place(file: str) -> int:
    """Return where the gallery's page names a script, or the page that is made of it."""
    return INDEX.read_text(encoding="utf-8").find(f"/{Path(file).stem}.py")


def either(names: tuple[str, ...]) -> str:
    """Write a pattern for names, or paths, of scripts."""
    return rf"\b({'|'.join(names)})\.py$"


CONFIGURATION = {
    "examples_dirs": "../examples",
    "gallery_dirs": PAGES.name,
    "copyfile_regex": r"index\.rst",
    "ignore_pattern": either(PARTS),
    "filename_pattern": rf"^(?!.*{either(MINUTES)})",
    "reset_argv": "gallery.arguments",
    "capture_repr": (),
    "parallel": 2,
    "image_srcset": ["2x"],
    "remove_config_comments": True,
    "minigallery_sort_order": "gallery.place",
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": f"{PAGES.name}/backreferences",
    "doc_module": ("sdebayes",),
    "reference_url": {"sdebayes": None},
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}
