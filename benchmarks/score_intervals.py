"""Which 95 % interval of a held-out gain covers the truth where there are few documents? Student's is nearly enough.

Design: documents of unequal length, log-normal with median 60 steps and log-sd .6, kept within 10 and 400. The gain per
step of a document is its own, μ + .04 z, plus chance within the document of .1 nats per square root of a step. z has
mean 0 and variance 1 and one of six laws. As measured on 87 State of the Union addresses scored by the latent OU and
the nulls (8 PCs, 60 sentences each), documents' gains have a skewness between −.1 and .5 and an excess kurtosis between
−.5 and 1.5: "as speeches" (log-normal .3: .9 and 1.6) is a little harder than that, "skewed" (log-normal .6: 2.3 and
10) much, "rare losses" (one document in ten loses three sd), "exponential, longer gain more" (the gain also rises with
the length) and "t, 3 degrees" are the extremes. The truth is the ratio of expectations, E[d] / E[n].

Intervals: ± 2 of the linearised standard error, as the package had it; Student's t with N − 1 degrees of freedom times
the same; the package's, `sdebayes._core.ratio.ratio` (the jackknife's error, degrees of freedom by the effective
number of documents); quantiles of the Bayesian bootstrap; the studentised bootstrap; the wider of the latter and
the package's, either end.

Prints coverage with its Monte-Carlo error and the median width relative to Student's t, and writes
benchmarks/results/score_intervals.csv.

Run: python3 -m uv run python benchmarks/score_intervals.py
"""

from __future__ import annotations

import argparse

import numpy as np
from record import keep
from rich.console import Console
from rich.table import Table
from scipy.stats import t as student

from sdebayes._core.ratio import ratio

LAWS = ("normal", "as speeches", "skewed", "t, 3 degrees", "rare losses", "exponential, longer gain more")
COUNTS = (2, 3, 5, 10, 20, 40)
METHODS = (
    "± 2 s.e.",
    "Student's t",
    "sdebayes",
    "Bayesian bootstrap",
    "studentised bootstrap",
    "wider of two",
)
GAIN, SPREAD, WITHIN, SLOPE = 0.05, 0.04, 0.1, 0.02
BLOCK = 500


def log_normal(generator: np.random.Generator, shape: tuple[int, int], sd: float) -> np.ndarray:
    """Draw standardised log-normal numbers."""
    values = np.exp(generator.normal(0, sd, shape))
    return (values - np.exp(sd**2 / 2)) / np.sqrt(np.expm1(sd**2) * np.exp(sd**2))


def standard(generator: np.random.Generator, law: str, shape: tuple[int, int]) -> np.ndarray:
    """Draw z of each document."""
    if law == "normal":
        return generator.normal(size=shape)
    if law == "t, 3 degrees":
        return generator.standard_t(3, shape) / np.sqrt(3)
    if law == "rare losses":
        return np.where(generator.random(shape) < 0.1, -2.7, 0.3) + np.sqrt(0.19) * generator.normal(
            size=shape
        )
    if law.startswith("exponential"):
        return generator.exponential(size=shape) - 1
    return log_normal(generator, shape, {"as speeches": 0.3, "skewed": 0.6}[law])


def documents(
    generator: np.random.Generator, law: str, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw differences of scores and numbers of steps, (set, document)."""
    steps = np.clip(np.exp(generator.normal(np.log(60), 0.6, shape)), 10, 400).round()
    slope = SLOPE if "longer" in law else 0.0
    gain = GAIN + SPREAD * standard(generator, law, shape) + slope * np.log(steps / 60)
    return steps * (gain + WITHIN * generator.normal(size=shape) / np.sqrt(steps)), steps


def expected(generator: np.random.Generator, law: str) -> float:
    """Return the true ratio; lengths alone decide what a gain that rises with them adds."""
    _, steps = documents(generator, "normal", (1000, 1000))
    slope = SLOPE if "longer" in law else 0.0
    return float(GAIN + slope * (steps * np.log(steps / 60)).sum() / steps.sum())


def linearised(difference: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ratio and its linearised standard error (Cochran 1977, eq. 6.12)."""
    count, total = steps.shape[-1], steps.sum(-1)
    value = difference.sum(-1) / total
    residual = difference - value[..., None] * steps
    return value, np.sqrt(count / (count - 1) * (residual**2).sum(-1)) / total


def intervals(
    generator: np.random.Generator, difference: np.ndarray, steps: np.ndarray, resamples: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return every method's lower and upper end, (set,)."""
    sets, count = steps.shape
    value, error = linearised(difference, steps)
    half = student.ppf(0.975, count - 1) * error
    own = ratio(difference, steps)
    weights = generator.dirichlet(np.ones(count), (sets, resamples))
    reweighted = np.einsum("sbi,si->sb", weights, difference) / np.einsum("sbi,si->sb", weights, steps)
    chosen = generator.integers(0, count, (sets, resamples, count))
    rows = np.arange(sets)[:, None, None]
    drawn, drawn_error = linearised(difference[rows, chosen], steps[rows, chosen])
    pivot = np.full(drawn.shape, np.nan)
    np.divide(drawn - value[:, None], drawn_error, out=pivot, where=drawn_error > 1e-12)
    pivot[np.isnan(pivot).all(1)] = 0.0
    low, high = np.nanquantile(pivot, [0.025, 0.975], axis=1) * error
    return {
        "± 2 s.e.": (value - 2 * error, value + 2 * error),
        "Student's t": (value - half, value + half),
        "sdebayes": (own.lower, own.upper),
        "Bayesian bootstrap": tuple(np.quantile(reweighted, [0.025, 0.975], axis=1)),
        "studentised bootstrap": (value - high, value - low),
        "wider of two": (np.minimum(value - high, own.lower), np.maximum(value - low, own.upper)),
    }


def coverage(seed: int, law: str, count: int, sets: int, resamples: int) -> dict[str, tuple[float, float]]:
    """Return of every method how often it covers, and its median width in widths of Student's t."""
    generator = np.random.default_rng([seed, LAWS.index(law), count])
    truth = expected(generator, law)
    inside: dict[str, list[np.ndarray]] = {name: [] for name in METHODS}
    widths: dict[str, list[np.ndarray]] = {name: [] for name in METHODS}
    for _ in range(0, sets, BLOCK):
        difference, steps = documents(generator, law, (BLOCK, count))
        for name, (low, high) in intervals(generator, difference, steps, resamples).items():
            inside[name].append((low < truth) & (truth < high))
            widths[name].append(high - low)
    usual = np.median(np.concatenate(widths["Student's t"]))
    return {
        name: (float(np.mean(inside[name])), float(np.median(np.concatenate(widths[name])) / usual))
        for name in METHODS
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sets", type=int, default=4000, help="data sets for each law and count")
    parser.add_argument("--resamples", type=int, default=400)
    arguments = parser.parse_args()
    for law in LAWS:
        shown = Table("documents", *METHODS, title=f"{law}: coverage ± Monte-Carlo error (width)")
        for count in COUNTS:
            row, kept = [], []
            found = coverage(arguments.seed, law, count, arguments.sets, arguments.resamples)
            for name, (share, width) in found.items():
                error = np.sqrt(share * (1 - share) / arguments.sets)
                row.append(f"{share:.3f} ± {error:.3f} ({width:.2f})")
                numbers = {"coverage": f"{share:.4f}", "monte_carlo_error": f"{error:.4f}"}
                place = {"law": law, "documents": count, "interval": name}
                kept.append(place | numbers | {"relative_width": f"{width:.3f}"})
            keep("score_intervals", kept, ("law", "documents", "interval"))
            shown.add_row(str(count), *row)
        Console(width=170).print(shown)


if __name__ == "__main__":
    main()
