"""Make RESULTS.md from results/*.csv and from the questions and answers in results.toml, which are written by hand.

A section of results.toml has a question, an answer and tables; what is short has a row in the table at the end. Of a
table ``columns`` maps headings to templates such as "{median} ({sd})", filled from each row of its CSV file; ``rows``,
``across`` and ``cell`` are templates of a table with a row and a column for each of their values. ``where`` chooses
rows. With --check nothing is written, and the command fails where RESULTS.md is not what the files make.

Run: .uv/bin/uv run python benchmarks/make_results.py [--check]
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from record import HERE, RUNS, read
from scipy.stats import binomtest

TARGET, TEXTS, FOLDER = HERE / "RESULTS.md", HERE / "results.toml", HERE / "results"
NAMED = {"by name": "by_name", "diagnosis": "diagnosis", "properties": "properties", "compare": "compare"}
Row = dict[str, str]
Cells = list[list[str]]


def fill(template: str, row: Row) -> str:
    """Put cells in the place of their columns' names in braces; "{name!.2f}" formats a number."""

    def cell(found: re.Match[str]) -> str:
        value = row[found[1]] or "–"
        return f"{float(value):{found[2]}}" if found[2] and row[found[1]] else value

    return re.sub(r"\{([^{}!]+)(?:!([^{}]+))?\}", cell, template)


def chosen(file: str, where: dict[str, list[str]], folder: Path) -> list[Row]:
    """Return the rows whose columns have one of the values asked for."""
    table = read(file, folder)
    for column, values in where.items():
        table = table[table[column].isin(values)]
    if table.empty:
        raise ValueError(f"{file}.csv has no row where {where}; results.toml must ask for others.")
    return table.to_dict("records")


def listed(rows: list[Row], columns: dict[str, str]) -> Cells:
    """Return headings and a line for each row."""
    return [list(columns), *([fill(template, row) for template in columns.values()] for row in rows)]


def crossed(rows: list[Row], line: str, across: str, cell: str, corner: str = "") -> Cells:
    """Return headings and lines of a table with two margins; several rows of one place share its cell."""
    lines, heads = (list(dict.fromkeys(fill(template, row) for row in rows)) for template in (line, across))
    places: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        places.setdefault((fill(line, row), fill(across, row)), []).append(fill(cell, row))
    body = [[name, *("; ".join(places.get((name, head), [])) for head in heads)] for name in lines]
    return [[corner, *heads], *body]


def counted(rows: list[Row]) -> Cells:
    """Return of each case in how many data sets something was named, with Wilson's interval, and what most often."""
    found = [["case", *NAMED, "findings of `diagnosis()`"]]
    for case in dict.fromkeys(row["case"] for row in rows):
        mine = [row for row in rows if row["case"] == case]
        cells = [case]
        for column in NAMED.values():
            count = sum(row[column] not in ("", "no") for row in mine)
            interval = binomtest(count, len(mine)).proportion_ci(0.95, "wilson")
            shown = f"{count}/{len(mine)} ({interval.low:.2f}–{interval.high:.2f})"
            cells.append(shown if column != "by_name" else f"{count}/{len(mine)}" if mine[0][column] else "")
        said = Counter(name for row in mine for name in row["diagnosis"].split("; ") if name)
        found.append([*cells, ", ".join(f"{name} {count}" for name, count in said.most_common(4))])
    return found


def cells_of(table: dict[str, Any], folder: Path) -> Cells:
    """Return headings and lines of one table of results.toml."""
    rows = chosen(table["file"], table.get("where", {}), folder)
    if "columns" in table:
        return listed(rows, table["columns"])
    if "rows" in table:
        return crossed(rows, table["rows"], table["across"], table["cell"], table.get("corner", ""))
    return counted(rows)


def markdown(cells: Cells) -> list[str]:
    """Return the lines of a table."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in cells]
    return [lines[0], "|---" * len(cells[0]) + "|", *lines[1:]]


def source(file: str, folder: Path) -> str:
    """Return a link to a file, with the dates of its runs and their commits where these are known."""
    known, runs = read(RUNS, folder), read(file, folder)["run"]
    mine = known[known["run"].isin(runs)].sort_values("date", kind="stable")
    dated = (row for row in mine.to_dict("records") if row["date"])
    said = [row["date"] + f" at {row['commit']}" * (row["commit"] != "unknown") for row in dated]
    return ", ".join([f"[{file}](results/{file}.csv)", *dict.fromkeys(said)])


def section(texts: dict[str, Any], folder: Path) -> list[str]:
    """Return the lines of a section: question, answer, where it comes from, tables."""
    tables = texts["table"]
    sources = "; ".join(source(file, folder) for file in dict.fromkeys(table["file"] for table in tables))
    note = f" {texts['note']}" if "note" in texts else ""
    lines = [f"## {texts['title']}", f"{texts['question']} **{texts['answer']}** ({sources}.){note}", ""]
    for table in tables:
        lines += [*markdown(cells_of(table, folder)), ""]
    return lines


def short(texts: list[dict[str, Any]], folder: Path) -> list[str]:
    """Return the lines of the table of what is short."""
    cells = [["benchmark", "question", "found", "answer"]]
    for text in texts:
        rows = chosen(text["file"], text.get("where", {}), folder)
        found = text.get("before", "") + "; ".join(fill(text["line"], row) for row in rows)
        cells.append([source(text["file"], folder), text["question"], found, text["answer"]])
    return ["## In short", *markdown(cells)]


def made(texts: dict[str, Any], folder: Path = FOLDER) -> str:
    """Return RESULTS.md."""
    lines = ["# Results", *texts["opening"].strip().splitlines(), ""]
    for one in texts["section"]:
        lines += section(one, folder)
    return "\n".join([*lines, *short(texts["short"], folder)]) + "\n"


def texts() -> dict[str, Any]:
    """Return what is written by hand."""
    return tomllib.loads(TEXTS.read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="fail where RESULTS.md is not what the files make"
    )
    new = made(texts())
    if not parser.parse_args().check:
        TARGET.write_text(new, encoding="utf-8")
    elif TARGET.read_text(encoding="utf-8") != new:
        sys.exit(
            "RESULTS.md is not what its files make; run benchmarks/make_results.py and look at the change."
        )


if __name__ == "__main__":
    main()
