"""What the benchmarks with peers share: environments that uv makes, workers in them, and tables that can be resumed."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def peer_python(
    name: str, packages: Sequence[str], shared: Sequence[str] = (), alone: Sequence[str] = ()
) -> Path:
    """Return the interpreter of an environment under the user's cache; make it where it is not there.

    Parameters
    ----------
    name
        Name of the environment.
    packages
        What it holds, with versions.
    shared
        Packages that it holds in the version that is installed here, so that both sides compute with the same.
    alone
        Packages that are installed without what they ask for.
    """
    from platformdirs import user_cache_path

    home = user_cache_path("sdebayes") / "benchmarks" / name
    python, done = home / "bin" / "python", home / "complete"
    asked = json.dumps([list(packages), list(alone)])
    if not done.exists() or done.read_text() != asked:
        uv = [shutil.which("uv")] if shutil.which("uv") else [sys.executable, "-m", "uv"]
        same = [f"{package}=={importlib.metadata.version(package).split('+')[0]}" for package in shared]
        subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, home], check=True)
        install = [*uv, "pip", "install", "--python", python]
        subprocess.run([*install, *packages, *same], check=True)
        if alone:
            subprocess.run([*install, "--no-deps", *alone], check=True)
        done.write_text(asked)
    return python


class Worker:
    """A process that answers each line of JSON on its input by one on its output."""

    def __init__(self, python: Path | str, script: str, name: str) -> None:
        self._process = subprocess.Popen(
            [python, script, "--worker", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **question: Any) -> dict[str, Any]:
        """Return the answer; where the process ended or failed, what it said under ``failed``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return {"failed": "the process has ended"}
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        return {"failed": f"the process ended with {self._process.wait()}"}

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


class Rows:
    """Rows of a CSV file, appended as they are made; a run that starts again skips what is there."""

    def __init__(self, path: Path, keys: Sequence[str], columns: Sequence[str]) -> None:
        self.path, self.keys, self.columns = path, tuple(keys), (*keys, *columns)
        self.rows: list[dict[str, str]] = list(csv.DictReader(path.open())) if path.exists() else []

    def done(self, *key: Any) -> bool:
        """Whether a row with this key is there."""
        wanted = tuple(str(part) for part in key)
        return any(tuple(row[name] for name in self.keys) == wanted for row in self.rows)

    def add(self, row: dict[str, Any]) -> None:
        """Append a row; columns that it does not have stay empty."""
        written = {name: _number(row.get(name, "")) for name in self.columns}
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            if new:
                writer.writeheader()
            writer.writerow(written)
        self.rows.append(written)


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
