"""Formulas as MathML, made when the pages are built: browsers show them without a script and without a network."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)
# What the converter passes through as it is, and letters in styles that browsers do not draw: ℝ, 𝔼, 𝒞 are characters.
NOT_SHOWN = re.compile(r"<m[io]>(?:\\\w+|&)</m[io]>|mathvariant=\"(?!normal)[\w-]+\"")


def mathml(node: nodes.math | nodes.math_block, display: str) -> str:
    source = node.astext().replace("{aligned}", "{split}")
    markup = convert(source, display=display)
    for found in NOT_SHOWN.findall(markup):
        logger.warning("this formula would not be shown as meant (%s): %s", found, source, location=node)
    return markup


def visit_math(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(mathml(node, "inline"))
    raise nodes.SkipNode


def visit_displayed_math(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(f"<p>{mathml(node, 'block')}</p>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displayed_math, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
