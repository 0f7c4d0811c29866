"""
Which claims of "Unraveling Text Generation in LLMs" hold?
==========================================================

The paper (Zhang 2024, arXiv:2408.11863) observes embeddings of tokens directly and fits one network each for drift and
diffusion. Here the same is done with texts of SmolLM2-135M and with what the speakers of the same passages went on
with; with tokens, as the model itself embeds them, and with sentences, embedded by MiniLM; in four slow coordinates,
those of most order. Beside such networks stand posteriors: of a Gaussian process as drift and of a linear drift, both
observed directly, and of a linear drift behind noise with an offset of each text. A third of the passages is held out;
gains are in nats a step, with 95 % intervals over texts, all else medians with 90 % intervals over draws. The size of a
drift is in standard deviations of the data a step. Some is done again with steps in another order, in which there is
nothing to be learned but what each text is about.

``python examples/paper.py [tokens] [sentences]``

.. note::

   This page is shown and not run: it fits four models to four corpora, and again to what is shuffled, which takes
   seven CPU-minutes. :doc:`two_readings` tests one of the claims.

.. figure:: /figures/gallery/paper.png
   :alt: Networks gain in tokens and lose in sentences; a linear drift behind noise gains in all four corpora.

   Gains with 95 % intervals over texts; :doc:`/explanation/paper` has all that was found.
"""

# sphinx_gallery_thumbnail_path = "figures/gallery/paper.png"

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from numpyro.optim import Adam

import sdebayes as sb
from sdebayes import analysis
from sdebayes.dynamics import ParametricDiffusion, ParametricDrift

TEMPERATURE, TOKENS, STATES, COMPONENTS, WIDTH, STEPS, LENGTH = 0.8, 100, 4, 32, 32, 1000, 2.0
UNITS = {
    "tokens": (sb.HiddenStates(layer=0, skip=0), sb.TokenWindows(1)),
    "sentences": (sb.SentenceEncoder(), sb.Sentences()),
}
EULER, EXACT = sb.schemes.EulerMaruyama(), sb.Exact()
PROCESS = sb.SDEModel(sb.priors.GP(lengthscale=LENGTH), scheme=EULER, observation=EXACT)
LINEAR = sb.SDEModel(observation=EXACT)
BEHIND_NOISE = sb.SDEModel(observation=sb.GaussianNoise(trajectory_effect=True))
POINT, BENT, OBSERVED, NOISY = "networks", "process", "linear, observed", "linear, behind noise"
OFFSET, WALK = "iid + document effect", "random walk + noise"


def drift(x, t, weights):
    """Compute a layer of tanh between two linear maps."""
    return jnp.tanh(x @ weights["inner"] + weights["bias"]) @ weights["outer"] + weights["level"]


def scale(x, t, weights):
    """Return the standard deviation of an increment, another such network made positive."""
    return jax.nn.softplus(drift(x, t, weights) + 0.5)


def diffusion(x, t, weights):
    """Return the factor G."""
    return jnp.diag(scale(x, t, weights))


def drawn(key, states):
    """Draw weights to begin with."""
    one, two = jax.random.split(key)
    return {
        "inner": jax.random.normal(one, (states, WIDTH)) / jnp.sqrt(states),
        "bias": jnp.zeros(WIDTH),
        "outer": 0.1 * jax.random.normal(two, (WIDTH, states)) / jnp.sqrt(WIDTH),
        "level": jnp.zeros(states),
    }


def pairs(y):
    """Return steps that have a next one, and the increments behind them."""
    now, step = y[:, :-1], np.diff(y, axis=1)
    whole = np.isfinite(step).all(axis=-1)
    return now[whole], step[whole]


def point_estimate(data, seed=0):
    """Fit networks of drift and diffusion to increments by likelihood, where that of a fifth of the texts is best."""
    y = data["y"].values
    seen, unseen = pairs(y[len(y) // 5 :]), pairs(y[: len(y) // 5])

    def loss(weights, now, step):
        sd = scale(now, 0.0, weights[1])
        return jnp.mean(0.5 * ((step - drift(now, 0.0, weights[0])) / sd) ** 2 + jnp.log(sd))

    def update(state, _):
        state = optimizer.eval_and_update(lambda weights: (loss(weights, *seen), None), state)[1]
        weights = optimizer.get_params(state)
        return state, (loss(weights, *unseen), weights)

    optimizer = Adam(0.01)
    start = optimizer.init(tuple(drawn(key, y.shape[-1]) for key in jax.random.split(jax.random.key(seed))))
    losses, every = jax.jit(lambda state: jax.lax.scan(update, state, length=STEPS))(start)[1]
    best = jax.tree.map(lambda one: one[jnp.argmin(losses)], every)
    parts = (ParametricDrift(drift, best[0]), ParametricDiffusion(diffusion, best[1]))
    model = sb.SDEModel(*map(sb.priors.Fixed, parts), scheme=EULER, observation=EXACT)
    return sb.fit(model, data, sb.Laplace(draws=400), seed=seed, progress=False)


def fitted(model, data):
    """Fit by Laplace, a process with its weights integrated out."""
    strategy = sb.Marginal(draws=400) if model is PROCESS else sb.Laplace(draws=400)
    return sb.fit(model, data, strategy, seed=0, progress=False)


def interval(values, level=0.9):
    """Write median and interval."""
    low, middle, high = np.quantile(values, [0.5 - level / 2, 0.5, 0.5 + level / 2])
    return f"{middle:.2g} ({low:.2g} to {high:.2g})" if high > low else f"{middle:.2g}"


def gained(table, model, over):
    """Write what a model gains over a row, nats a step, and its 95 % interval."""
    row = table[over].sel(candidate=model)
    return f"{row['difference']:+.3f} ({row['lower']:+.3f} to {row['upper']:+.3f})"


def size_of_drift(posterior, data):
    """Return its root mean square over the path, draw by draw, in standard deviations of the data a step."""
    y = data["y"].values
    if posterior.model.likelihood.states_observed:
        places = y[np.isfinite(y).all(axis=-1)][::5]
        square = (posterior.drift(places) ** 2).mean("point")
    else:
        rate, path = posterior.sde().drift.matrix, posterior.observed_sde().initial_covariance
        square = np.einsum("sij,sjk,sik->si", rate, path, rate)
    return np.sqrt(np.mean(np.asarray(square) / np.nanvar(y, axis=(0, 1)), axis=-1))


def correlations(posterior, data):
    """Return mean autocorrelations at lags 1 and 4, of simulated data of every draw and of the data."""
    steps = 1 if posterior.model.scheme == EULER else None
    paths = sb.simulate(
        posterior, data["t"].values[0], paths=data.sizes["trajectory"], samples=50, substeps=steps
    )
    found = analysis.moments.autocorrelation(data, 4, analysis.moments.mask_like(paths, data)).sel(lag=[1, 4])
    return found["autocorrelation"].mean("state"), found["autocorrelation_data"].mean("state")


def stable_points(posterior):
    """Say in which share of the draws the drift has how many stable zeros among the data."""
    count = analysis.phase_space.fixed_points(posterior, samples=100)["stable"].sum("fixed_point")
    shares = pd.Series(count.values.astype(int)).value_counts(normalize=True).sort_index()
    return ", ".join(f"{number}: {share:.2f}" for number, share in shares.items())


def column(train, test):
    """Fit everything, and return the cells of a column."""
    models = {
        POINT: point_estimate(train),
        BENT: fitted(PROCESS, train),
        OBSERVED: fitted(LINEAR, train),
        NOISY: fitted(BEHIND_NOISE, train),
    }
    mixed, mixed_test = sb.shuffle(train, seed=1), sb.shuffle(test, seed=2)
    blind = {POINT: point_estimate(mixed)} | {
        name: fitted(model, mixed) for name, model in ((BENT, PROCESS), (NOISY, BEHIND_NOISE))
    }
    tables = {one: sb.compare(models, test, baseline=one) for one in (OFFSET, WALK, OBSERVED)}
    nothing = {OFFSET: sb.compare(blind, mixed_test)}
    variance = np.nanvar(train["y"].values, axis=(0, 1))
    cells = {f"gain over {OFFSET}: {name}": gained(tables, name, OFFSET) for name in models}
    cells |= {f"gain, steps shuffled: {name}": gained(nothing, name, OFFSET) for name in blind}
    cells[f"gain over {WALK}: {NOISY}"] = gained(tables, NOISY, WALK)
    cells |= {f"gain over {OBSERVED}: {name}": gained(tables, name, OBSERVED) for name in (POINT, BENT)}
    cells |= {
        f"size of the drift: {name}": interval(size_of_drift(one, train)) for name, one in models.items()
    }
    cells[f"size of the drift, steps shuffled: {POINT}"] = interval(size_of_drift(blind[POINT], mixed))
    for name in (POINT, OBSERVED, NOISY):
        simulated, data = correlations(models[name], train)
        cells["autocorrelation at 1, 4: data"] = ", ".join(f"{one:.2f}" for one in data.values)
        cells[f"autocorrelation at 1, 4: {name}"] = ", ".join(map(interval, simulated.values.T))
    for name in (POINT, BENT):
        cells[f"stable points, share of the draws: {name}"] = stable_points(models[name])
        cells[f"stable points, steps shuffled: {name}"] = stable_points(blind[name])
    for name in (OBSERVED, NOISY):
        rate = np.einsum("spii->si", models[name].covariance(np.zeros((1, STATES))))
        cells[f"Σ of the variance of the data: {name}"] = interval(np.mean(rate / variance, axis=-1))
    shares = analysis.variance.shares(models[NOISY]).mean("state")
    cells |= {
        f"share of the variance: {one}": interval(shares[one])
        for one in ("path", "noise", "trajectory_effect")
    }
    for name in (OBSERVED, NOISY):
        wrong = (one.subject for one in models[name].diagnosis() if one.severity in ("problem", "warning"))
        cells[f"diagnosis: {name}"] = ", ".join(wrong)
    return cells


def main():
    """Print a table, a column for each kind of step and each author."""
    found = {}
    for unit in sys.argv[1:] or UNITS:
        encoder, step = UNITS[unit]
        corpus = sb.datasets.load_smollm2(TEMPERATURE, human=True)
        traj = sb.embed(corpus, encoder, step, min_steps=3).isel(time=slice(TOKENS))
        traj["n_steps"] = traj["n_steps"].clip(max=TOKENS)
        both = traj["passage"].to_series().duplicated(keep=False).values
        for author in ("human", "SmolLM2"):
            own = traj.isel(trajectory=both & (traj["author"].values == author))
            train, test = sb.split(own, test=1 / 3, seed=0)
            space = sb.TICA(STATES, components=COMPONENTS).fit(train)
            found[unit, author] = column(space.transform(train), space.transform(test))
            print(f"{len(found)}: {unit} of {author}", flush=True)
    for name in next(iter(found.values())):
        print(name, *(f"  {' '.join(place)}: {cells[name]}" for place, cells in found.items()), sep="\n")


if __name__ == "__main__":
    main()
