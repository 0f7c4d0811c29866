"""Benchmark SDEs with known truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, CountFromThree, NotNegative, Positive, Seed
from sdebayes._core.memory import COPIES, check_room
from sdebayes._core.types import Scalar
from sdebayes._core.units import UNNAMED
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ParametricDiffusion, ParametricDrift
from sdebayes.simulation import simulate

_MOST_STEPS = 2**62
_BURN_IN = 10.0
_SUBSTEPS = 20

Parameters = dict[str, Array]


def double_well(x: Array, t: Scalar, p: Parameters) -> Array:
    """Return (x − x³, −y, …): two wells along the first state."""
    return jnp.concatenate([x[:1] - x[:1] ** 3, -x[1:]])


def cubic(x: Array, t: Scalar, p: Parameters) -> Array:
    """Return a x − b x³."""
    return p["a"] * x - p["b"] * x**3


def limit_cycle(x: Array, t: Scalar, p: Parameters) -> Array:
    """Return x (1 − r²) + ω (−y, x): a circle of radius 1, run through at the angular speed ω."""
    return x * (1 - x @ x) + p["omega"] * jnp.stack([-x[1], x[0]])


def lorenz63(x: Array, t: Scalar, p: Parameters) -> Array:
    """Return (σ (y − x), x (ρ − z) − y, x y − β z)."""
    return jnp.stack(
        [p["sigma"] * (x[1] - x[0]), x[0] * (p["rho"] - x[2]) - x[1], x[0] * x[1] - p["beta"] * x[2]]
    )


def fitzhugh_nagumo(x: Array, t: Scalar, p: Parameters) -> Array:
    """Return (v − v³/3 − w + I, ε (v + a − b w))."""
    return jnp.stack(
        [x[0] - x[0] ** 3 / 3 - x[1] + p["current"], p["epsilon"] * (x[0] + p["a"] - p["b"] * x[1])]
    )


def growing_noise(x: Array, t: Scalar, p: Parameters) -> Array:
    """Return the factor √(2 D (1 + x²)) of one state."""
    return jnp.sqrt(2 * p["D"] * (1 + x**2))[:, None]


def bounded_noise(x: Array, t: Scalar, p: Parameters) -> Array:
    """Return the factor √(2 D) (1 − x²) of one state, which vanishes at ±1."""
    return (jnp.sqrt(2 * p["D"]) * (1 - x**2))[:, None]


@dataclass(frozen=True)
class _System:
    """How to build a benchmark SDE, and about where its paths start."""

    build: Callable[[], SDE]
    centre: tuple[float, ...]
    spread: float = 0.5


def _isotropic(n: int, scale: float) -> ConstantDiffusion:
    return ConstantDiffusion(scale * jnp.eye(n))


def _linear(matrix: list[list[float]], scale: float) -> SDE:
    rates = jnp.asarray(matrix)
    return SDE(LinearDrift(rates, jnp.zeros(len(matrix))), _isotropic(len(matrix), scale))


def _parametric(function: Callable, scale: float, n: int, **parameters: float) -> SDE:
    numbers = {name: jnp.asarray(value) for name, value in parameters.items()}
    return SDE(ParametricDrift(function, numbers), _isotropic(n, scale))


_SYSTEMS = {
    "ornstein_uhlenbeck": _System(lambda: _linear([[1.0, 2.0], [-2.0, 1.0]], 1.0), (0.0, 0.0)),
    "ornstein_uhlenbeck_1d": _System(lambda: _linear([[1.0]], np.sqrt(2.0)), (0.0,)),
    "rotating_ornstein_uhlenbeck_3d": _System(
        lambda: _linear([[0.5, 1.0, 0.0], [-1.0, 0.5, 0.5], [0.0, -0.5, 1.0]], 1.0), (0.0, 0.0, 0.0)
    ),
    "double_well": _System(lambda: _parametric(double_well, np.sqrt(0.5), 2), (0.0, 0.0)),
    "limit_cycle": _System(lambda: _parametric(limit_cycle, np.sqrt(0.2), 2, omega=2.0), (0.0, 0.0), 1.0),
    "double_well_1d": _System(lambda: _parametric(cubic, 0.5, 1, a=2.0, b=3.0), (0.0,)),
    "multiplicative_double_well": _System(
        lambda: SDE(
            ParametricDrift(cubic, {"a": jnp.asarray(1.0), "b": jnp.asarray(1.0)}),
            ParametricDiffusion(growing_noise, {"D": jnp.asarray(1.0)}),
        ),
        (0.0,),
    ),
    "bounded_noise": _System(
        lambda: SDE(
            LinearDrift(jnp.eye(1), jnp.zeros(1)), ParametricDiffusion(bounded_noise, {"D": jnp.asarray(1.0)})
        ),
        (0.0,),
        0.2,
    ),
    "lorenz63": _System(
        lambda: _parametric(lorenz63, 1.0, 3, sigma=10.0, rho=28.0, beta=8 / 3), (1.0, 1.0, 25.0), 1.0
    ),
    "fitzhugh_nagumo": _System(
        lambda: _parametric(fitzhugh_nagumo, 0.01, 2, current=0.5, epsilon=0.08, a=0.7, b=0.8), (0.0, 0.0)
    ),
}


@checked
def benchmark(
    name: str,
    n_steps: CountFromThree,
    dt: Positive,
    n_trajectories: Count = 1,
    seed: Seed = 0,
    *,
    noise: NotNegative = 0.0,
) -> tuple[xr.Dataset, SDE]:
    """Simulate a benchmark SDE whose truth is known.

    Parameters
    ----------
    name
        One of

        - ``"ornstein_uhlenbeck"``: f = (−x − 2y, 2x − y), Σ = I;
        - ``"ornstein_uhlenbeck_1d"``: f = −x, Σ = 2;
        - ``"rotating_ornstein_uhlenbeck_3d"``: a rotation through all three states, Σ = I;
        - ``"double_well"``: f = (x − x³, −y), Σ = I/2;
        - ``"double_well_1d"``: f = 2x − 3x³, Σ = 1/4;
        - ``"multiplicative_double_well"``: f = x − x³, Σ = 2(1 + x²);
        - ``"bounded_noise"``: f = −x, Σ = 2(1 − x²)²;
        - ``"limit_cycle"``: f = (x(1 − r²) − 2y, y(1 − r²) + 2x), Σ = I/5;
        - ``"lorenz63"``: σ = 10, ρ = 28, β = 8/3, Σ = I;
        - ``"fitzhugh_nagumo"``: v̇ = v − v³/3 − w + 0.5, ẇ = 0.08(v + 0.7 − 0.8w), Σ = 10⁻⁴ I.
    n_steps
        Number of states in each trajectory.
    dt
        Time between them.
    n_trajectories
        Number of independent trajectories.
    seed
        Seed.
    noise
        Standard deviation of independent Gaussian observation noise in every state.

    Returns
    -------
    (data, sde)
        The data set ``y(trajectory, time, state)``, as ``sdebayes.trajectories`` makes it, and the true SDE. The first
        10 units of time are dropped. Linear systems are simulated exactly from their stationary distribution, the
        others by Euler–Maruyama with 20 sub-steps in each dt.

    Raises
    ------
    DataError
        If the name is unknown or a number cannot be used, or the sub-steps are so long that a path becomes infinite.

    See Also
    --------
    sdebayes.simulate : Simulates any SDE.
    sdebayes.SDE : What is returned beside the data.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well", n_steps=100, dt=0.1, n_trajectories=3)
    >>> dict(data["y"].sizes)
    {'trajectory': 3, 'time': 100, 'state': 2}
    >>> truth.drift(jnp.array([1.0, 0.0])).tolist()
    [0.0, -0.0]
    """
    if name not in _SYSTEMS:
        raise DataError(f"There is no benchmark {name!r}; choose one of {', '.join(sorted(_SYSTEMS))}.")
    system = _SYSTEMS[name]
    sde = system.build()
    burn_in = int(np.ceil(_BURN_IN / dt)) if dt > _BURN_IN / _MOST_STEPS else _MOST_STEPS
    check_room(
        8 * COPIES * (burn_in + n_steps) * n_trajectories * max(1, len(system.centre)),
        "Make dt longer, or n_steps or n_trajectories fewer.",
    )
    generator = np.random.default_rng(seed)
    x0 = None
    if sde.linear is None:
        x0 = np.asarray(system.centre) + system.spread * generator.standard_normal(
            (n_trajectories, len(system.centre))
        )
    times = dt * np.arange(burn_in + n_steps)
    simulated = simulate(sde, times, x0=x0, paths=n_trajectories, seed=seed, substeps=_SUBSTEPS)
    if simulated.attrs["paths_nonfinite"]:
        raise DataError(
            f"A path of {name!r} became infinite: dt={dt:g} is too long a step for it; make dt shorter."
        )
    x = simulated["x"].values[0, :, burn_in:]
    data = trajectories(
        x + noise * generator.standard_normal(x.shape), t=dt * np.arange(n_steps), time_unit=UNNAMED
    )
    return data.assign_attrs(benchmark=name, seed=seed, noise=float(noise)), sde
