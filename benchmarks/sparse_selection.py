"""Does a sum of few monomials, chosen with its uncertainty, find a sparse drift, and are its probabilities honest.

Three systems of two states (double well, rotating Ornstein–Uhlenbeck, limit cycle), N = 2,000, Δt = 0.05, monomials up
to the third degree: `Sparse()` under `Marginal()` and the default scheme, constant diagonal Σ. NMSE is Σ|F̂ − F|²/Σ|F|²
on the trajectory for the mean over draws; drift bands are 95 % at 100 places on the trajectory; the Brier score is that
of the share of draws with each term (of saying the true share of terms for each: p(1 − p)). Prior constants are those
of the first seed's data, so that all fits share their compiled code. PASTIS (StochasticForceInference 2.0.4): numbers
of one earlier run on the same design, NMSE median/mean.

Run: python3 -m uv run python benchmarks/sparse_selection.py --systems double_well --seeds 100 101 102
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise

import jax
import numpy as np
from rich.console import Console
from rich.table import Table

import sdebayes as sb

STEPS, DT, PLACES = 2000, 0.05, 100
TRUE_TERMS = {
    "double_well": ({"x1", "x1³"}, {"x2"}),
    "ornstein_uhlenbeck": ({"x1", "x2"}, {"x1", "x2"}),
    "limit_cycle": ({"x1", "x2", "x1³", "x1 x2²"}, {"x1", "x2", "x1² x2", "x2³"}),
}
PASTIS = {
    "double_well": ".022/.074",
    "ornstein_uhlenbeck": ".0085/.0074",
    "limit_cycle": ".018/.018",
}
BINS = np.array([0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0])


def judge(system: str, model: sb.SDEModel, seed: int, draws: int) -> dict[str, object]:
    data, truth = sb.datasets.benchmark(system, STEPS, DT, seed=seed)
    posterior = sb.fit(model, data, sb.Marginal(draws=draws, warmup=150), seed=seed, progress=False)
    x = data["y"].values[0]
    true = np.asarray(jax.vmap(truth.drift)(x))
    mean = posterior.drift(x).values.mean(0)
    places = np.linspace(0, STEPS - 1, PLACES).astype(int)
    low, high = np.quantile(posterior.drift(x[places]).values, [0.025, 0.975], axis=0)
    table = posterior.data["posterior"].to_dataset()
    sigma = table["diffusion_variance"].values.reshape(-1, 2)
    s_low, s_high = np.quantile(sigma, [0.025, 0.975], axis=0)
    s_true = np.diag(np.asarray(truth.covariance(jax.numpy.zeros(2))))
    probability = table["drift_inclusion"].mean(("chain", "draw"))
    names = list(probability["library_term"].values)
    present = np.array([[name in terms for terms in TRUE_TERMS[system]] for name in names])
    findings = {f.subject: f.values for f in posterior.diagnosis()}
    return {
        "nmse": float(np.sum((mean - true) ** 2) / np.sum(true**2)),
        "covered": float(np.mean((low <= true[places]) & (true[places] <= high))),
        "covered_sigma": float(np.mean((s_low <= s_true) & (s_true <= s_high))),
        "probability": probability.values.tolist(),
        "present": present.tolist(),
        "explosive": findings["Far from the data"]["explosive"],
        "rhat": findings["R-hat"]["rhat"],
        "leapfrogs": float(posterior.data["sample_stats"]["n_steps"].mean()),
    }


def main() -> None:
    arguments = read_arguments()
    table = Table(title=f"Sparse() under Marginal(), seeds {arguments.seeds[0]}–{arguments.seeds[-1]}")
    heads = (
        "system",
        "NMSE median/mean",
        "PASTIS",
        "drift covered",
        "Σ covered",
        "Brier",
        "p(1 − p)",
        "explosive",
    )
    for head in (*heads, "leapfrogs"):
        table.add_column(head)
    pooled: list[tuple[np.ndarray, np.ndarray]] = []
    for system in arguments.systems:
        reference, _ = sb.datasets.benchmark(system, STEPS, DT, seed=arguments.seeds[0])
        model = sb.SDEModel(
            sb.priors.Sparse(), sb.priors.Constant("diagonal"), observation=sb.Exact()
        ).scaled_to(reference)
        found = []
        for seed in arguments.seeds:
            found.append(judge(system, model, seed, arguments.draws))
            print(json.dumps({"system": system, "seed": seed} | found[-1]), flush=True)
        table.add_row(system, *summary(system, found))
        pooled += [(np.array(f["probability"]).ravel(), np.array(f["present"]).ravel()) for f in found]
    console = Console(width=140)
    console.print(table)
    console.print(reliability(*(np.concatenate(part) for part in zip(*pooled, strict=True))))


def summary(system: str, found: list[dict]) -> list[str]:
    def mean_and_error(name: str) -> str:
        values = np.array([f[name] for f in found])
        return f"{values.mean():.3f} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}"

    nmse = np.array([f["nmse"] for f in found])
    probability, present = (np.array([f[name] for f in found]) for name in ("probability", "present"))
    share = present.mean()
    return [
        f"{np.median(nmse):.4f}/{nmse.mean():.4f} ± {nmse.std(ddof=1) / np.sqrt(len(nmse)):.4f}",
        PASTIS[system],
        mean_and_error("covered"),
        mean_and_error("covered_sigma"),
        f"{np.mean((probability - present) ** 2):.4f}",
        f"{share * (1 - share):.3f}",
        mean_and_error("explosive"),
        mean_and_error("leapfrogs"),
    ]


def reliability(probability: np.ndarray, present: np.ndarray) -> Table:
    """Tabulate how often terms are true among those with about one probability."""
    table = Table(title="Inclusion probabilities of all terms, systems and seeds")
    for head in ("probability", "terms", "mean probability", "share true"):
        table.add_column(head)
    for low, high in pairwise(BINS):
        inside = (probability >= low) & ((probability < high) | (high == 1.0))
        if inside.any():
            row = probability[inside].mean(), present[inside].mean()
            error = np.sqrt(row[1] * (1 - row[1]) / inside.sum())
            table.add_row(f"{low}–{high}", str(inside.sum()), f"{row[0]:.3f}", f"{row[1]:.3f} ± {error:.3f}")
    return table


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--systems", nargs="+", default=list(TRUE_TERMS), choices=list(TRUE_TERMS))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(100, 112)))
    parser.add_argument("--draws", type=int, default=400)
    return parser.parse_args()


if __name__ == "__main__":
    main()
