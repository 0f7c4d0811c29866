"""State-dependent diffusion: Σ against plain NumPy, its constant part, its bounds, its tables, and what is refused."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.distributions import biject_to
from numpyro.distributions.constraints import corr_cholesky
from numpyro.handlers import seed, substitute, trace
from numpyro.infer.util import log_density
from scipy import stats

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.dynamics import AbstractBasis, BasisField, DiagonalDiffusion, FullDiffusion
from sdebayes.model.scale import data_scale
from sdebayes.priors import BNN, GP, Constant, Diagonal, Full, Linear
from tests.cases import first_of

NETWORK = BNN(hidden=(6,), activation="swish")
KINDS = {"diagonal": Diagonal, "full": Full}
SHIFT = np.log(np.e - 1)


def correlation() -> dict[str, jnp.ndarray]:
    """A correlation of Σ where u = 0 that is known: its law is tested elsewhere, and slow to compile."""
    matrix = jnp.array([[1.0, 0.3, -0.5], [0.3, 1.0, 0.2], [-0.5, 0.2, 1.0]])
    return {"diffusion_correlation": biject_to(corr_cholesky).inv(jnp.linalg.cholesky(matrix))}


def frozen(data, prior):
    return prior.scaled_to(data_scale(data, sb.Exact()))


def draws(prior, count: int):
    """Diffusions drawn from the prior, stacked, with their sites."""

    @jax.jit
    @jax.vmap
    def one(key):
        with seed(rng_seed=key), trace() as sites, substitute(data=correlation()):
            diffusion = prior.sample(3)
        return diffusion, {name: site["value"] for name, site in sites.items()}

    return jax.tree.map(np.asarray, one(jax.random.split(jax.random.key(0), count)))


def one_draw(prior, known=None):
    """One diffusion drawn from the prior, some of its sites known."""
    program = substitute(seed(prior.sample, 1), data=correlation() | (known or {}))
    return jax.jit(lambda: program(3))()


def places(data, seed: int = 0) -> np.ndarray:
    """Random places around the data, and some at 10⁶ standard deviations."""
    y = data["y"].values
    unit = np.random.default_rng(seed).normal(size=(8, 3)) * np.array([1, 1, 1, 1, 3, 3, 1e6, 1e6])[:, None]
    return np.nanmean(y, axis=(0, 1)) + unit * np.nanstd(y, axis=(0, 1))


def read(diffusions, at: np.ndarray):
    """u, G and Σ of every draw at every place."""

    @jax.jit
    @jax.vmap
    def one(diffusion):
        x = jnp.asarray(at)
        return jax.vmap(diffusion.field)(x), jax.vmap(diffusion)(x), jax.vmap(diffusion.covariance)(x)

    return jax.tree.map(np.asarray, one(diffusions))


def softplus(u: np.ndarray) -> np.ndarray:
    return np.logaddexp(0.0, u)


def relative_by_hand(u: np.ndarray, shape: str) -> np.ndarray:
    """G in units of the constant factor, filled entry by entry."""
    matrix, n, entries = np.zeros((3, 3)), 3, iter(u)
    for i in range(n):
        for j in range(i + 1) if shape == "full" else [i]:
            entry = next(entries)
            matrix[i, j] = softplus(entry + SHIFT) if i == j else entry
    return matrix


@pytest.mark.parametrize(("shape", "field"), [("diagonal", NETWORK), ("full", GP())], ids=KINDS)
@pytest.mark.thorough
def test_the_covariance_is_what_numpy_says_and_positive_definite(data, shape, field, x64):
    diffusion, sites = draws(frozen(data, KINDS[shape](field)), 20)
    u, G, sigma = read(diffusion, places(data))
    assert np.all(np.isfinite(G))
    for index in range(20):
        constant = np.diag(diffusion.scale[index]) if shape == "diagonal" else diffusion.factor[index]
        expected = [constant @ relative_by_hand(entries, shape) for entries in u[index]]
        np.testing.assert_allclose(G[index], expected, rtol=1e-10, atol=1e-14 * np.abs(expected).max())
        middle = constant @ constant.T
        known = sites["diffusion_variance"] if shape == "diagonal" else sites["diffusion_covariance"]
        np.testing.assert_allclose(np.diag(known[index]) if shape == "diagonal" else known[index], middle)
    np.testing.assert_allclose(sigma, G @ np.swapaxes(G, -1, -2))
    sd = np.sqrt(np.diagonal(sigma, axis1=-2, axis2=-1))
    assert np.all(np.linalg.eigvalsh(sigma / (sd[..., None] * sd[..., None, :])) > 0)


@pytest.mark.parametrize("shape", KINDS)
def test_a_constant_field_at_its_level_makes_up_for_any_constant_factor(data, shape, x64):
    prior = frozen(data, KINDS[shape]())
    for size in (1e-3, 0.5, 1.0, 40.0):
        g = size * np.sqrt(prior.mean.rate)
        noise = g * np.logaddexp(0.0, SHIFT - np.asarray(prior.level(jnp.asarray(g))))
        np.testing.assert_allclose(noise, np.sqrt(prior.mean.rate), rtol=1e-9)


@pytest.mark.parametrize(("shape", "field"), [("diagonal", NETWORK), ("full", GP())], ids=KINDS)
def test_the_reference_is_sigma_where_the_field_is_zero(data, shape, field, x64):
    zero = jnp.zeros(3 if shape == "diagonal" else ())
    diffusion = one_draw(frozen(data, KINDS[shape](field)), {"diffusion_amplitude": zero})
    x = jnp.asarray(places(data)[0])
    np.testing.assert_allclose(diffusion.covariance(x), diffusion.reference(x), rtol=1e-12)
    assert not diffusion.constant


@pytest.mark.parametrize("shape", first_of(KINDS))
def test_derivatives_are_finite_far_away(data, shape, x64):
    """Of Σ with respect to x and to every parameter, at 10⁶ standard deviations."""
    diffusion = one_draw(frozen(data, KINDS[shape](NETWORK)))
    x = jnp.asarray(places(data)[-1])
    parameters, point = jax.jit(jax.grad(lambda d, p: jnp.sum(d.covariance(p)), (0, 1)))(diffusion, x)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves((parameters, point)))


@pytest.mark.parametrize("shape", KINDS)
@pytest.mark.thorough
def test_the_law_of_the_field_is_the_stated_one(data, shape, x64):
    """Read back from G, u has mean 0 and standard deviation a; Σ where u = 0 has the law of a constant Σ."""
    mean = Constant(shape, rate=[4.0, 5.0, 6.0], spread=0.2)
    prior = KINDS[shape](BNN(hidden=(6,), amplitude=0.5), mean)
    diffusion, sites = draws(frozen(data, prior), 2500)
    _, G, _ = read(diffusion, places(data)[:3])
    if shape == "diagonal":
        middle = sites["diffusion_variance"]
        relative = np.diagonal(G, axis1=-2, axis2=-1) / np.sqrt(middle)[:, None]
        u = np.log(np.expm1(relative)) - SHIFT
    else:
        middle = np.diagonal(sites["diffusion_covariance"], axis1=1, axis2=2)
        M = np.linalg.solve(np.linalg.cholesky(sites["diffusion_covariance"])[:, None], G)
        u = np.stack([np.log(np.expm1(M[..., 1, 1])) - SHIFT, M[..., 2, 0], M[..., 1, 0]], -1)
        assert sites["diffusion_amplitude"].shape == (2500,)
    np.testing.assert_allclose(np.std(u, axis=0), 0.5, rtol=0.12)
    assert np.all(np.abs(np.mean(u, axis=0)) < 4 * 0.5 / np.sqrt(2500))
    assert stats.kstest(np.log(middle[:, 1]), stats.norm(np.log(5), 0.2).cdf).pvalue > 1e-3
    amplitude = sites["diffusion_amplitude"].reshape(2500, -1)[:, 0]
    assert stats.kstest(amplitude, stats.halfnorm(scale=0.5).cdf).pvalue > 1e-3


def test_the_linear_drift_is_built_on_the_reference(data, x64):
    """A diagonal A has A_jj = ½Σ_jj/P_jj with Σ where u = 0, whatever it is at the drift's middle."""
    diffusion = one_draw(frozen(data, Full(NETWORK)))
    variance, L = np.array([2.0, 3.0, 0.5]), np.asarray(diffusion.factor)
    prior = frozen(data, Linear(diagonal=True))
    drift = seed(prior.sample, 2)(3, diffusion, variance=jnp.asarray(variance))
    np.testing.assert_allclose(drift.matrix, np.diag(0.5 * np.diag(L @ L.T) / variance), rtol=1e-10)


class _Waves(AbstractBasis):
    """Two functions of the state without parameters."""

    def __call__(self, x):
        return jnp.stack([jnp.sin(x.sum()), jnp.cos(x[0])])


@pytest.mark.parametrize("shape", KINDS)
def test_a_table_gives_the_same_factor(shape, x64):
    rng = np.random.default_rng(5)
    outputs = 3 if shape == "diagonal" else 6
    field = BasisField(_Waves(), jnp.asarray(rng.normal(size=(2, outputs))))
    x = jnp.asarray(rng.normal(size=3))
    if shape == "diagonal":
        diffusion = DiagonalDiffusion(jnp.array([1.0, 2.0, 3.0]), field)
    else:
        diffusion = FullDiffusion(jnp.tril(jnp.asarray(rng.normal(size=(3, 3)))), field)
    table = diffusion.tabulate(x)
    assert table.gradient is None
    elsewhere = jnp.full(3, 99.0)
    np.testing.assert_allclose(diffusion.at(table)(elsewhere), diffusion(x))
    assert np.abs(diffusion(elsewhere) - diffusion(x)).max() > 0.1


@pytest.mark.parametrize("shape", KINDS)
@pytest.mark.thorough
def test_a_model_with_it_has_a_density(data, shape, x64):
    model = sb.SDEModel(Linear(diagonal=True), KINDS[shape](), observation=sb.Exact()).scaled_to(data)
    program = substitute(seed(model.numpyro_model(data), 3), data=correlation())
    assert np.isfinite(jax.jit(lambda: log_density(program, (), {}, {})[0])())
    dims = model.dims()
    known = {"diagonal": "diffusion_variance", "full": "diffusion_covariance"}[shape]
    assert dims[known] == {"diagonal": ["state"], "full": ["state", "state_bis"]}[shape]
    assert dims["diffusion_amplitude"] == {"diagonal": ["state"], "full": []}[shape]
    assert dims["diffusion_lengthscale"] == ["state"]


@pytest.mark.parametrize("shape", KINDS)
def test_it_is_scaled_to_data_and_says_so(data, shape):
    rule = KINDS[shape](NETWORK)
    assert rule.describe().startswith("Diffusion: ")
    assert "mean squared increment per unit of time" in rule.describe()
    prior = frozen(data, rule)
    text = prior.describe()
    for number in (*np.asarray(prior.mean.rate), *np.asarray(prior.field.state_scale)):
        assert f"{number:.4g}" in text
    for part in ("Diffusion: " + shape, "where u = 0", "softplus", "HalfNormal(1)", "6 swish units"):
        assert part in text
    assert "data" not in text
    assert "√(step · duration)" in rule.describe(variance_drawn=True)
    assert ("LKJ" in text) == (shape == "full")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("field", ["gp", None, Linear(), Constant(), GP], ids=str)
def test_only_priors_over_fields_are_fields(untyped, kind, field):
    with pytest.raises(ModelError, match=r"field=.* must be .*GP\(\)"):
        kind(field)


@pytest.mark.parametrize(
    ("kind", "mean"), [(Diagonal, Constant("full")), (Full, Constant("diagonal")), (Full, 1.0)], ids=str
)
def test_the_mean_has_the_shape(untyped, kind, mean):
    with pytest.raises(ModelError, match=r"mean(=1.0 must be a | is .*expected sdebayes.priors.)Constant"):
        kind(mean=mean)
