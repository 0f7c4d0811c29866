"""Regimes beside a peer, and what they cost.

Two Ornstein–Uhlenbeck processes of one state, variance 1 and a time constant of half a step, levels two standard
deviations apart, mean dwell 15 steps; 10 trajectories of 60 steps to fit to, as many held out, all states observed.

- ours: ``Regimes(2, Linear(), Constant())``, the prior frozen at the first seed's data; `NUTS` and `Laplace`.
- dynamax 1.0.3: `LinearAutoregressiveHMM` of one lag, which has the same law of a step, by EM from k-means and four
  draws of its prior, 200 iterations each, the best kept: no posterior, so no coverage.

Errors are of posterior means, or of the maximum, of levels, of log A and of log mean dwell times, as root mean squares
over regimes and data sets; regimes are matched by their level. Steps right: most probable regime of each step given
the whole trajectory. Held-out: nats a step, each trajectory's first step given. Coverage is of 90 % intervals.
Seconds are medians over data sets, of ours after the compilation that the first one has.

``one``: how often held-out scores prefer two regimes to one where the data are of one Ornstein–Uhlenbeck process with a
time constant of two steps; fits by `Laplace`. ``cost``: ms of a gradient on 33 trajectories × 130 steps × 8 states
behind noise, with a document effect, of one regime and of two, taken in turn.

``exact``: see `regimes_exact.py`.

Run: .uv/bin/uv run python benchmarks/regimes.py recovery (or one, cost, or exact draws --time-constant 2)
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import regimes_peers
import typer
from regimes_exact import exact
from scipy.linalg import logm
from scipy.special import logsumexp

APART, TIME_CONSTANT, DWELL = 2.0, 0.5, 15.0
TRAJECTORIES, STEPS = 10, 60
TRUTH = {"level": APART * np.arange(2), "A": np.full(2, 1 / TIME_CONSTANT), "dwell": np.full(2, DWELL)}
Found = dict[str, np.ndarray]
"""Draws of ``level``, ``A`` and ``dwell``, (draw, regime); ``probability`` of the later steps, ``score`` and more."""

app = typer.Typer()
app.command()(exact)


def simulated(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return states, (trajectory, time, 1), and the regime that leads to each step but the first."""
    rng = np.random.default_rng(seed)
    keep, stay = np.exp(-1 / TIME_CONSTANT), 0.5 + 0.5 * np.exp(-2 / DWELL)
    z = rng.integers(2, size=TRAJECTORIES)
    x, led = [APART * z + rng.standard_normal(TRAJECTORIES)], []
    for _ in range(STEPS - 1):
        led.append(z)
        noise = np.sqrt(1 - keep**2) * rng.standard_normal(TRAJECTORIES)
        x.append(APART * z + keep * (x[-1] - APART * z) + noise)
        z = np.where(rng.random(TRAJECTORIES) < stay, z, 1 - z)
    return np.stack(x, 1)[..., None], np.stack(led, 1)


def two_regimes() -> Any:
    import sdebayes as sb

    drift = sb.priors.Regimes(2, sb.priors.Linear(), sb.priors.Constant())
    return sb.SDEModel(drift, observation=sb.Exact())


class Ours:
    """Fits by a strategy, all of one compilation."""

    def __init__(self, strategy: Any) -> None:
        import sdebayes as sb

        self.strategy = strategy
        self.model = two_regimes().scaled_to(sb.trajectories(list(simulated(0)[0])))

    def __call__(self, y: np.ndarray, new: np.ndarray, seed: int) -> Found:
        """Return draws, and what they say of the steps."""
        import sdebayes as sb

        data = sb.trajectories(list(y))
        start = time.perf_counter()
        posterior = sb.fit(self.model, data, self.strategy, seed=seed, progress=False)
        seconds = time.perf_counter() - start
        draws = posterior.data["posterior"].to_dataset().stack(sample=("chain", "draw"))
        names = {"level": "equilibrium", "A": "drift_matrix", "dwell": "dwell_time"}
        found = {
            name: draws[site].transpose("sample", "regime", ...).values.reshape(-1, 2)
            for name, site in names.items()
        }
        probability = posterior.regime_probability(data)["probability"].mean("sample").values[:, 1:]
        score = self.given_the_first_step(posterior, sb.trajectories(list(new)))
        return found | {"probability": probability, "score": score, "seconds": np.array(seconds)}

    def given_the_first_step(self, posterior: Any, data: Any) -> np.ndarray:
        """Return log p(y_2, …, y_n | y_1), (trajectory,), from the densities of each step under each draw."""
        import jax

        from sdebayes._core.precision import scope

        with scope(posterior.precision):
            read, law = posterior.model.read(data), posterior.model.likelihood
            densities = jax.vmap(lambda one: law.log_density(one, read))(posterior.observed_sde_by_regime())
        terms = np.asarray(densities)
        return logsumexp(terms.sum(-1), axis=0) - logsumexp(terms[..., 0], axis=0)


class Dynamax:
    """Fits by a worker in dynamax's environment."""

    def __init__(self) -> None:
        from peers import Worker, peer_python

        python = peer_python("regimes", regimes_peers.PACKAGES, ("jax", "numpy"))
        self.worker = Worker(python, regimes_peers.__file__, "dynamax")

    def __call__(self, y: np.ndarray, new: np.ndarray, seed: int) -> Found:
        """Return the maximum as one draw."""
        with tempfile.TemporaryDirectory() as folder:
            question, answer = f"{folder}/question.npz", f"{folder}/answer.npz"
            np.savez(question, y=y, new=new)
            said = self.worker.ask(file=question, answer=answer, regimes=2, seed=seed)
            if "failed" in said:
                sys.exit(f"dynamax: {said['failed']}")
            found = dict(np.load(answer))
        keep, offset = found["weights"].ravel(), found["offsets"].ravel()
        dwell = -1 / np.diagonal(logm(found["transitions"]).real)
        rate = -np.log(np.maximum(keep, np.exp(-10)))
        values = {"level": offset / (1 - keep), "A": rate, "dwell": dwell}
        draws = {name: value[None] for name, value in values.items()}
        rest = {"probability": found["probability"], "score": found["score"]}
        return draws | rest | {"seconds": np.array(said["seconds"])}


def judge(found: Found, led: np.ndarray) -> dict[str, float]:
    """Compare with the truth, regimes in the order of their levels."""
    own = np.argsort(np.median(found["level"], axis=0))
    row = {}
    for name, true in TRUTH.items():
        draws = found[name][:, own] if name == "level" else np.log(found[name][:, own])
        true = true if name == "level" else np.log(true)
        row[f"{name} error"] = float(np.mean((draws.mean(0) - true) ** 2))
        if len(draws) > 1:
            low, high = np.quantile(draws, [0.05, 0.95], axis=0)
            row[f"{name} covered"] = float(np.mean((low <= true) & (true <= high)))
    row["steps right"] = float(np.mean(found["probability"][..., own].argmax(-1) == led))
    row["nats"] = float(found["score"].sum() / (TRAJECTORIES * (STEPS - 1)))
    return row | {"seconds": float(found["seconds"])}


def summary(rows: list[dict[str, float]]) -> str:
    """Return means over data sets with their errors, of squared errors the root."""
    cells = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        error = values.std(ddof=1) / np.sqrt(len(values))
        if name.endswith("error"):
            root = np.sqrt(values.mean())
            cells[name] = f"{root:.2f} ± {error / (2 * root):.2f}"
        elif name == "seconds":
            cells[name] = f"{np.median(values):.1f}"
        else:
            cells[name] = f"{values.mean():.3f} ± {error:.3f}"
    return "; ".join(f"{name} {cell}" for name, cell in cells.items())


def say(what: str, found: str) -> None:
    """Print and keep a row."""
    from record import keep

    print(f"{what}: {found}", flush=True)
    keep("regimes", [{"what": what, "found": found}], ("what",))


@app.command()
def recovery(sets: int = 20, methods: str = "NUTS, Laplace, dynamax") -> None:
    """Fit data sets by each method, and compare with the truth."""
    import sdebayes as sb

    known: dict[str, Callable[[], Any]] = {
        "NUTS": lambda: Ours(sb.NUTS(draws=200, warmup=150)),
        "Laplace": lambda: Ours(sb.Laplace(draws=400)),
        "dynamax": Dynamax,
    }
    for name in (name.strip() for name in methods.split(",")):
        fit, rows = known[name](), []
        for seed in range(1, sets + 1):
            y, led = simulated(seed)
            rows.append(judge(fit(y, simulated(seed + 10_000)[0], seed), led))
            print(name, seed, rows[-1], flush=True)
        say(f"{name}, {sets} data sets", summary(rows))


def ornstein_uhlenbeck(seed: int, time_constant: float = 2.0) -> np.ndarray:
    """Return states of one process of variance 1, (trajectory, time, 1)."""
    rng = np.random.default_rng(seed)
    keep = np.exp(-1 / time_constant)
    x = [rng.standard_normal(TRAJECTORIES)]
    for _ in range(STEPS - 1):
        x.append(keep * x[-1] + np.sqrt(1 - keep**2) * rng.standard_normal(TRAJECTORIES))
    return np.stack(x, 1)[..., None]


@app.command()
def one(sets: int = 20) -> None:
    """Fit one regime and two to data of one, and count how often held-out scores prefer two."""
    import sdebayes as sb

    first = sb.trajectories(list(ornstein_uhlenbeck(0)))
    models = [model.scaled_to(first) for model in (sb.SDEModel(observation=sb.Exact()), two_regimes())]
    gains = []
    for seed in range(1, sets + 1):
        data, new = (sb.trajectories(list(ornstein_uhlenbeck(s))) for s in (seed, seed + 10_000))
        fits = [sb.fit(model, data, sb.Laplace(draws=400), seed=seed, progress=False) for model in models]
        alone, both = (fit.log_score(new).values / STEPS for fit in fits)
        gain = both - alone
        gains.append((gain.mean(), gain.std(ddof=1) / np.sqrt(len(gain))))
        print(seed, gains[-1], flush=True)
    mean, error = np.array(gains).T
    found = f"two score higher in {np.sum(mean > 0)}, by more than a standard error in {np.sum(mean > error)}"
    say(
        f"one OU, {sets} data sets",
        f"{found}; gain {mean.mean():+.4f} ± {mean.std(ddof=1) / np.sqrt(sets):.4f}",
    )


@app.command()
def cost(repeats: int = 20) -> None:
    """Time a gradient of one regime and of two, in turn."""
    import jax
    from kalman_gradient import data

    import sdebayes as sb
    from sdebayes._core.precision import scope, single_blas_thread
    from sdebayes.inference.target import make_target

    dataset = data()
    models = {
        "one regime": sb.SDEModel(),
        "two regimes": sb.SDEModel(sb.priors.Regimes(2)),
    }
    with scope("float64"), single_blas_thread():
        targets = {}
        for name, model in models.items():
            scaled = model.scaled_to(dataset)
            read = scaled.read(dataset)
            targets[name] = make_target(scaled.program, scaled.build, read, jax.random.key(0))
        times: dict[str, list[float]] = {name: [] for name in targets}
        for count in range(repeats + 1):
            for name, target in targets.items():
                start = time.perf_counter()
                target.value_and_gradient(target.start)[1].block_until_ready()
                times[name] += [1e3 * (time.perf_counter() - start)] * (count > 0)
    ratio = statistics.median(b / a for a, b in zip(*times.values(), strict=True))
    both = " and ".join(f"{statistics.median(values):.1f}" for values in times.values())
    say("a gradient of 33 × 130 × 8, one regime and two", f"{both} ms, {ratio:.1f} times as much")


if __name__ == "__main__":
    app()
