"""List the versions whose documentation lies in a folder, newest first: python .ci/versions.py FOLDER."""

import re
import sys
from pathlib import Path

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>sdebayes: versions</title>
<body style="font-family: sans-serif; max-width: 40em; margin: 2em auto; padding: 0 1em">
<h1>sdebayes</h1>
<p>The documentation of each version, newest first:</p>
<ul style="line-height: 2">
{items}
</ul>
"""


def order(version: str) -> tuple[tuple[int, ...], bool, str]:
    """Sort by number, and what precedes a release (1.0rc1, 1.0.dev2) before it."""
    number, rest = re.fullmatch(r"(\d+(?:\.\d+)*)(.*)", version).groups()
    parts = [int(part) for part in number.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts), not re.match(r"\.?(dev|a|b|rc)", rest), rest


def versions(site: Path) -> list[str]:
    """Return the names of folders that are versions and hold pages."""
    names = [page.parent.name for page in site.glob("*/index.html")]
    return sorted((name for name in names if name[0].isdigit()), key=order, reverse=True)


def remark(version: str, newest: str | None) -> str:
    """Say which release is the newest, and what is none."""
    if version == newest:
        return ", the newest release"
    return "" if order(version)[1] else ", before its release"


def write(site: Path) -> None:
    """Write the page."""
    names = versions(site)
    newest = next((name for name in names if order(name)[1]), None)
    items = "\n".join(
        f'<li><a href="{name}/index.html">{name}</a>{remark(name, newest)}</li>' for name in names
    )
    (site / "index.html").write_text(PAGE.format(items=items), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
