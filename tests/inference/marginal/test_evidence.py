"""Weights integrated out: the evidence against the normal law of all increments, and the one pass over data."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
import xarray as xr
from numpyro.handlers import seed, substitute, trace
from scipy.stats import multivariate_normal

import sdebayes as sb
from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.tracing import one_at_a_time
from sdebayes.inference import Problem, RunOptions, log_evidence, statistics
from sdebayes.inference.marginal.marginalized import marginalized
from sdebayes.inference.sufficient_statistics import reduction
from tests.cases import first_of

EULER, EXACT = sb.schemes.EulerMaruyama(), sb.Exact()
SMALL = sb.priors.HSGP(functions=3)
FOURIER = sb.priors.RandomFourier(features=8)
DRIFTS = {
    "HSGP": sb.priors.GP(basis=SMALL),
    "RandomFourier": sb.priors.GP(basis=FOURIER, lengthscale=1.3, kernel=sb.priors.Matern52()),
    "Inducing": sb.priors.GP(basis=sb.priors.Inducing(centres=6), lengthscale=[1.0, 2.0]),
    "linear": sb.priors.Linear(stable=False, location=0.3),
    "independent": sb.priors.Linear(stable=False, diagonal=True),
    "stable": sb.priors.Linear(),
}


@pytest.fixture(autouse=True)
def _double(x64):
    """Everything here is in double precision."""


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    """Three trajectories of two states with unequal steps and a gap."""
    rng = np.random.default_rng(5)
    values = [np.cumsum(rng.normal(size=(n, 2)), 0) * 0.4 + [3.0, -1.0] for n in (12, 7, 9)]
    values[2][4] = np.nan
    return sb.trajectories(values, t=[np.cumsum(rng.choice([0.1, 0.25, 0.6], len(v))) for v in values])


def model_of(drift, shape: str = "full") -> sb.SDEModel:
    return sb.SDEModel(drift, sb.priors.Constant(shape), EULER, EXACT)


def hyperparameters(model: sb.SDEModel, key: int = 1) -> dict[str, jnp.ndarray]:
    """Values of all but the weights."""
    sites: dict[str, tuple[int, ...]] = {}

    def once(key):
        found = one_at_a_time(trace(seed(marginalized(model).drawn, key)).get_trace)()
        sites.update((n, site["value"].shape) for n, site in found.items() if site["type"] == "sample")

    jax.eval_shape(once, jax.random.key(0))
    rng = np.random.default_rng(key)
    h = {name: 0.7 * rng.normal(size=shape) for name, shape in sites.items()}
    h |= {n: np.exp(v) for n, v in h.items() if n.endswith(("scale", "variance"))}
    return {name: jnp.asarray(value) for name, value in h.items()}


def increments_of(data: xr.Dataset) -> tuple[np.ndarray, ...]:
    """States, increments and steps of all transitions, and first states, by hand."""
    parts = []
    for i, n in enumerate(data["n_steps"].values):
        y, t = data["y"].values[i, :n], data["t"].values[i, :n]
        keep = np.isfinite(y).all(-1)
        y, t = y[keep], t[keep]
        parts.append((y[:-1], np.diff(y, axis=0), np.diff(t), y[:1]))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def dense(model: sb.SDEModel, data: xr.Dataset, h: list[dict[str, jnp.ndarray]]) -> list[float]:
    """The log density of all increments at once: normal weights carried through the model's own drift."""
    x, increments, dt, first = increments_of(data)

    def build(known):
        return one_at_a_time(substitute(seed(model.build, jax.random.key(0)), data=known))()

    def parts(known):
        sites = trace(seed(model.build, jax.random.key(0))).get_trace()
        laws = {n: s["fn"] for n, s in sites.items() if s["type"] == "sample" and n not in known}
        zero = {name: jnp.zeros(law.shape()) for name, law in laws.items()} or {"none": jnp.zeros(1)}
        laws = laws or {"none": numpyro.distributions.Normal(0.0, 1.0)}

        def mean(w):
            return (jax.vmap(build(known | w).sde.drift)(jnp.asarray(x)) * dt[:, None]).ravel()

        slopes, observed = jax.jacfwd(mean)(zero), build(known | zero)
        columns = [
            slopes[n].reshape(x.size, -1)
            * jnp.sqrt(jnp.broadcast_to(laws[n].variance, zero[n].shape)).ravel()
            for n in laws
        ]
        J = jnp.concatenate(columns, 1)
        return (
            mean(zero),
            J,
            observed.sde.covariance(jnp.zeros(2)),
            observed.initial_mean,
            observed.initial_covariance,
        )

    compiled, found = jax.jit(parts), []
    for known in h:
        mean, J, sigma, first_mean, first_covariance = map(np.asarray, compiled(known))
        law = multivariate_normal(mean, J @ J.T + np.kron(np.diag(dt), sigma))
        start = multivariate_normal(first_mean, first_covariance)
        found.append(float(law.logpdf(increments.ravel()) + start.logpdf(first).sum()))
    return found


@pytest.mark.parametrize(
    ("drift", "shape"),
    [
        pytest.param("HSGP", "full", marks=pytest.mark.thorough),
        pytest.param("RandomFourier", "full", marks=pytest.mark.thorough),
        pytest.param("Inducing", "diagonal", marks=pytest.mark.thorough),
        ("linear", "full"),
        ("independent", "full"),
        ("stable", "full"),
    ],
)
def test_the_evidence_is_that_of_all_increments_at_once(data, drift, shape):
    model = model_of(DRIFTS[drift], shape).scaled_to(data)
    sums = statistics(model, data)
    h = [hyperparameters(model, key) for key in (1, 2)]
    found = [log_evidence(model, sums, known) for known in h]
    np.testing.assert_allclose(found, dense(model, data, h), rtol=1e-9)


@pytest.mark.parametrize(("drift", "shape"), first_of([("linear", "diagonal"), ("HSGP", "full")]))
def test_its_derivative_is_that_of_differences(data, drift, shape):
    """Also where the eigenvalues of the outputs meet, at equal rates and amplitudes."""
    model = model_of(DRIFTS[drift], shape).scaled_to(data)
    ready, sums = marginalized(model), statistics(model, data)
    h = hyperparameters(model)
    h["diffusion_scale"] = jnp.full(2, 0.7)
    if drift == "HSGP":
        h["drift_amplitude_quantile"] = jnp.full(2, 0.2)
    if shape == "full":
        h["diffusion_correlation"] = jnp.zeros(1)

    def value(shift):
        moved = {
            name: v * jnp.exp(shift[name]) if name.endswith(("scale", "variance")) else v + shift[name]
            for name, v in h.items()
        }
        given, known = one_at_a_time(substitute(seed(ready.given, jax.random.key(0)), data=moved))()
        return ready.log_evidence(given, known, sums)

    zero = {name: np.zeros(v.shape) for name, v in h.items()}
    both = jax.jit(jax.value_and_grad(value))
    slope = both(zero)[1]
    for name in h:
        for index in np.ndindex(h[name].shape):
            step = np.zeros(h[name].shape)
            step[index] = 1e-5
            up, down = both(zero | {name: step})[0], both(zero | {name: -step})[0]
            assert float(slope[name][index]) == pytest.approx(float(up - down) / 2e-5, rel=1e-5, abs=1e-5)


def test_statistics_of_parts_add_up_and_pieces_do_not_matter(data, monkeypatch):
    model = model_of(DRIFTS["HSGP"]).scaled_to(data)
    whole = statistics(model, data)
    parts = statistics(model, data.isel(trajectory=[0])) + statistics(model, data.isel(trajectory=[1, 2]))
    monkeypatch.setattr(reduction, "BLOCK", 5)
    for found in (parts, statistics(model, data)):
        for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(whole), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
    assert float(whole.count) == 12 + 7 + 9 - 1 - 3


@pytest.mark.thorough
def test_data_are_read_in_blocks_and_features_once(monkeypatch, tmp_path):
    """Lazy data are never in memory whole, and the work per datum is one evaluation of the features."""
    long, _ = sb.datasets.benchmark("ornstein_uhlenbeck", 3000, 0.05, n_trajectories=2, seed=0)
    model = model_of(DRIFTS["HSGP"]).scaled_to(long)
    long.drop_vars("text", errors="ignore").to_zarr(tmp_path / "data.zarr", consolidated=False)
    lazy = xr.open_zarr(tmp_path / "data.zarr", consolidated=False, chunks=None)
    sizes, rows = [], []
    reader, pad = reduction._transitions, reduction._padded

    def watched(read, shape):
        def small(r, s):
            found = read(r, s)
            sizes.append(found[1].size)
            return found

        return reader(small, shape)

    def counted(part, where):
        found = pad(part, where)
        rows.append(found[-1].sum())
        return found

    monkeypatch.setattr(reduction, "BLOCK", 1000)
    monkeypatch.setattr(reduction, "_transitions", watched)
    monkeypatch.setattr(reduction, "_padded", counted)
    found = statistics(model, lazy)
    assert max(sizes) <= 1000
    assert sum(sizes) == 6000
    assert sum(rows) == 2 * 2999 == float(found.count)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scheme": None}, "LocalLinearization is not linear in the drift.*NUTS.*EulerMaruyama"),
        ({"observation": sb.GaussianNoise()}, "GaussianNoise hides the states"),
        ({"diffusion": sb.priors.Diagonal(sb.priors.GP())}, "Diagonal depends on the state"),
        ({"drift": sb.priors.BNN(hidden=(4,))}, r"BNN is not a sum of known functions; use sdebayes\.NUTS"),
        ({"drift": sb.priors.GP(basis=FOURIER)}, r"GP\(lengthscale=...\)"),
    ],
)
def test_models_that_do_not_allow_it_are_refused(data, change, words):
    parts = {
        "drift": DRIFTS["HSGP"],
        "diffusion": sb.priors.Constant(),
        "scheme": EULER,
        "observation": EXACT,
    }
    model = sb.SDEModel(**(parts | change))
    with pytest.raises(ModelError, match=words):
        statistics(model, data)


def test_wrong_arguments_are_refused(data, untyped):
    model = model_of(DRIFTS["HSGP"]).scaled_to(data)
    h = hyperparameters(model)
    del h["initial_mean"]
    with pytest.raises(ModelError, match=r"expected .*initial_mean"):
        log_evidence(model, data, h)
    problem = Problem(model, model.read(data), jax.random.key(0))
    with pytest.raises(ModelError, match="precision is 'float32'"):
        sb.Marginal().run(problem, RunOptions(jax.random.key(0), "float32"))
    partial = data.copy(deep=True)
    partial["y"].values[0, 3, 0] = np.nan
    with pytest.raises(DataError, match="in part only"):
        statistics(model, partial)
    backwards = data.copy(deep=True)
    backwards["t"].values[0, 3] = 0.0
    with pytest.raises(DataError, match="do not increase"):
        statistics(model, backwards)


@pytest.mark.parametrize(("drift", "turn"), [(DRIFTS["HSGP"], 1.5), (sb.priors.Sparse(), 5.0)])
def test_a_path_that_runs_away_is_refused(data, drift, turn):
    """Each step turns back so many times as far: after 59 of them the noise is in no digit of the sums.

    At five times the sums over cubes are 10²⁰⁰ times those over constants.
    """
    model = model_of(drift, "diagonal").scaled_to(data)
    rng, x = np.random.default_rng(0), [np.ones(2)]
    for _ in range(59):
        x.append(-turn * x[-1] + rng.normal(size=2))
    with pytest.raises(DataError, match=r"lose what is left.*NUTS\(\)"):
        statistics(model, sb.trajectories(np.array(x), t=0.1))
