"""Does a sum of few monomials, chosen with its uncertainty, find a sparse drift, and are its probabilities honest.

Three systems of two states (double well, rotating Ornstein–Uhlenbeck, limit cycle), N = 2,000, Δt = 0.05, monomials up
to the third degree: `Sparse()` under `Marginal()` and the default scheme, constant diagonal Σ. NMSE is Σ|F̂ − F|²/Σ|F|²
on the trajectory for the mean over draws; drift bands are 95 % at 100 places on the trajectory; the Brier score is that
of the share of draws with each term (of saying the true share of terms for each: p(1 − p)). Prior constants are those
of the first seed's data, so that all fits share their compiled code.

The system ``prior`` draws terms, coefficients and Σ from the prior that the double well's first data give, has N = 400
from 0 on, and leaves out the seeds whose states leave ±1,000: the terms of the other systems are few and strong, those
of this one as the prior says, so that it alone can tell whether probabilities below a half are right.

PASTIS (StochasticForceInference 2.0.4): numbers of one earlier run on the same design, NMSE median/mean.

Run: .uv/bin/uv run python benchmarks/sparse_selection.py --systems double_well --seeds 100 101 102
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise

import jax
import numpy as np
import xarray as xr
from numpyro import handlers
from record import keep
from rich.console import Console
from rich.table import Table

import sdebayes as sb
from sdebayes.dynamics import SDE

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
HEADS = (
    "system", "NMSE median/mean", "PASTIS", "drift covered", "Σ covered", "Brier", "p(1 − p)", "explosive", "leapfrogs",
)  # fmt: skip
TERMS = ("probability", "terms", "mean probability", "share true")
PRIOR_STEPS, FARTHEST, AGREED = 400, 1000.0, 1.1
BINS = np.array([0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0])


def of_system(system: str, model: sb.SDEModel, seed: int) -> tuple[xr.Dataset, SDE, np.ndarray]:
    """Return data, truth, and which terms are in, (term, state)."""
    data, truth = sb.datasets.benchmark(system, STEPS, DT, seed=seed)
    names = model.drift.coords()["library_term"]
    return data, truth, np.array([[name in terms for terms in TRUE_TERMS[system]] for name in names])


def of_prior(model: sb.SDEModel, seed: int) -> tuple[xr.Dataset, SDE, np.ndarray] | None:
    """Return the same for a truth from the prior; None if its path runs away."""
    with jax.enable_x64(True), handlers.trace() as sites, handlers.seed(rng_seed=jax.random.key(seed)):
        truth = model.build().sde
    present = np.asarray(sites["drift_inclusion"]["value"]) > 0
    times = DT * np.arange(PRIOR_STEPS)
    path = sb.simulate(truth, times, x0=np.zeros(2), paths=1, seed=seed, substeps=20)["y"].values[0, 0]
    if not np.abs(path).max() < FARTHEST:
        return None
    return sb.trajectories([path], t=[times]), truth, present


def judge(
    model: sb.SDEModel, data: xr.Dataset, truth: SDE, present: np.ndarray, seed: int, draws: int
) -> dict[str, object]:
    posterior = sb.fit(model, data, sb.Marginal(draws=draws, warmup=150), seed=seed, progress=False)
    x = data["y"].values[0]
    true = np.asarray(jax.vmap(truth.drift)(x))
    mean = posterior.drift(x).values.mean(0)
    places = np.linspace(0, len(x) - 1, PLACES).astype(int)
    low, high = np.quantile(posterior.drift(x[places]).values, [0.025, 0.975], axis=0)
    table = posterior.data["posterior"].to_dataset()
    sigma = table["diffusion_variance"].values.reshape(-1, 2)
    s_low, s_high = np.quantile(sigma, [0.025, 0.975], axis=0)
    s_true = np.diag(np.asarray(truth.covariance(jax.numpy.zeros(2))))
    probability = table["drift_inclusion"].mean(("chain", "draw"))
    findings = {f.subject: f.values for f in posterior.diagnosis()}
    return {
        "nmse": float(np.sum((mean - true) ** 2) / np.sum(true**2)) if true.any() else np.nan,
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
    for head in HEADS:
        table.add_column(head)
    console = Console(width=140)
    for system in arguments.systems:
        found = fit_all(system, arguments.seeds, arguments.draws)
        row = (system, *summary(system, found))
        table.add_row(*row)
        keep("sparse_selection", [dict(zip(HEADS, row, strict=True))], ("system",))
        console.print(reliability(system, found))
        console.print(reliability(f"{system}, R-hat < {AGREED}", [f for f in found if f["rhat"] < AGREED]))
    console.print(table)


def fit_all(system: str, seeds: list[int], draws: int) -> list[dict]:
    """Return what was found of every seed, and print a line of each."""
    from_prior = system == "prior"
    reference, _ = sb.datasets.benchmark("double_well" if from_prior else system, STEPS, DT, seed=seeds[0])
    model = sb.SDEModel(sb.priors.Sparse(), sb.priors.Constant("diagonal"), observation=sb.Exact()).scaled_to(
        reference
    )
    found = []
    for seed in seeds:
        drawn = of_prior(model, seed) if from_prior else of_system(system, model, seed)
        if drawn is None:
            continue
        try:
            found.append(judge(model, *drawn, seed, draws))
        except sb.errors.InferenceError as error:
            print(json.dumps({"system": system, "seed": seed, "failed": str(error)}), flush=True)
        else:
            print(json.dumps({"system": system, "seed": seed} | found[-1]), flush=True)
    return found


def summary(system: str, found: list[dict]) -> list[str]:
    def mean_and_error(name: str) -> str:
        values = np.array([f[name] for f in found])
        return f"{values.mean():.3f} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}"

    nmse = np.array([f["nmse"] for f in found])
    nmse = nmse[np.isfinite(nmse)]  # where nothing drifts, there is no relative error
    probability, present = (np.array([f[name] for f in found]) for name in ("probability", "present"))
    share = present.mean()
    return [
        f"{np.median(nmse):.4f}/{nmse.mean():.4f} ± {nmse.std(ddof=1) / np.sqrt(len(nmse)):.4f}",
        PASTIS.get(system, ""),
        mean_and_error("covered"),
        mean_and_error("covered_sigma"),
        f"{np.mean((probability - present) ** 2):.4f}",
        f"{share * (1 - share):.3f}",
        mean_and_error("explosive"),
        mean_and_error("leapfrogs"),
    ]


def reliability(title: str, found: list[dict]) -> Table:
    """Tabulate how often terms are true among those with about one probability; errors are those over data sets."""
    table = Table(title=f"Inclusion probabilities in {len(found)} data sets: {title}")
    probability, present = (np.array([f[name] for f in found]) for name in ("probability", "present"))
    kept = []
    for head in TERMS:
        table.add_column(head)
    for low, high in pairwise(BINS):
        inside = (probability >= low) & ((probability < high) | (high == 1.0))
        if inside.any():
            surplus = np.where(inside, present - probability, 0.0).sum((1, 2))
            error = np.sqrt(len(surplus)) * surplus.std(ddof=1) / inside.sum()
            row = (
                f"{low}–{high}",
                str(inside.sum()),
                f"{probability[inside].mean():.3f}",
                f"{present[inside].mean():.3f} ± {error:.3f}",
            )
            table.add_row(*row)
            kept.append({"data sets": title} | dict(zip(TERMS, row, strict=True)))
    if kept:
        keep("sparse_selection_terms", kept, ("data sets",))
    return table


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--systems", nargs="+", default=list(TRUE_TERMS), choices=[*TRUE_TERMS, "prior"])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(100, 112)))
    parser.add_argument("--draws", type=int, default=400)
    return parser.parse_args()


if __name__ == "__main__":
    main()
