"""The table of verdicts on processes whose properties are known."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from sdebayes._core.dims import is_dim
from sdebayes._core.errors import DataError
from sdebayes.analysis import process
from sdebayes.analysis.process.properties import Row, _existence, _mixing
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ParametricDrift
from sdebayes.inference import Laplace
from sdebayes.model import Exact, SDEModel
from sdebayes.posterior import fit
from sdebayes.priors import Linear
from sdebayes.simulation import simulate


def turning(omega: float) -> SDE:
    rates = jnp.array([[0.5, omega], [-omega, 0.5]])
    return SDE(LinearDrift(rates, jnp.zeros(2)), ConstantDiffusion(jnp.eye(2)))


def stack(*models):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *models)


def verdicts(found) -> dict[str, str]:
    return dict(zip(found.property.values.tolist(), found.verdict.values.tolist(), strict=True))


@pytest.mark.thorough
def test_a_known_linear_process_and_its_own_data():
    sde = turning(0.8)
    data = trajectories(simulate(sde, np.arange(50.0), paths=10, seed=5)["y"].values[0])
    found = process.properties(sde, data)
    assert verdicts(found) == {
        "existence and uniqueness": "supported",
        "dissipativity": "supported",
        "ergodicity": "supported",
        "reversibility of the model": "rejected",
        "mixing within a trajectory": "supported",
        "stationarity": "not rejected",
        "Markov property": "not rejected",
        "Gaussian innovations": "not rejected",
        "distribution of the first state": "not rejected",
        "no outliers": "not rejected",
        "constant noise": "not rejected",
        "steady noise": "not rejected",
        "short memory": "not rejected",
        "reversibility of the data": "rejected",
        "return to an equilibrium": "supported",
    }
    assert all(is_dim(str(dim)) for dim in found.dims)
    tested = found.sel(property="Markov property")
    assert f"p = {float(tested.p_value):.2g}" in str(tested.evidence.values)
    assert float(found.probability.sel(property="ergodicity")) == 1
    assert found.attrs["alpha"] == 0.05


@pytest.mark.thorough
def test_noise_that_goes_with_the_state_is_named():
    """Judged by the linear SDE of the same stationary variance, all tests together."""
    rng = np.random.default_rng(0)
    x, kept = rng.standard_normal(8), []
    for _ in range(150):
        kept.append(x)
        x = np.exp(-0.1) * x + np.sqrt(0.1 * (0.5 + 1.5 * x**2)) * rng.standard_normal(8)
    sde = SDE(LinearDrift(jnp.eye(1), jnp.zeros(1)), ConstantDiffusion(np.sqrt(2) * jnp.eye(1)))
    data = trajectories(np.stack(kept, axis=1)[..., None], t=0.1 * np.arange(150))
    found = verdicts(process.properties(sde, data))
    assert found["constant noise"] == "rejected"
    assert found["stationarity"] == "not rejected"
    assert found["return to an equilibrium"] == "supported"


@pytest.mark.thorough
def test_a_random_walk_leaves_the_return_open():
    rng = np.random.default_rng(2)
    walk = np.cumsum(np.sqrt(0.1) * rng.standard_normal((6, 80, 1)), axis=1)
    sde = SDE(LinearDrift(0.3 * jnp.eye(1), jnp.zeros(1)), ConstantDiffusion(jnp.eye(1)))
    found = process.properties(sde, trajectories(walk, t=0.1 * np.arange(80)))
    assert verdicts(found)["return to an equilibrium"] == "cannot be told"


def test_the_table_is_written_and_read(tmp_path):
    found = process.properties(turning(0.0))
    found.to_netcdf(tmp_path / "table.nc")
    assert verdicts(found)["reversibility of the model"] == "supported"
    with xr.open_dataset(tmp_path / "table.nc") as again:
        assert verdicts(again) == verdicts(found)


@pytest.mark.thorough
def test_draws_about_zero_and_away_from_it():
    about = np.random.default_rng(0).normal(size=40)
    near, far = (stack(*[turning(float(w)) for w in centre + 0.1 * about]) for centre in (0.0, 0.6))
    assert verdicts(process.properties(near))["reversibility of the model"] == "not rejected"
    assert verdicts(process.properties(far))["reversibility of the model"] == "rejected"


@pytest.mark.parametrize(
    ("exploding", "verdict"), [(0, "supported"), (1, "supported"), (2, "cannot be told"), (19, "rejected")]
)
def test_existence_needs_as_many_draws_to_be_rejected_as_to_be_supported(exploding, verdict):
    explosive = np.arange(20) < exploding
    row = _existence(xr.Dataset({"bounded": ("sample", ~explosive), "explosive": ("sample", explosive)}))
    assert (row.verdict, row.probability) == (verdict, pytest.approx(1 - exploding / 20))


@pytest.mark.parametrize(
    ("known", "missing", "verdict", "probability"),
    [
        (2.0, 0, "supported", 1.0),
        (2.0, 1, "supported", 0.95),
        (2.0, 4, "cannot be told", 0.8),
        (4.0, 0, "cannot be told", 0.0),
        (12.0, 0, "rejected", 0.0),
        (12.0, 2, "cannot be told", 0.0),
        (np.inf, 0, "rejected", 0.0),
    ],
)
def test_mixing_needs_five_mixing_times_in_every_draw(known, missing, verdict, probability):
    times = xr.DataArray(np.full(20, known), dims="sample", attrs={"units": "day"})
    times[:missing] = np.nan
    row = _mixing(times, xr.Dataset({"t": (("trajectory", "time"), np.tile(np.arange(11.0), (3, 1)))}))
    assert (row.verdict, row.probability) == (verdict, pytest.approx(probability))
    assert (f"not reached in {missing} of 20 draws" in row.evidence) == (missing > 0)


def test_few_draws_leave_reversibility_open():
    found = process.properties(stack(turning(0.6), turning(0.7)))
    row = found.sel(property="reversibility of the model")
    assert str(row.verdict.values) == "cannot be told"
    assert "too few draws" in str(row.evidence.values)
    assert np.isnan(row.p_value)


@pytest.mark.parametrize(
    ("sign", "existence", "ergodicity"),
    [(-1.0, "supported", "supported"), (1.0, "rejected", "cannot be told")],
)
@pytest.mark.thorough
def test_a_cubic_drift(sign, existence, ergodicity):
    sde = SDE(ParametricDrift(lambda x, t, p: sign * x**3, {}), ConstantDiffusion(jnp.eye(1)))
    found = verdicts(process.properties(sde))
    assert (found["existence and uniqueness"], found["ergodicity"]) == (existence, ergodicity)
    assert found["reversibility of the model"] == ("supported" if sign < 0 else "cannot be told")


def test_the_mixing_time_needs_regular_times_however_short():
    sde = SDE(ParametricDrift(lambda x, t, p: -1e10 * x, {}), ConstantDiffusion(1e5 * jnp.eye(1)))
    with pytest.raises(DataError, match="evenly spaced"):
        process.mixing_time(sde, times=1e-10 * np.arange(40.0) ** 1.2, x0=np.zeros(1))


@pytest.mark.thorough
def test_few_trajectories_leave_reversal_open():
    sde = turning(0.8)
    data = trajectories(simulate(sde, np.arange(20.0), paths=3)["y"].values[0])
    found = process.properties(sde, data, replicates=19)
    row = found.sel(property="reversibility of the data")
    assert str(row.verdict.values) == "cannot be told"
    assert "3 trajectories" in str(row.evidence.values)
    with pytest.raises(DataError, match="must be a probability"):
        process.properties(sde, alpha=1.0)


@pytest.mark.thorough
def test_a_slow_way_down_a_gradient_is_not_called_irreversible():
    """f = (−20x − x³, −.02y): from y = 4 the paths simulated fall towards zero all the time."""
    steep = ParametricDrift(lambda x, t, p: jnp.stack([-20 * x[0] - x[0] ** 3, -0.02 * x[1]]), {})
    slow = SDE(steep, ConstantDiffusion(jnp.diag(jnp.array([1.0, 0.05]))))
    found = process.properties(slow, limits=[(-1.0, 1.0), (3.0, 5.0)])
    assert verdicts(found)["reversibility of the model"] == "cannot be told"
    evidence = str(found["evidence"].sel(property="reversibility of the model").values)
    assert "forget where they started" in evidence


def believed(drift) -> dict[str, str]:
    """Verdicts on a fit of this drift to a stable process."""
    stable = SDE(LinearDrift(0.5 * jnp.eye(1), jnp.zeros(1)), ConstantDiffusion(jnp.eye(1)))
    path = simulate(stable, np.arange(60.0), paths=2, seed=1)["y"].values[0]
    model = SDEModel(drift, observation=Exact())
    found = process.properties(fit(model, trajectories(path), Laplace(draws=40), seed=0, progress=False))
    assert set(np.unique(found.prior_probability.values[:3])) <= set(np.linspace(0, 1, 201))
    return verdicts(found)


@pytest.mark.thorough
def test_what_every_draw_of_the_prior_has_is_assumed_and_not_supported():
    found = believed(Linear())
    assert [found[name] for name in ("existence and uniqueness", "dissipativity", "ergodicity")] == [
        "assumed"
    ] * 3


def test_what_the_prior_leaves_open_is_supported_by_the_data():
    found = believed(Linear(stable=False))
    assert (found["existence and uniqueness"], found["ergodicity"]) == ("assumed", "supported")


@pytest.mark.parametrize(("before", "verdict"), [(1.0, "assumed"), (0.99, "assumed"), (0.98, "supported")])
def test_a_property_is_assumed_where_nearly_all_of_the_prior_has_it(before, verdict):
    row = Row("supported", "all draws", 1.0).beside_prior(before)
    assert (row.verdict, row.prior_probability) == (verdict, before)
    assert f"of the prior's draws {before:.0%}" in row.evidence
    assert Row("cannot be told", "half of them", 0.5).beside_prior(before).verdict == "cannot be told"
