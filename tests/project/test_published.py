"""What is published beside the code: the README on a package index, and the list of documented versions."""

from __future__ import annotations

import re
import runpy
import tomllib

import pytest

from tests.project.source import ROOT

HOOK = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["metadata"][
    "hooks"
]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RELATIVE = re.compile(r"\]\((?!https?:)")
VERSIONS = runpy.run_path(str(ROOT / ".ci" / "versions.py"))


def as_published(text: str) -> str:
    """Apply the substitutions as the hook does."""
    for one in HOOK["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(one["pattern"], one["replacement"], text)
    return text


def test_the_published_readme_leads_nowhere_inside_the_repository():
    assert RELATIVE.search(README)
    assert not RELATIVE.search(as_published(README))


@pytest.mark.parametrize(
    ("written", "published"),
    [
        (
            "See [the tutorial](docs/a.md), [JAX](https://docs.jax.dev).",
            "See the tutorial, [JAX](https://docs.jax.dev).",
        ),
        ("![Left: drift](docs/a.png)", "(Figure: `docs/a.png` of the repository.)"),
        ("`sb.trajectories([x1, x2], t=[t1, t2])`", "`sb.trajectories([x1, x2], t=[t1, t2])`"),
    ],
)
def test_links_become_words(written, published):
    assert as_published(written) == published


def test_versions_are_listed_newest_first(tmp_path):
    for name in ("0.9.0", "0.10.0", "1.0rc1", "1.0", "0.10.0.post1", "drafts", "0.8"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").touch()
    (tmp_path / "2.0").mkdir()  # a build that failed
    VERSIONS["write"](tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    listed = re.findall(r'<a href="([^"]+)/index.html">\1</a>', page)
    assert listed == ["1.0", "1.0rc1", "0.10.0.post1", "0.10.0", "0.9.0", "0.8"]
    assert ">1.0</a>, the newest release<" in page
    assert page.count("newest release") == 1
    assert ">1.0rc1</a>, before its release<" in page
    assert page.count("before its release") == 1
