"""Compare a diagonal and a full Σ on real speeches: how many modes has the posterior, and which predicts better.

Data: the demo's 33 training and 11 held-out speeches, 130 sentences, 8 PCs; latent OU with noise and document effect.
From the prior's coordinatewise median and from eight draws of the prior L-BFGS runs to a mode; each distinct mode is
shown with its potential U, its Laplace evidence and the held-out score of that single point.

Run: .uv/bin/uv run python benchmarks/diffusion_shape.py
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from record import keep
from rich.console import Console
from rich.table import Table
from scipy.optimize import minimize

import sdebayes as sb
from sdebayes._core.precision import scope, single_blas_thread
from sdebayes.inference.curvature import hessian_of
from sdebayes.inference.target import Target, make_target
from sdebayes.model.rebuild import read_draw

DRAWS = 8


def speeches() -> tuple[xr.Dataset, xr.Dataset]:
    corpus = sb.datasets.load_sotu(sentences=130, speeches=44)
    train, test = sb.split(sb.embed(corpus, sb.SentenceEncoder()), test=0.25, seed=0)
    space = sb.PCA(8).fit(train)
    return space.transform(train), space.transform(test)


def modes(target: Target) -> dict[float, tuple[np.ndarray, int]]:
    """Return the distinct modes by their potential, each with the number of starts that reached it."""

    def objective(z: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = target.value_and_gradient(jnp.asarray(z))
        return float(value), np.asarray(gradient)

    draws = [np.asarray(target.draw_prior(key)) for key in jax.random.split(jax.random.key(7), 41)]
    found: dict[float, tuple[np.ndarray, int]] = {}
    options = {"maxiter": 2000, "maxfun": 4000, "maxcor": 30, "ftol": 1e-13, "gtol": 1e-3}
    for start in (np.median(draws, axis=0), *draws[:DRAWS]):
        best = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
        key = round(best.fun, 1)
        found[key] = (best.x, found.get(key, (best.x, 0))[1] + 1)
    return dict(sorted(found.items()))


def laplace_evidence(target: Target, z: np.ndarray, potential: float) -> float:
    hessian = hessian_of(
        lambda x: np.asarray(target.value_and_gradient(jnp.asarray(x))[1]), z, np.dtype("float64")
    )
    return -potential - 0.5 * np.linalg.slogdet(hessian)[1] + 0.5 * len(z) * np.log(2 * np.pi)


def main() -> None:
    train, test = speeches()
    heads = ("Σ", "U", "starts", "Laplace evidence", "held-out, nats per sentence")
    table = Table(*heads)
    for shape in ("diagonal", "full"):
        model = sb.SDEModel(diffusion=sb.priors.Constant(shape)).scaled_to(train)
        with scope("float64"), single_blas_thread():
            target = make_target(model.program, model.build, model.read(train), jax.random.key(0))
            held_out = model.read(test)

            @jax.jit
            def score(z, model=model, target=target, held_out=held_out):
                law = read_draw(model, target.unravel(z)).observed
                return model.likelihood.log_density(law, held_out).sum()

            rows = []
            for potential, (z, count) in modes(target).items():
                per_sentence = float(score(jnp.asarray(z))) / int(test["n_steps"].sum())
                evidence = laplace_evidence(target, z, potential)
                row = (shape, f"{potential:.1f}", str(count), f"{evidence:.1f}", f"{per_sentence:.3f}")
                table.add_row(*row)
                rows.append(dict(zip(heads, row, strict=True)))
            keep("diffusion_shape", rows, ("Σ",))
    Console().print(table)


if __name__ == "__main__":
    main()
