"""The stationary density, its current and its quasi-potential."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float
from numpy.typing import ArrayLike

from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, CountFromTwo, Seed, State, States
from sdebayes.analysis.evaluate import drift_and_covariance, state_indices
from sdebayes.analysis.fields.grid import Limits, checked_axes, checked_pairs
from sdebayes.analysis.phase_space.cell_grid import CellGrid
from sdebayes.analysis.phase_space.generator import currents, stationary_law
from sdebayes.analysis.phase_space.markov_grid import MOST_DRAWS, MarkovGrid, wide_limits
from sdebayes.analysis.phase_space.normal_law import normal_density
from sdebayes.analysis.phase_space.occupation import (
    check_count,
    densities,
    long_paths,
    occupied,
    with_current,
)
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.source import SourceLike


@checked
def stationary_density(
    source: SourceLike,
    states: States | None = None,
    limits: Limits | None = None,
    points: CountFromTwo = 81,
    at: State | None = None,
    samples: Count | None = None,
    *,
    seed: Seed = 0,
) -> xr.Dataset:
    """Return the density p(x) in which the process is found after a long time, draw by draw.

    Parameters
    ----------
    source
        A posterior or an SDE.
    states
        One or two states, by label or position; by default the first two, or the only one.
    limits
        (low, high) for each of them, or for every state of the source in its order: in two states the grid has both,
        and one that is not shown needs limits as well where none can be guessed. By default four standard deviations
        of the stationary or initial distribution and 1.25 times the box that the data fill.
    points
        Number of cells along each.
    at
        A whole state, (state,), around which the default limits lie and where simulated paths start; by default the
        median equilibrium of an affine drift, else the middle of the data, else the median initial mean, else zero.
    samples
        At most so many draws, evenly spread; by default at most 100, and for a linear SDE all that fit into 1 GiB.
    seed
        Seed of simulated paths, of which there are none in one or two states or of a linear SDE.

    Returns
    -------
    xarray.Dataset
        On ``grid_<state>``, for each draw: ``density``, per unit of each state; ``quasi_potential``, −log p above its
        minimum (no unit; infinite where the density is 0); ``edge_share`` (sample), the share of the probability in
        the outermost cells and beyond: where it is not small, give wider limits. ``current`` (sample, …, state), the
        probability current J = f p − ½ ∇·(Σ p) in state per unit of time and volume, if all states of a source of one
        or two are shown. Of the solution on a grid also ``cell_peclet`` (sample): the largest of ``2 |f_i| h_i/Σ_ii``
        over the states, h being the cell's sides, on average over the density. The attribute ``method`` says how
        it was found.

    Raises
    ------
    DataError
        If the states or the limits cannot be used, or a linear SDE has no stationary distribution in any draw.

    See Also
    --------
    sdebayes.analysis.phase_space.occupation_density : Of simulated paths.
    sdebayes.plots.phase_space.stationary_density : Draws it.
    sdebayes.plots.phase_space.quasi_potential : Draws its logarithm.
    sdebayes.plots.phase_space.current : Draws the current.

    Notes
    -----
    A linear SDE with additive noise has a normal distribution (NaN for draws that have none). Others in one or two
    states: the Fokker–Planck equation 0 = −∇·(f p) + ½ ∇∇:(Σ p) on cells, with no flux through the border. Where the
    drift crosses a cell faster than the noise, ``cell_peclet`` above about 1, as with a fast rotation or noise in one
    direction only, the density comes out too broad, by a third in variance at 3: take more points. More states:
    :func:`occupation_density` of 50 simulated paths a draw, recorded over ten of the slowest time constants at ``at``
    after five of them: wells that are left more seldom than that keep the shares they started with. A trajectory effect
    is left out: this is the distribution of the process within one trajectory.

    With Σ = ε Σ₀ and ε → 0, ε times the quasi-potential tends to Freidlin and Wentzell's; for f = −∇V and Σ = σ² I
    it is 2V/σ², at any σ. With noise that depends on the state its minimum need not be a fixed point.

    References
    ----------
    Risken (1996), The Fokker–Planck Equation, ch. 4–6, doi:10.1007/978-3-642-61544-3.
    Freidlin & Wentzell (2012), Random Perturbations of Dynamical Systems, ch. 4, doi:10.1007/978-3-642-25847-3.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well_1d", 10, 0.1)
    >>> density = sb.analysis.phase_space.stationary_density(truth, limits=[(-2.0, 2.0)])["density"].squeeze()
    >>> float(density.integrate("grid_x1").round(2))
    1.0
    >>> float(abs(density.idxmax("grid_x1")).round(1))  # a well
    0.8
    """
    stacked = as_source(source, _told(at, limits))
    chosen = state_indices(stacked.states, range(min(2, stacked.n_states)) if states is None else states)
    check_count(chosen)
    ends = _ends(stacked, chosen, limits, at)
    axes = checked_axes(np.stack([ends[i] for i in chosen]), points, len(chosen))
    if stacked.sde.linear is not None:
        return normal_density(stacked, chosen, CellGrid(tuple(axes)), samples)
    if stacked.n_states <= 2:
        for i in set(range(stacked.n_states)) - set(chosen):
            ends[i] = _hidden(stacked, i, ends, at)
        return _solved(stacked, chosen, axes, ends, samples)
    draws = choose_draws(stacked.n_draws, 1, samples, MOST_DRAWS)
    paths = long_paths(stacked.take(draws), at, seed)
    return occupied(paths, chosen, CellGrid(tuple(axes))).assign_coords(sample=draws)


def _told(at: ArrayLike | None, limits: Limits | None) -> int | None:
    """Return the number of states that the arguments tell."""
    if at is not None:
        return np.asarray(at).shape[-1]
    return None if limits is None else len(limits)


def _ends(
    source: Source, chosen: list[int], limits: Limits | None, at: ArrayLike | None
) -> dict[int, np.ndarray]:
    """Return (low, high) by the position of the state, of all states or of the chosen ones."""
    if limits is None:
        return dict(enumerate(wide_limits(source, at)))
    of_all = len(limits) == source.n_states > len(chosen)
    places = range(source.n_states) if of_all else chosen
    return dict(zip(places, checked_pairs(limits, len(places)), strict=True))


def _hidden(source: Source, state: int, ends: dict[int, np.ndarray], at: ArrayLike | None) -> np.ndarray:
    """Return (low, high) of a state that is not shown."""
    if state in ends:
        return ends[state]
    if source.has_initial_law or source.region is not None:
        return wide_limits(source, at)[state]
    raise DataError(
        f"The limits of {source.states[state]}, which is not shown but is a state of the grid too, cannot be guessed: "
        "this SDE has no stationary or initial distribution. Pass limits=[(low, high), …] for all of "
        f"{', '.join(source.states)}."
    )


def _solved(
    source: Source,
    chosen: list[int],
    axes: list[np.ndarray],
    ends: dict[int, np.ndarray],
    samples: int | None,
) -> xr.Dataset:
    """Solve the Fokker–Planck equation in all states of the source, and show the chosen ones."""
    hidden = [i for i in range(source.n_states) if i not in chosen]
    own = dict(zip(chosen, axes, strict=True))
    for i in hidden:
        own[i] = np.linspace(ends[i][0], ends[i][1], len(axes[0]))
    cells = CellGrid(tuple(own[i] for i in range(source.n_states)))
    chains = MarkovGrid(source, choose_draws(source.n_draws, 1, samples, MOST_DRAWS), cells)
    laws, flows = [], []
    for rates in chains.rates():
        laws.append(stationary_law(rates) / cells.volume)
        flows.append(currents(cells, rates, laws[-1]))
    edge = 1 - np.sum(np.stack(laws)[:, ~cells.outermost()], axis=-1) * cells.volume
    density = chains.field(np.stack(laws))
    for i in hidden:
        density = density.sum(f"grid_{source.states[i]}") * cells.spacing[i]
    kept = [f"grid_{source.states[i]}" for i in chosen]
    dataset = densities(density.transpose("sample", *kept), edge, "Fokker–Planck equation", source.provenance)
    dataset["cell_peclet"] = (
        "sample",
        _peclet(chains, np.stack(laws)),
        {"long_name": "mean cell Péclet number"},
    )
    if hidden:
        return dataset
    current = chains.field(np.stack(flows), "state").assign_coords(state=list(source.states))
    current = current.isel(state=chosen).transpose("sample", *kept, "state")
    return with_current(dataset, current)


def _peclet(chains: MarkovGrid, laws: Float[np.ndarray, "sample cell"]) -> Float[np.ndarray, " sample"]:
    """Return the largest of 2 |f_i| h_i/Σ_ii over the states, on average over the density."""
    cells = chains.cells
    drift, covariance = drift_and_covariance(chains.source, chains.draws, cells.centres)
    noise = np.diagonal(covariance, axis1=-2, axis2=-1)
    with np.errstate(divide="ignore"):
        ratio = np.max(2 * np.abs(drift) * cells.spacing / noise, axis=-1)
    return np.sum(ratio * laws, axis=-1) / laws.sum(axis=-1)
