"""The library that draws, as one text of JavaScript, and how a page allows scripts that it holds."""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import cache
from importlib import resources

from sdebayes._core.errors import MissingDependencyError


@cache
def vega() -> str:
    """Return Vega and Vega-Embed with all that they need, which set ``vegaEmbed``.

    Raises
    ------
    MissingDependencyError
        If the package ``vl-convert-python``, which brings them, is not installed.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise MissingDependencyError(
            "The explorer is drawn by Vega, which the package vl-convert-python brings and which is not installed: "
            "pip install vl-convert-python, or write the report without it, explorer=False."
        ) from error
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle


@cache
def template(name: str) -> str:
    """Return a file of ``templates``."""
    return resources.files("sdebayes.explorer").joinpath("templates", name).read_text(encoding="utf-8")


def packed(text: str) -> str:
    """Compress a text and write it in letters and digits, in which no element can begin or end; the same each time."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")


def allowed(script: str) -> str:
    """Return the source expression by which a content security policy allows this script, and no other."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
