"""The Gaussian-process drift of FitzHugh–Nagumo's system, as dynestyx's deep dive ``gp_drift`` fits it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from published_runs import Row, Run, least_ess, sampled, worst_rhat

import sdebayes as sb
from sdebayes.dynamics import SDE, ConstantDiffusion, ParametricDrift

NEAR = 0.2  # from the path, in states: where a drift can be known


def fitzhugh_nagumo_problem(seed: int) -> tuple[SDE, np.ndarray, xr.Dataset, sb.SDEModel]:
    """Return the truth, its path, the data and the model."""
    truth = SDE(
        ParametricDrift(
            lambda x, t, p: jnp.stack([x[0] - x[0] ** 3 / 3 - x[1] + 0.5, 0.08 * (x[0] + 0.7 - 0.8 * x[1])]),
            {},
        ),
        ConstantDiffusion(0.01 * jnp.eye(2)),
    )
    generator = np.random.default_rng(seed)
    times = 0.1 * np.arange(500)
    start = generator.standard_normal(2)
    path = sb.simulate(truth, times, x0=start, paths=1, seed=seed, substeps=20)["x"].values[0, 0]
    data = sb.trajectories((path + 0.1 * generator.standard_normal(path.shape))[None], t=times)
    drift = sb.priors.GP(
        sb.priors.Linear(diagonal=True),
        drift_scale=(2.0, 0.2),
        location=0.0,
        state_scale=1.0,
        kernel=sb.priors.Matern32(),
        basis=sb.priors.HSGP(functions=10, half_length=4.0),
        lengthscale=1.0,
    )
    model = sb.SDEModel(
        drift,
        sb.priors.Fixed(ConstantDiffusion(0.01 * jnp.eye(2))),
        sb.schemes.LocalLinearization(),
        sb.GaussianNoise(covariance=0.01),
        initial=(np.zeros(2), np.eye(2)),
    )
    return truth, path, data, model


def fitzhugh_nagumo(run: Run) -> list[Row]:
    truth, path, data, model = fitzhugh_nagumo_problem(run.seed)
    posterior, row = run.fit(model, data, target_acceptance=0.7)
    grid = np.stack(np.meshgrid(*2 * [np.linspace(-2, 2, 50)]), -1).reshape(-1, 2)
    found = posterior.drift(grid)
    unknowns = posterior.data["unconstrained"].to_dataset()
    weights = unknowns[["drift_weights"]]
    row |= {
        "target": "FitzHugh–Nagumo, GP drift",
        "seed": run.seed,
        "R-hat weights": worst_rhat(weights),
        "R-hat others": worst_rhat(unknowns.drop_vars("drift_weights")),
        "R-hat drift": worst_rhat(xr.Dataset({"drift": sampled(posterior, found)})),
        "least ESS": least_ess(xr.Dataset({"drift": sampled(posterior, found)})),
    }
    true = np.asarray(jax.vmap(truth.drift)(jnp.asarray(grid)))
    distance = np.min(np.linalg.norm(grid[:, None] - path[None], axis=-1), axis=1)
    low, high = np.quantile(found.values, [0.025, 0.975], axis=0)
    square = np.sum((found.values.mean(0) - true) ** 2, -1) / 2
    inside = (low <= true) & (true <= high)
    for name, part in (("near", distance < NEAR), ("far", distance >= NEAR), ("all", distance >= 0)):
        row[f"RMSE {name}"] = float(np.sqrt(square[part].mean()))
        row[f"covered {name}"] = float(inside[part].mean())
    return [row]
