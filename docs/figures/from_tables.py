"""Draw the figures of examples that take too long for a build, from the tables of what they found.

Run it after a table of ``docs/explanation/temperature.md`` or ``paper.md`` has changed.
"""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

HERE = Path(__file__).parent
NUMBER = r"([−+]?[\d.]+)"
INTERVAL = re.compile(rf"{NUMBER} [\[(]{NUMBER}(?:,| to) {NUMBER}[\])]")
BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#767676"


def table(page: str, *beginnings: str) -> tuple[list[str], np.ndarray]:
    """Return the columns of a page's first table, and the numbers of its rows that begin so: (row, column, 3)."""
    text = (HERE.parent / "explanation" / page).read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]
    found = []
    for start in beginnings:
        row = next(row for row in rows if row[0].startswith(start))
        cells = [INTERVAL.match(cell) for cell in row[1:]]
        found.append([[float(part.replace("−", "-")) for part in cell.groups()] for cell in cells if cell])
    return rows[0][1:], np.array(found)


def temperature() -> None:
    """Draw the variance of the noise over the temperature."""
    columns, ((*models, human, _),) = table("temperature.md", "variance of the noise")
    at = [float(name) for name in columns[: len(models)]]
    middle, low, high = np.transpose(models)
    _, ax = plt.subplots(figsize=(5, 3), layout="constrained")
    ax.vlines(at, low, high, color=BLUE, linewidth=2, alpha=0.5)
    ax.plot(at, middle, "o", color=BLUE, label="SmolLM2, 90 % interval")
    ax.axhspan(human[1], human[2], color=ORANGE, alpha=0.3, label="the speakers")
    ax.set(xlabel="temperature", ylabel="variance of the noise", ylim=(0, None))
    ax.legend(frameon=False, loc="lower right")
    ax.figure.savefig(HERE / "gallery" / "temperature.png", dpi=110)


def paper() -> None:
    """Draw the gains of three models in four corpora."""
    rows = ("**Networks describe", "… of the linear drift, observed", "… of the linear drift behind noise")
    columns, gains = table("paper.md", *rows)
    names = ("networks", "linear, observed", "linear, behind noise")
    places = np.arange(len(columns))
    _, ax = plt.subplots(figsize=(5.5, 3), layout="constrained")
    for shift, name, colour, found in zip((-0.2, 0, 0.2), names, (ORANGE, GREY, BLUE), gains, strict=True):
        middle, low, high = found.T
        ax.hlines(places + shift, low, high, color=colour, linewidth=2, alpha=0.5)
        ax.plot(middle, places + shift, "o", color=colour, label=name)
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.set_yticks(places, columns)
    ax.invert_yaxis()
    ax.set_xlabel("gain over independent steps (nats a step)")
    ax.figure.legend(ncols=3, loc="outside upper center", frameon=False)
    ax.figure.savefig(HERE / "gallery" / "paper.png", dpi=110)


if __name__ == "__main__":
    temperature()
    paper()
