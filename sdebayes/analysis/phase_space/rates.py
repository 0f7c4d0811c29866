"""How often the process goes from one region to another, and how fast it forgets where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, CountFromTwo
from sdebayes._core.units import with_units
from sdebayes.analysis.fields.grid import Limits
from sdebayes.analysis.phase_space.generator import absorbed, stationary_law
from sdebayes.analysis.phase_space.markov_grid import MarkovGrid
from sdebayes.analysis.phase_space.passages import two_sets
from sdebayes.analysis.phase_space.regions import Region
from sdebayes.analysis.spectrum import spectrum
from sdebayes.simulation.source import SourceLike

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_SPARE_MODES = 6
_SHIFT = 1e-9


@checked
def transition_rates(
    source: SourceLike,
    a: Region,
    b: Region,
    limits: Limits | None = None,
    points: CountFromTwo = 81,
    samples: Count | None = None,
) -> xr.Dataset:
    """Return how often a stationary process goes from region A to region B and back, draw by draw.

    Parameters
    ----------
    source
        A posterior or an SDE in one or two states.
    a, b
        Two regions that do not overlap, in all states of the source.
    limits
        (low, high) of the grid for each state; by default those of :func:`stationary_density`.
    points
        Number of cells along each state.
    samples
        At most so many draws, evenly spread; by default at most 100.

    Returns
    -------
    xarray.Dataset
        Over ``sample``: ``reactive_flux`` ν, the number of passages from A to B per time, as many as from B to A;
        ``rate`` = ν/P(A was visited last) and ``rate_back`` = ν/P(B was visited last), in 1/time; ``passage_time``,
        the mean time to B of a process that starts in A by its stationary distribution, and ``passage_time_back``;
        ``probability_a`` and ``probability_b``, the stationary shares of the regions. What starts in a region whose
        share is 0 in double precision is NaN.

    Raises
    ------
    DataError
        If the source has more than two states, the regions others than the source, they overlap, or one holds no
        cell of the grid.

    See Also
    --------
    sdebayes.analysis.phase_space.committor : How probable B is before A.
    sdebayes.plots.phase_space.transition_rates : Draws them.

    Notes
    -----
    With the stationary distribution π, the committor q (see :func:`committor`) and the generator Q of the cells,
    ν = Σ_{k in A} π_k (Q q)_k; the mass w of those that were in A last solves Qᵀw = 0 outside of both regions, with
    w = π in A and w = 0 in B. Where the process is metastable rate and 1/passage_time agree; of very rare passages (a
    rate below 10⁻¹² of that of the jumps between cells) only ``rate`` and ``reactive_flux`` survive the rounding.

    References
    ----------
    Metzner, Schütte & Vanden-Eijnden (2009), Transition path theory for Markov jump processes, Multiscale Modeling &
    Simulation 7, 1192–1219, doi:10.1137/070699500.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well_1d", 10, 0.1)
    >>> a, b = (sb.analysis.phase_space.Ball([centre], 0.2) for centre in (-0.8, 0.8))
    >>> found = sb.analysis.phase_space.transition_rates(truth, a, b, limits=[(-2.0, 2.0)])
    >>> float((found["rate"] / found["rate_back"]).squeeze().round(2))  # the wells are alike
    1.0
    """
    chains = MarkovGrid.around(source, [a, b], limits, points, samples)
    in_a, in_b = two_sets(chains, a, b)
    rows = np.array([_rates_of_one(rates, in_a, in_b) for rates in chains.rates()])
    texts = {
        "reactive_flux": "passages",
        "rate": "rate from A to B",
        "rate_back": "rate from B to A",
        "passage_time": "mean first passage time from A to B",
        "passage_time_back": "mean first passage time from B to A",
        "probability_a": "probability of A",
        "probability_b": "probability of B",
    }
    variables = {
        name: ("sample", values, {"long_name": text})
        for (name, text), values in zip(texts.items(), rows.T, strict=True)
    }
    dataset = xr.Dataset(variables, {"sample": chains.draws}, chains.source.provenance)
    return with_units(
        dataset, reactive_flux="per time", rate="per time", passage_time="time", probability="1"
    )


def _rates_of_one(rates: csr_array, in_a: np.ndarray, in_b: np.ndarray) -> tuple[float, ...]:
    """Return flux, both rates, both passage times and both probabilities of one draw."""
    law = stationary_law(rates)
    nothing, one = np.zeros(law.size), np.ones(law.size)
    free = ~(in_a | in_b)
    forward = absorbed(rates, free, nothing, in_b.astype(float))
    flux = float(np.sum((law * (rates @ forward))[in_a]))
    back = rates.T.tocsr()
    # Each on its own: 1 less a share that is nearly 1 would be rounding.
    from_a, from_b = (
        absorbed(back, free, nothing, np.where(inside, law, 0.0)).sum() for inside in (in_a, in_b)
    )
    to_b = absorbed(rates, ~in_b, one, nothing)
    to_a = absorbed(rates, ~in_a, one, nothing)
    share_a, share_b = law[in_a].sum(), law[in_b].sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        times = (law * to_b)[in_a].sum() / share_a, (law * to_a)[in_b].sum() / share_b
        return flux, flux / from_a, flux / from_b, *times, share_a, share_b


@checked
def time_scales(
    source: SourceLike,
    count: Count = 4,
    limits: Limits | None = None,
    points: CountFromTwo = 81,
    samples: Count | None = None,
) -> xr.Dataset:
    """Return the slowest rates at which the density returns to the stationary one, draw by draw.

    Parameters
    ----------
    source
        A posterior or an SDE in one or two states.
    count
        Number of eigenvalues besides 0.
    limits
        (low, high) of the grid for each state; by default those of :func:`stationary_density`.
    points
        Number of cells along each state.
    samples
        At most so many draws, evenly spread; by default at most 100.

    Returns
    -------
    xarray.Dataset
        Over (sample, mode), the eigenvalues λ of the generator besides 0, slowest first: ``real_part`` and
        ``imaginary_part``, in 1/time; ``time_constant`` = ``1/|Re λ|`` and ``period`` = ``2π/|Im λ|`` (infinite without
        rotation), in time. The first ``time_constant`` is that of the whole process: with two wells, of the exchange
        between them.

    Raises
    ------
    DataError
        If the source has more than two states, or count is not between 1 and the number of cells less 10.

    See Also
    --------
    sdebayes.analysis.fields.jacobian_spectrum : Of a linear drift, in any number of states.
    sdebayes.plots.phase_space.time_scales : Draws them.

    References
    ----------
    Pavliotis (2014), Stochastic Processes and Applications, ch. 4.4, doi:10.1007/978-1-4939-1323-7.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well_1d", 10, 0.1)
    >>> found = sb.analysis.phase_space.time_scales(truth, count=2, limits=[(-2.0, 2.0)])["time_constant"]
    >>> bool(found.isel(mode=0) > 3 * found.isel(mode=1))  # the exchange between the wells
    True
    """
    chains = MarkovGrid.around(source, [], limits, points, samples)
    cells = len(chains.cells.centres)
    if count >= cells - _SPARE_MODES - 2:
        raise DataError(
            f"count={count!r} must be 1 to {cells - _SPARE_MODES - 3} on a grid of {cells} cells."
        )
    values = np.stack([_slowest(rates, count) for rates in chains.rates()])
    return spectrum(values, ("sample", "mode"), {"sample": chains.draws}, chains.source.provenance)


def _slowest(rates: csr_array, count: int) -> np.ndarray:
    """Return the eigenvalues nearest to 0 but 0 itself, slowest first and positive imaginary parts before negative."""
    from scipy.sparse.linalg import eigs

    shift = _SHIFT * float(np.abs(rates.diagonal()).max())
    begin = np.random.default_rng(0).uniform(size=rates.shape[0])
    found = eigs(rates.tocsc(), count + 1 + _SPARE_MODES, sigma=shift, v0=begin, return_eigenvectors=False)
    rest = np.delete(found, np.argmin(np.abs(found)))
    imaginary = np.where(np.abs(rest.imag) < 1e-8 * np.abs(rest), 0.0, rest.imag)
    scale = np.abs(rest).max()
    order = np.lexsort((-imaginary, -np.round(rest.real / scale, 9)))
    return (rest.real + 1j * imaginary)[order][:count]
