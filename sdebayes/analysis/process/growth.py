"""Whether solutions exist for all times, and whether they are drawn back from far away."""

from __future__ import annotations

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.kinds import Count, Numbers
from sdebayes._core.units import with_units
from sdebayes.analysis.evaluate import drift_and_covariance, in_chunks
from sdebayes.analysis.fields.grid import Limits
from sdebayes.analysis.process.radial import escapes, outward, read_box, read_radii
from sdebayes.dynamics import SDE, ObservedSDE
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.source import SourceLike

MOST_DRAWS = 200
_POINTS = 128
_BOUNDED_EXPONENT = 0.15
_NON_DEGENERATE = 1e-9


@checked
def growth(
    source: SourceLike,
    radii: Numbers | None = None,
    limits: Limits | None = None,
    samples: Count | None = None,
) -> xr.Dataset:
    r"""Read Khasminskii's growth condition on spheres, and Lipschitz constants in the data's region.

    A solution exists for all times and is unique if drift and diffusion are locally Lipschitz and, in some coordinates
    :math:`z = L(x - m)`,

    .. math:: \frac{z^\top L f + \tfrac12 \mathrm{tr}(L Σ L^\top)}{1 + |z|^2} \le C.

    Parameters
    ----------
    source
        A posterior or an SDE.
    radii
        Radii of the spheres, (radius,), in half-widths of the data's box; default 1, 2, 4, …, 256.
    limits
        (low, high) of the box for each state. By default the box of the training data; of an SDE without data three
        stationary standard deviations about its equilibrium, or 1 about zero.
    samples
        At most so many draws, evenly spread; default at most 200.

    Returns
    -------
    xarray.Dataset
        ``growth`` (sample, radius), the largest value of the left side over directions, in 1/time; ``bounded``
        (sample,), whether it is below zero on the outermost sphere or grows more slowly than :math:`r^{0.15}` from the
        last sphere but one; ``explosive`` (sample,), where it is not bounded: whether the drift's own flow, from the
        worst place of the outermost sphere, runs to infinity in finite time while ½ tr Σ is below a tenth of what it
        gains. ``lipschitz_drift`` and ``lipschitz_diffusion`` (sample,): the largest ‖∂f‖₂, in 1/time, and ‖∂G‖₂, of
        the map from x to the entries of G, in 1/√time, at 128 places spread over the box.

    Raises
    ------
    DataError
        If radii or limits cannot be used.

    See Also
    --------
    sdebayes.analysis.process.dissipativity : Whether there is a stationary distribution.
    sdebayes.plots.process.growth : Draws it.

    Notes
    -----
    Spheres and directions are finite in number, and the condition is sufficient, not necessary: a draw may be neither
    bounded nor explosive. Each draw has the better of two maps L: the box, and the one in which the mean Jacobian far
    out contracts.

    References
    ----------
    Khasminskii (2012), Stochastic Stability of Differential Equations, theorem 3.5, doi:10.1007/978-3-642-23280-0.

    Examples
    --------
    >>> sde = sb.SDE(lambda x, t=0.0: x**3, lambda x, t=0.0: jnp.eye(1))
    >>> found = sb.analysis.process.growth(sde, limits=[(-1.0, 1.0)])
    >>> bool(found["bounded"]), bool(found["explosive"])
    (False, True)
    """
    chosen, labels, box = _prepare(source, limits, samples)
    distances = read_radii(radii)
    draws = np.arange(chosen.n_draws)
    out = outward(chosen, draws, box, distances)
    bounded = _bounded(out.generator, distances)
    explosive = np.zeros_like(bounded)
    if not bounded.all():
        explosive[~bounded] = escapes(chosen, draws[~bounded], box, out.worst[~bounded])
    squares = in_chunks(_squared_slopes, chosen, draws, _inside(box))
    drift, diffusion = (np.sqrt(np.linalg.eigvalsh(part)[..., -1].max(axis=1).clip(0)) for part in squares)
    names = {"long_name": "largest (z·Lf + ½ tr LΣLᵀ)/(1 + |z|²) on the sphere"}
    return with_units(
        xr.Dataset(
            {
                "growth": (("sample", "radius"), out.generator, names),
                "bounded": ("sample", bounded, {"long_name": "growth condition holds"}),
                "explosive": ("sample", explosive, {"long_name": "flow runs to infinity in finite time"}),
                "lipschitz_drift": (
                    "sample",
                    drift,
                    {"long_name": "local Lipschitz constant of the drift"},
                ),
                "lipschitz_diffusion": (
                    "sample",
                    diffusion,
                    {"long_name": "local Lipschitz constant of G"},
                ),
            },
            _coords(labels, distances),
            chosen.provenance,
        ),
        growth="per time",
        lipschitz_drift="per time",
        lipschitz_diffusion="per √time",
    )


@checked
def dissipativity(
    source: SourceLike,
    radii: Numbers | None = None,
    limits: Limits | None = None,
    samples: Count | None = None,
) -> xr.Dataset:
    r"""Read whether the drift points inward far away, and whether the noise reaches every direction.

    If :math:`z^\top L f \le -c |z|^2` outside of some sphere, c > 0, and Σ grows no faster, the process comes back from
    everywhere and has a stationary distribution; if Σ is positive definite as well, the distribution is unique and
    every start leads to it.

    Parameters
    ----------
    source, radii, limits, samples
        As in `growth`.

    Returns
    -------
    xarray.Dataset
        ``radial_drift`` (sample, radius), the largest ``zᵀ L f / |z|²`` over directions, in 1/time; ``dissipative``
        (sample,), whether it is below zero on the two outermost spheres and zᵀ L f + ½ tr L Σ Lᵀ on the outermost;
        ``smallest_diffusion`` (sample,), the smallest eigenvalue of Σ, in squared half-widths of the box per unit of
        time, at 128 places spread over it; ``ergodic`` (sample,), whether the draw is dissipative and that eigenvalue
        is positive.

    Raises
    ------
    DataError
        If radii or limits cannot be used.

    See Also
    --------
    sdebayes.analysis.process.growth : Whether solutions exist.
    sdebayes.plots.process.dissipativity : Draws it.

    Notes
    -----
    Both are sufficient conditions: a process may be ergodic without, such as one whose noise reaches some states only
    through the drift (a hypoelliptic one).

    References
    ----------
    Mattingly, Stuart & Higham (2002), doi:10.1016/S0304-4149(02)00150-3.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well", 10, 0.1)
    >>> found = sb.analysis.process.dissipativity(truth)
    >>> bool(found["dissipative"]), bool(found["ergodic"])
    (True, True)
    """
    chosen, labels, box = _prepare(source, limits, samples)
    distances = read_radii(radii)
    draws = np.arange(chosen.n_draws)
    out = outward(chosen, draws, box, distances)
    dissipative = (out.radial[:, -2:] < 0).all(axis=1) & (out.generator[:, -1] < 0)
    _, covariance = drift_and_covariance(chosen, draws, _inside(box))
    relative = covariance.astype(float) / np.outer(box[1], box[1])
    values = np.linalg.eigvalsh(relative)
    smallest = values[..., 0].min(axis=1)
    full = (values[..., 0] > _NON_DEGENERATE * values[..., -1]).all(axis=1)
    names = {"long_name": "largest z·Lf/|z|² on the sphere"}
    spread = {
        "long_name": "smallest eigenvalue of Σ, in squared half-widths of the data's box",
    }
    return with_units(
        xr.Dataset(
            {
                "radial_drift": (("sample", "radius"), out.radial, names),
                "dissipative": ("sample", dissipative, {"long_name": "drift points inward far away"}),
                "smallest_diffusion": ("sample", smallest, spread),
                "ergodic": (
                    "sample",
                    dissipative & full,
                    {"long_name": "dissipative, with noise in all directions"},
                ),
            },
            _coords(labels, distances),
            chosen.provenance,
        ),
        radial_drift="per time",
        smallest_diffusion="per time",
    )


def _prepare(
    source: SourceLike, limits: Limits | None, samples: int | None
) -> tuple[Source, np.ndarray, np.ndarray]:
    """Return the chosen draws as a source, their labels, and the box."""
    stacked = as_source(source, None if limits is None else len(limits))
    labels = choose_draws(stacked.n_draws, 1, samples, MOST_DRAWS)
    return stacked.take(labels), labels, read_box(stacked, limits)


def _coords(labels: np.ndarray, radii: np.ndarray) -> dict:
    text = "distance from the middle of the data, in half-widths of their box"
    return {"sample": labels, "radius": ("radius", radii, {"long_name": text})}


def _bounded(values: np.ndarray, radii: np.ndarray) -> np.ndarray:
    last, before = values[:, -1], np.maximum(values[:, -2], np.finfo(float).tiny)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.log(np.maximum(last, np.finfo(float).tiny) / before) / np.log(radii[-1] / radii[-2])
    return np.isfinite(values).all(axis=1) & ((last <= 0) | (exponent < _BOUNDED_EXPONENT))


def _inside(box: np.ndarray) -> np.ndarray:
    """Places spread over the box, (point, state)."""
    return box[0] + box[1] * np.random.default_rng(1).uniform(-1, 1, (_POINTS, box.shape[1]))


@eqx.filter_jit
def _squared_slopes(
    observed: ObservedSDE, points: Float[Array, "sample point state"]
) -> tuple[Float[Array, "sample point state state"], Float[Array, "sample point state state"]]:
    """Return JᵀJ of the Jacobians of drift and diffusion, whose largest eigenvalue is that of J, squared."""

    def at(one: SDE, x: Float[Array, " state"]) -> tuple[Array, Array]:
        drift, diffusion = one.drift.jacobian(x), jax.jacfwd(one.diffusion)(x).reshape(-1, x.size)
        return drift.T @ drift, diffusion.T @ diffusion

    return eqx.filter_vmap(lambda one, own: jax.vmap(lambda x: at(one.sde, x))(own))(observed, points)
