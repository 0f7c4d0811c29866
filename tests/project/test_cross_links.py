"""Names on pages lead to the reference, and the reference to the pages."""

from __future__ import annotations

import sys

import pytest
from sphinx.cmd.build import build_main

from tests.project.source import ROOT

GUIDE = """# Guide

Take `sb.PCA(8)`, then `sb.fit`; `sb.no_such_name`, `x = sb.fit` and `fit` are no links.

```python
sb.summarize(posterior)
```
"""
REFERENCE = """Reference
=========

:class:`sdebayes.PCA` and `sdebayes.split`.

.. autofunction:: sdebayes.fit

.. autoclass:: sdebayes.data.PCA

.. autofunction:: sdebayes.summarize

.. autofunction:: sdebayes.data.split
"""


@pytest.fixture
def cross_links(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "_extensions")
    yield __import__("cross_links")
    for name in ("cross_links", "namespaces"):
        sys.modules.pop(name, None)


def test_a_name_leads_to_where_it_is_described(cross_links):
    assert cross_links.target("sb.PCA") == "sdebayes.data.PCA"
    assert cross_links.target("sb.fit") == "sdebayes.fit"
    assert cross_links.target("sb.analysis.fields.grid") == "sdebayes.analysis.fields.grid"
    assert cross_links.target("sb.Posterior.smooth") == "sdebayes.Posterior"
    assert cross_links.target("sb.nothing") is None


def test_guides_use_what_is_there(cross_links):
    uses = cross_links.used_in(ROOT / "docs")
    assert "how-to/own-texts" in uses["sdebayes.data.embed"]
    assert len(uses) > 60


def test_links_both_ways(cross_links, tmp_path):
    source = tmp_path / "source"
    (source / "how-to").mkdir(parents=True)
    (source / "conf.py").write_text(
        'extensions = ["sphinx.ext.autodoc", "numpydoc", "myst_nb", "cross_links"]\n'
    )
    (source / "index.rst").write_text("Index\n=====\n\n.. toctree::\n\n   how-to/guide\n   reference\n")
    (source / "how-to" / "guide.md").write_text(GUIDE)
    (source / "reference.rst").write_text(REFERENCE)
    assert build_main(["-q", "-b", "html", str(source), str(tmp_path / "out")]) == 0
    guide = (tmp_path / "out" / "how-to" / "guide.html").read_text(encoding="utf-8")
    assert 'href="../reference.html#sdebayes.data.PCA"' in guide
    assert 'href="../reference.html#sdebayes.fit"' in guide
    assert guide.count("reference.html#") == 2
    parts = (tmp_path / "out" / "reference.html").read_text(encoding="utf-8").split('<dt class="sig')
    assert ["how-to/guide.html" in part.split("<dd>")[-1].split("related")[0] for part in parts[1:4]] == [
        True
    ] * 3
    assert '<a class="reference internal" href="#sdebayes.data.PCA"' in parts[0]
    assert [part.count("Used in") for part in parts[1:]] == [1, 1, 1, 0]
