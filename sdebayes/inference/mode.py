"""The posterior mode on unconstrained space."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

from sdebayes._core.errors import InferenceError
from sdebayes._core.keys import single_keys
from sdebayes._core.threads import side_by_side
from sdebayes._core.types import Key
from sdebayes.inference.target import Flat, Target, Whitenings
from sdebayes.inference.whitening import whitening_at

_FAR = 1e10
_ITERATIONS, _FEW_ITERATIONS = 2000, 60
_ROUGH, _FINE = 1e-7, 1e-12
_WHITENINGS = 8
_AT_REST = 0.5, 0.1
"""In nats, and in standard deviations of U over a normal posterior, √(dimension/2): whichever is more."""
_ASYMMETRY = 0.05
_PRIOR_DRAWS = 40
_BEST_DRAWS = 2


class Mode(NamedTuple):
    """A mode of the density.

    Attributes
    ----------
    position
        v, (dimension,); z where there is no whitening.
    potential
        U there.
    whitenings
        The coordinates in which it is a mode.
    """

    position: Flat
    potential: float
    whitenings: Whitenings


def find_mode(target: Target, key: Key) -> Mode:
    """Find the best mode that L-BFGS reaches from the prior's middle and from good draws.

    Parameters
    ----------
    target
        The density.
    key
        Random key of the prior draws.

    Raises
    ------
    InferenceError
        If every search ends at a point without a finite density.

    Notes
    -----
    Where weights multiply scales it is searched from `find_typical_point`, and in its coordinates, where the volume of
    what the data leave open counts, as in Laplace's approximation of the other parameters' evidence.
    """
    middle = find_typical_point(target, key)
    if not middle.whitenings:
        return middle
    return _search(target, np.asarray(middle.position, dtype=np.float64), middle.whitenings, _FINE)


def find_typical_point(target: Target, key: Key) -> Mode:
    """Find a point in the midst of the posterior: weights in their middle given the rest, and the rest given weights.

    Parameters
    ----------
    target
        The density.
    key
        Random key of the prior draws.

    Raises
    ------
    InferenceError
        If every search ends at a point without a finite density.

    Notes
    -----
    Weights that multiply a scale are first held at 0. They are whitened at the mode that the other parameters then
    have. In the new coordinates the weights' middle moves with the other parameters, whose mode is searched once more
    with the weights held in it, and then the weights' mode with the other parameters held; and so again, until U rests.
    Where the first curvature leads astray, as it does when no weight is far from all the right ones, the weights do not
    jump into their middle. The two are never searched together: under observation noise they then run, through the
    filter's covariances, into a narrow peak far from the posterior's mass. Without such weights it is the mode.
    """
    plain = target.density.no_whitening
    weights = weights_of(target)
    rough = side_by_side(
        lambda start: _search(target, start, plain, _ROUGH, weights), _starts(target, key, weights)
    )
    middle = min(rough, key=lambda found: found.potential)
    if not middle.potential < _FAR:
        raise InferenceError(
            "The search for the posterior mode found no point with a finite density. Check the data's scale against "
            "the prior: model.scaled_to(data).describe()."
        )
    if not plain:
        return _search(target, np.asarray(middle.position, dtype=np.float64), plain, _FINE)
    others = np.setdiff1d(np.arange(target.dimension), weights)
    before, apart = np.inf, [False] * len(target.density.weights)
    at_rest = max(_AT_REST[0], _AT_REST[1] * np.sqrt(target.dimension / 2))
    for _ in range(_WHITENINGS):
        start, whitenings, apart = _whitened(target, middle, apart)
        centre = start.copy()
        centre[weights] = 0.0
        start = min(centre, start, key=Objective(target, whitenings).value)
        given = _search(target, start, whitenings, _ROUGH, weights)
        start = np.asarray(given.position, dtype=np.float64)
        found = _search(target, start, whitenings, _ROUGH, others, _FEW_ITERATIONS)
        if not found.potential < _FAR:
            break
        middle = found
        if abs(before - middle.potential) < at_rest:
            break
        before = middle.potential
    return middle


def weights_of(target: Target) -> np.ndarray:
    """Return the places of all weights that are whitened."""
    return np.concatenate([np.zeros(0, dtype=int), *(index.ravel() for index in target.density.weights)])


class Objective:
    """U and its gradient in double precision, far up where they are not finite; flat along what is held.

    Parameters
    ----------
    target
        The density.
    whitenings
        The coordinates.
    held
        Places of the parameters that are held.
    """

    def __init__(self, target: Target, whitenings: Whitenings, held: np.ndarray | None = None) -> None:
        self._target, self._whitenings, self._held = target, whitenings, held

    def __call__(self, v: np.ndarray) -> tuple[float, np.ndarray]:
        """Return U and its gradient, (dimension,)."""
        point = jnp.asarray(v, dtype=self._target.start.dtype)
        both = self._target.value_and_gradient(point, self._whitenings)
        value, gradient = float(both[0]), np.array(both[1], dtype=np.float64)
        if not np.isfinite(value) or not np.all(np.isfinite(gradient)):
            return _FAR, np.zeros_like(v)
        if self._held is not None:
            gradient[self._held] = 0.0
        return value, gradient

    def value(self, v: np.ndarray) -> float:
        """Return U alone."""
        return self(v)[0]


def _search(
    target: Target,
    start: np.ndarray,
    whitenings: Whitenings,
    tolerance: float,
    held: np.ndarray | None = None,
    iterations: int = _ITERATIONS,
) -> Mode:
    options = {
        "maxiter": iterations,
        "maxfun": 2 * iterations,
        "maxcor": 30,
        "ftol": tolerance,
        "gtol": 1e-3,
    }
    found = minimize(Objective(target, whitenings, held), start, jac=True, method="L-BFGS-B", options=options)
    return Mode(jnp.asarray(found.x, dtype=target.start.dtype), float(found.fun), whitenings)


def few_steps(target: Target, start: np.ndarray, held: np.ndarray) -> Flat:
    """Go a few steps of the search from a start, without weights, which are held."""
    return _search(target, start, target.density.no_whitening, _ROUGH, held, _FEW_ITERATIONS).position


def _whitened(target: Target, mode: Mode, apart: list[bool]) -> tuple[np.ndarray, Whitenings, list[bool]]:
    """Approximate the likelihood of the weights at a mode; return the mode in the coordinates that follow from it.

    The last value is for each site whether its weights had to be shifted one by one.
    """
    density = target.density
    z = density.place(mode.position, mode.whitenings)
    plain = Objective(target, density.no_whitening)
    centre = np.asarray(z, dtype=np.float64)
    gradient = plain(centre)[1]
    step = float(np.finfo(z.dtype).eps ** 0.25)
    whitenings, were_apart, v = [], [], z
    for index, place, known in zip(density.weights, density.weight_places(z), apart, strict=True):
        hessian, was_apart = weight_hessian(lambda point: plain(point)[1], centre, index, step, known)
        whitening = whitening_at(centre[index], place, hessian, gradient[index])
        whitening = jax.tree.map(lambda part: jnp.asarray(part, dtype=z.dtype), whitening)
        whitenings.append(whitening)
        were_apart.append(was_apart)
        v = v.at[index].set(whitening.inverse(z[index], place))
    return np.array(v, dtype=np.float64), tuple(whitenings), were_apart


def weight_hessian(
    gradient: Callable[[np.ndarray], np.ndarray],
    position: np.ndarray,
    index: np.ndarray,
    step: float,
    apart: bool = False,
) -> tuple[np.ndarray, bool]:
    """Return second derivatives in each output's weights, (output, feature, feature); U is nearly quadratic in them.

    A feature's weights of all outputs are shifted together, which is as good as one by one where outputs do not
    interact. Where they do, as behind noise, the blocks come out asymmetric, the signs of the shifts being random; then
    each weight is shifted on its own, or at once if ``apart``. The second value is whether that was done. Differences
    are taken to one side only, which is half the gradients; the step must be short beside the posterior, which is
    narrow where the data know the weights well.
    """
    here = gradient(position)

    def slope(shift: np.ndarray) -> np.ndarray:
        return (gradient(position + shift) - here) / step

    def together(along: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        weights, signs = along
        shift = np.zeros_like(position)
        shift[weights] = step * signs
        return signs[:, None] * slope(shift)[index]

    def alone(along: tuple[np.integer, np.ndarray]) -> np.ndarray:
        shift = np.zeros_like(position)
        shift[along[0]] = step
        return slope(shift)[along[1]]

    if not apart:
        signs = np.random.default_rng(0).choice([-1.0, 1.0], size=index.shape)
        blocks = np.stack(side_by_side(together, zip(index.T, signs.T, strict=True)), axis=1)
        if np.linalg.norm(blocks - blocks.transpose(0, 2, 1)) <= _ASYMMETRY * np.linalg.norm(blocks):
            return blocks, False
    each = [(weight, output) for output in index for weight in output]
    return np.stack(side_by_side(alone, each)).reshape(*index.shape, -1), True


def _starts(target: Target, key: Key, held: np.ndarray) -> list[np.ndarray]:
    """Return the coordinatewise median of draws of the prior, the best of these draws, and starts of the target's own.

    What is held is 0.
    """
    objective = Objective(target, target.density.no_whitening)
    draws = [
        np.array(z, dtype=np.float64)
        for z in (target.start, *map(target.draw_prior, single_keys(key, _PRIOR_DRAWS)))
    ]
    for draw in draws:
        draw[held] = 0.0
    ranked = sorted(draws, key=lambda z: objective(z)[0])
    own = [np.array(z, dtype=np.float64) for z in target.starts]
    return [np.median(draws, axis=0), *ranked[:_BEST_DRAWS], *own]
