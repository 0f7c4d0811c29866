"""Bound what any test could tell: an Ornstein–Uhlenbeck process driven by fractional noise, seen through noise.

Both the truth and the nearest Ornstein–Uhlenbeck process with white observation noise are Gaussian, so the divergence
KL = ½ (tr Q⁻¹S − n + log det Q − log det S) of n observations of a path is exact; the nearest one minimises it over
variance, noise and time constant. By the lemma of Neyman and Pearson no test of level α that knows both laws has more
power than their likelihood ratio, here by its normal approximation, Φ(√(2 m KL) − z₁₋α) for m paths. The table goes
to benchmarks/results/long_memory.csv.

Run: .uv/bin/uv run python benchmarks/long_memory.py
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from record import keep
from scipy.linalg import cho_factor, cho_solve, toeplitz
from scipy.optimize import minimize
from scipy.stats import norm

STEP, STEPS, FINE, BURN_IN, PATHS = 0.1, 150, 4, 50, 8
LEVEL, POWER = 0.05, 0.8
STARTS = ((0.5, 0.1, 1.0), (0.3, 0.3, 0.3), (1.0, 0.04, 2.0), (0.5, 0.01, 10.0))


def covariance(hurst: float, noise: float) -> np.ndarray:
    """Covariance of the observations of x' = x − x h + ξ, ξ fractional Gaussian noise, as in benchmarks/misfit.py."""
    h, count = STEP / FINE, (BURN_IN + STEPS) * FINE
    k = np.arange(count, dtype=float)
    row = 0.5 * ((k + 1) ** (2 * hurst) - 2 * k ** (2 * hurst) + np.abs(k - 1) ** (2 * hurst))
    answer = np.tril((1 - h) ** np.subtract.outer(k, k).clip(0))
    path = answer @ toeplitz(row * h ** (2 * hurst)) @ answer.T
    seen = np.arange(BURN_IN * FINE, count, FINE)
    return path[np.ix_(seen, seen)] + noise**2 * np.eye(len(seen))


def nearest(truth: np.ndarray) -> tuple[float, np.ndarray]:
    """Least divergence from a truth to an Ornstein–Uhlenbeck process with noise, and its (variance, noise, τ)."""
    lags = STEP * np.abs(np.subtract.outer(np.arange(STEPS), np.arange(STEPS)))
    log_determinant = np.linalg.slogdet(truth)[1]

    def divergence(logarithms: np.ndarray) -> float:
        variance, noise, tau = np.exp(logarithms)
        factor = cho_factor(variance * np.exp(-lags / tau) + noise * np.eye(STEPS), lower=True)
        own = 2 * np.log(np.diag(factor[0])).sum()
        return 0.5 * (np.trace(cho_solve(factor, truth)) - STEPS + own - log_determinant)

    found = [
        minimize(divergence, np.log(s), method="Nelder-Mead", options={"maxiter": 3000, "fatol": 1e-8})
        for s in STARTS
    ]
    best = min(found, key=lambda one: one.fun)
    return float(best.fun), np.exp(best.x)


def main() -> None:
    rows = []
    for hurst in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9):
        for noise in (0.0, 0.2):
            each, (variance, seen, tau) = nearest(covariance(hurst, noise))
            shift = np.sqrt(2 * PATHS * max(each, 0.0))
            needed = (norm.ppf(1 - LEVEL) + norm.ppf(POWER)) ** 2 / (2 * each)
            rows.append(
                {
                    "H": hurst, "noise sd": noise, "nats a path": each,
                    "power bound, 8 paths": norm.cdf(shift - norm.ppf(1 - LEVEL)),
                    "paths for power .8": np.ceil(needed) if each > 1e-4 else np.inf,
                    "variance": variance, "R": seen, "tau": tau,
                }
            )  # fmt: skip
            print(pd.DataFrame(rows[-1:]).round(3).to_string(index=False, header=len(rows) == 1), flush=True)
    keep("long_memory", rows, ("H", "noise sd"))


if __name__ == "__main__":
    main()
