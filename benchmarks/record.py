"""Keep what a benchmark found: its rows in results/<name>.csv, and how they were made in results/runs.csv.

A row ends with the name of its run; a run has date, commit, machine and command. Rows in the place of which none were
measured stay, with the run that made them; a run without rows goes. All cells are text, as they are shown; of raw
numbers four digits. With BENCHMARK_RESULTS in the environment the files go to that folder, as they should in trials.
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("BENCHMARK_RESULTS", HERE / "results"))
RUNS = "runs"


def read(name: str, folder: Path = FOLDER) -> pd.DataFrame:
    """Return a table as text; an empty one where there is no file."""
    path = folder / f"{name}.csv"
    return pd.read_csv(path, dtype=str).fillna("") if path.exists() else pd.DataFrame()


def keep(
    name: str, rows: Iterable[Mapping[str, Any]], keys: Sequence[str], folder: Path = FOLDER
) -> pd.DataFrame:
    """Put rows in the place of all those with the same keys, and return all, in the order of first appearance.

    Parameters
    ----------
    name
        Of the benchmark and its file.
    rows
        What was found, by the names of columns.
    keys
        Columns that tell apart what is measured at once.
    folder
        Where the files are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    runs = read(RUNS, folder)
    run = _named(name, this_run(), runs)
    new = pd.DataFrame([{key: _text(value) for key, value in row.items()} for row in rows])
    both = pd.concat([read(name, folder).assign(new=False), new.assign(run=run["run"], new=True)]).fillna("")
    both = both.reset_index(drop=True)
    groups = both.groupby(list(keys), sort=False)
    table = both[both["new"] == groups["new"].transform("any")]
    table = table.loc[groups.ngroup()[table.index].sort_values(kind="stable").index]
    table = table[[*(column for column in both.columns if column not in ("run", "new")), "run"]]
    table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    runs = pd.concat([runs, pd.DataFrame([run])]).fillna("").drop_duplicates("run", keep="last")
    old = runs["run"].map(_benchmark).eq(name) & ~runs["run"].isin(table["run"])
    runs[~old].to_csv(folder / f"{RUNS}.csv", index=False, lineterminator="\n")
    return table


@cache
def this_run() -> dict[str, str]:
    """Say when, from which commit, on what and by which command this process runs."""
    return {
        "date": date.today().isoformat(),
        "commit": _commit(),
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "jax": version("jax"),
        "numpyro": version("numpyro"),
        "command": _command(),
        "note": "",
    }


def _named(name: str, run: dict[str, str], runs: pd.DataFrame) -> dict[str, str]:
    """Give a run the name that the same has already, or the next number."""
    own = runs[runs["run"].map(_benchmark) == name] if len(runs) else runs
    for known in own.to_dict("records"):
        if all(known.get(key) == value for key, value in run.items()):
            return {"run": known["run"]} | run
    last = max((int(known.rpartition("-")[2]) for known in own.get("run", [])), default=0)
    return {"run": f"{name}-{last + 1}"} | run


def _benchmark(run: str) -> str:
    return run.rpartition("-")[0]


def _commit() -> str:
    """Return the commit, with a plus where code has changed since; results may have."""
    git = ("git", "-C", str(HERE))
    found = subprocess.run(
        [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    if found.returncode:
        return "unknown"
    code = ("HEAD", "--", ":/sdebayes", ":/benchmarks/*.py")
    changed = subprocess.run([*git, "diff", "--quiet", *code], capture_output=True, check=False).returncode
    return found.stdout.strip() + "+" * bool(changed)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    models = re.findall(r"^model name\s*: (.*)$", info.read_text() if info.exists() else "", re.MULTILINE)
    return models[0] if models else platform.processor() or platform.machine()


def _command() -> str:
    """Return the command line, of absolute paths only the last part."""
    script, *arguments = sys.argv
    shown = shlex.join(Path(one).name if one.startswith("/") else one for one in arguments)
    threads = os.environ.get("OPENBLAS_NUM_THREADS")
    before = f"OPENBLAS_NUM_THREADS={threads} " if threads else ""
    return f"{before}.uv/bin/uv run python benchmarks/{Path(script).name} {shown}".strip()


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    return str(value)
