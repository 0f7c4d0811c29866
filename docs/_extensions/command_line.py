"""The page of the command line, from the program's own help."""

from __future__ import annotations

import subprocess
import sys

ASKED = ("-m", "typer", "sdebayes.cli.app", "utils", "docs", "--name", "sdebayes")


def command_line_page() -> str:
    """Return what all commands say of themselves, as a page."""
    found = subprocess.run((sys.executable, *ASKED), capture_output=True, text=True, check=True).stdout
    title, rest = found.split("\n", 1)
    lead = (
        f"From the help of {title.removeprefix('# ')}. What to do with it: [](../../how-to/command-line.md)."
    )
    return f"# Command line\n\n{lead}\n{rest}"
