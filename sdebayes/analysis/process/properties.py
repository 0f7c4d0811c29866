"""All properties of a process in one table: a verdict, the evidence for it, and what it cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.kinds import Count, Probability, Seed, Trajectories
from sdebayes._core.units import UNNAMED, plural_unit
from sdebayes.analysis.fields.grid import Limits
from sdebayes.analysis.process.departures import departure_of, return_of
from sdebayes.analysis.process.entropy import entropy_production, rate_along
from sdebayes.analysis.process.fit_tests import (
    LAGS,
    REPLICATES,
    check_replicates,
    checked_replicates,
    gaussian_of,
    markov_of,
    stationarity_of,
)
from sdebayes.analysis.process.growth import dissipativity, growth
from sdebayes.analysis.process.mixing import mixing_along, mixing_time
from sdebayes.analysis.process.prior_properties import REVERSIBLE, before_data
from sdebayes.analysis.process.property_descriptions import DESCRIPTIONS
from sdebayes.analysis.process.radial import read_box
from sdebayes.analysis.process.reversal import reversibility
from sdebayes.analysis.process.settled_paths import MOST_SIMULATED, PATHS, settled_paths
from sdebayes.criticism import departures
from sdebayes.criticism.battery import adjusted
from sdebayes.criticism.innovations import Judge
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.source import SourceLike

SUPPORTED, ASSUMED = "supported", "assumed"
NOT_REJECTED, REJECTED, UNKNOWN = "not rejected", "rejected", "cannot be told"
ENOUGH, CERTAIN = 0.95, 0.99
_DEPARTURES = {
    "distribution of the first state": departures.first_state,
    "no outliers": departures.outliers,
    "constant noise": departures.noise_and_state,
    "steady noise": departures.changing_variance,
    "short memory": departures.memory,
}
_SETTLED = 3.0
_MIXING_TIMES = 5


@dataclass(frozen=True)
class Row:
    """One property.

    Parameters
    ----------
    verdict
        One of the five.
    evidence
        Its strength in words.
    probability
        Posterior probability of the property, NaN where there is none.
    p_value
        NaN where there is none.
    prior_probability
        Its probability before the data, NaN where that was not asked.
    """

    verdict: str
    evidence: str
    probability: float = np.nan
    p_value: float = np.nan
    prior_probability: float = np.nan

    def beside_prior(self, share: float) -> Row:
        """Lay the prior's share beside it; what was certain before the data is assumed, and not supported by them."""
        assumed = self.verdict == SUPPORTED and share >= CERTAIN
        return replace(
            self,
            verdict=ASSUMED if assumed else self.verdict,
            evidence=f"{self.evidence}; of the prior's draws {share:.0%}",
            prior_probability=share,
        )


@checked
def properties(
    source: SourceLike,
    data: Trajectories | None = None,
    *,
    limits: Limits | None = None,
    alpha: Probability = 0.05,
    replicates: Count = REPLICATES,
    seed: Seed = 0,
) -> xr.Dataset:
    """Judge the properties of a process: those that its drift and diffusion have, and those that data reject.

    Parameters
    ----------
    source
        A posterior or an SDE.
    data
        ``y(trajectory, time, state)``, best such as the posterior has not seen: on its training data the tests reject
        more rarely than ``alpha`` says. None leaves out what needs data.
    limits
        (low, high) of the box of the data for each state; see `growth`.
    alpha
        Probability of a false rejection among all tests of data.
    replicates
        Number of replicates in the tests of fit.
    seed
        Seed of all that is random.

    Returns
    -------
    xarray.Dataset
        Over ``property``, text: ``verdict`` ("supported", "assumed", "not rejected", "rejected", "cannot be told"),
        ``evidence``, ``meaning`` and ``cannot_tell``; numbers: ``probability``, the share of draws with the property,
        ``prior_probability``, the same of draws of the prior, and ``p_value``, each NaN where there is none. ``about``
        says what was judged, "model" or "data".

    Raises
    ------
    DataError, StateSpaceError, ModelError
        If source and data do not fit together, or ``alpha`` is not between 0 and 1.

    See Also
    --------
    sdebayes.Posterior.diagnosis : Whether the fit can be believed.
    sdebayes.plots.process.properties : Draws them.

    Notes
    -----
    Of a model a property is supported if 95 % of the draws have it, and existence rejected if 95 % explode: a share in
    between leaves the verdict open. One that 99 % of the prior's draws have too is assumed: the data were not asked.
    A trajectory shows mixing if it lasts five mixing times, a draw whose simulated paths did not mix counting as one
    that never does; it is rejected if 95 % of the draws are known to mix more slowly than one trajectory lasts. A test
    of data rejects where its p-value is below ``alpha`` after Holm's adjustment for all of them, so that of a right
    model any property is rejected in at most ``alpha`` of all cases; with fewer than 200 replicates no p-value is small
    enough for that. A return to an equilibrium is supported where the random walk is rejected, and cannot be told where
    it is not.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.process.properties(posterior)
    >>> table = found["verdict"].to_series()
    >>> table.head(3).to_dict()
    {'existence and uniqueness': 'assumed', 'dissipativity': 'assumed', 'ergodicity': 'assumed'}
    """
    if data is not None:
        check_replicates(replicates)
    stacked = as_source(source, None if limits is None else len(limits))
    box = read_box(stacked, limits)
    x0 = None if stacked.has_initial_law else box[0]
    inward = dissipativity(stacked, limits=limits)
    entropy, mixing, settled = _along_paths(source, stacked, x0, seed)
    rows = {
        "existence and uniqueness": _existence(growth(stacked, limits=limits)),
        "dissipativity": _share(inward["dissipative"].values, "draws point inward far away"),
        "ergodicity": _share(inward["ergodic"].values, "draws are dissipative with noise in all directions"),
        "reversibility of the model": _reversible(entropy, stacked.n_states, alpha)
        if settled or stacked.n_states == 1
        else Row(UNKNOWN, "simulated paths were not seen to forget where they started"),
    }
    rows |= {name: rows[name].beside_prior(share) for name, share in before_data(source, limits).items()}
    if data is not None:
        rows["mixing within a trajectory"] = _mixing(mixing, data)
        rows |= _tests(Judge.of(source, data), data, alpha, replicates, seed)
    return _labelled(rows, stacked, {"alpha": alpha, "replicates": replicates, "seed": seed})


def _existence(found: xr.Dataset) -> Row:
    bounded, explosive = float(found["bounded"].mean()), float(found["explosive"].mean())
    evidence = (
        f"growth bounded in {bounded:.0%} of {found.sizes['sample']} draws, explosive in {explosive:.0%}"
    )
    if explosive >= ENOUGH:
        return Row(REJECTED, evidence, bounded)
    return Row(SUPPORTED if bounded >= ENOUGH else UNKNOWN, evidence, bounded)


def _share(holds: np.ndarray, text: str) -> Row:
    """Judge a sufficient condition, which does not reject where it fails."""
    share = float(holds.mean())
    return Row(SUPPORTED if share >= ENOUGH else UNKNOWN, f"{share:.0%} of {holds.size} {text}", share)


def _along_paths(
    given: SourceLike, source: Source, x0: np.ndarray | None, seed: int
) -> tuple[xr.Dataset, xr.DataArray, bool]:
    """Entropy production and mixing time, of a nonlinear SDE from the same paths, and whether these had settled."""
    if source.sde.linear is not None:
        return entropy_production(given), mixing_time(source), True
    draws = choose_draws(source.n_draws, 1, None, MOST_SIMULATED)
    settled = settled_paths(source.take(draws), None, x0, PATHS, seed)
    mixing = mixing_along(source, draws, settled)
    forgotten = float(settled["time"][0]) > _SETTLED * mixing
    return rate_along(source, draws, settled), mixing, bool(forgotten.mean() >= ENOUGH)


def _reversible(found: xr.Dataset, n_states: int, alpha: float) -> Row:
    rate, error = found["rate"].values, found["standard_error"].values
    if not np.isfinite(rate).all():
        return Row(UNKNOWN, f"no stationary distribution, or singular noise, in {np.isnan(rate).sum()} draws")
    if n_states == 1:
        return Row(SUPPORTED, "a stationary process in one state is always reversible")
    low, middle, high = np.quantile(rate, [0.05, 0.5, 0.95])
    evidence = f"entropy production {middle:.3g} [{low:.3g}, {high:.3g}] {found['rate'].attrs['units']}"
    if not error.any() and (rate < REVERSIBLE).all():
        return Row(SUPPORTED, evidence)
    if "p_value" in found:
        p = float(found["p_value"])
        reference = float(np.nanmedian(found["rate_reference"]))
        evidence += f"; {reference:.3g} if reversible"
        if np.isnan(p):
            return Row(
                UNKNOWN, f"{evidence}; too few draws for the {n_states * (n_states - 1) // 2} entries of K"
            )
        evidence += f"; p = {p:.2g}"
        return Row(REJECTED if p < alpha else NOT_REJECTED, evidence, p_value=p)
    if rate.size == 1 and error[0] == 0:
        return Row(REJECTED, evidence)
    if rate.size == 1:
        return Row(REJECTED if rate[0] > 4 * error[0] else UNKNOWN, f"{evidence}, error {error[0]:.2g}")
    return Row(UNKNOWN, f"{evidence}; no reversible model to compare with")


def _mixing(times: xr.DataArray, data: xr.Dataset) -> Row:
    spans = np.nanmax(data["t"].values, axis=1) - np.nanmin(data["t"].values, axis=1)
    span = float(np.median(spans))
    lost = np.isnan(times.values)
    if lost.all():
        return Row(UNKNOWN, "simulated paths did not forget within the times simulated")
    share = float((_MIXING_TIMES * times <= span).mean())
    never = np.where(lost, np.inf, times.values)
    low, middle, high = np.quantile(never, [0.05, 0.5, 0.95], method="nearest")
    evidence = f"mixing time {middle:.3g} [{low:.3g}, {high:.3g}], trajectories of {span:.3g}"
    evidence += f" {plural_unit(times.attrs['units'])}" if times.attrs["units"] != UNNAMED else ""
    evidence += f"; not reached in {lost.sum()} of {lost.size} draws" if lost.any() else ""
    if share >= ENOUGH:
        return Row(SUPPORTED, evidence, share)
    return Row(REJECTED if float((times >= span).mean()) >= ENOUGH else UNKNOWN, evidence, share)


def _tests(judge: Judge, data: xr.Dataset, alpha: float, replicates: int, seed: int) -> dict[str, Row]:
    replicated = checked_replicates(judge, replicates, seed)
    lags = min(LAGS, data.sizes["time"] - 1)
    tests: dict[str, Callable[[], xr.Dataset]] = {
        "stationarity": lambda: stationarity_of(judge, data, replicated),
        "Markov property": lambda: markov_of(judge, data, replicated, lags),
        "Gaussian innovations": lambda: gaussian_of(judge, data, replicated),
    }
    tests |= {
        name: partial(departure_of, judge, data, replicated, statistic)
        for name, statistic in _DEPARTURES.items()
    }
    tests["reversibility of the data"] = lambda: reversibility(data, lags, seed)
    found, rows = {}, {}
    for name, test in tests.items():
        try:
            found[name] = test()
        except DataError as error:
            rows[name] = Row(UNKNOWN, str(error))
    level = adjusted(np.array([float(one["p_value"]) for one in found.values()]))
    rows |= {name: _tested(one, p, alpha) for (name, one), p in zip(found.items(), level, strict=True)}
    rows = {name: rows[name] for name in tests}
    return rows | {"return to an equilibrium": _return(judge, replicates, alpha, seed)}


def _return(judge: Judge, replicates: int, alpha: float, seed: int) -> Row:
    """Support the return where the random walk is rejected; that it is not leaves the question open."""
    try:
        found = return_of(judge, replicates, seed)
    except ModelError as error:
        return Row(UNKNOWN, str(error))
    p = float(found["p_value"])
    largest = str(found["term"].values[int(found["term_p_value"].values.argmax())])
    verdict = SUPPORTED if p < alpha else UNKNOWN
    return Row(verdict, f"random walk: p = {p:.2g}, the largest that of {largest}", p_value=p)


def _tested(found: xr.Dataset, level: float, alpha: float) -> Row:
    p = float(found["p_value"])
    single = found["state_p_value" if "state_p_value" in found else "term_p_value"]
    least = int(np.nanargmin(single.values))
    name = single[single.dims[0]].values[least]
    evidence = f"p = {p:.2g}, {level:.2g} among all tests; smallest alone: {name}, {float(single[least]):.2g}"
    return Row(REJECTED if level < alpha else NOT_REJECTED, evidence, p_value=p)


def _labelled(rows: dict[str, Row], source: Source, attrs: dict[str, Any]) -> xr.Dataset:
    names = list(rows)
    columns: dict[str, Any] = {
        field: ("property", [getattr(rows[name], field) for name in names])
        for field in ("verdict", "evidence", "probability", "prior_probability", "p_value")
    }
    columns |= {
        field: ("property", [getattr(DESCRIPTIONS[name], field) for name in names])
        for field in ("about", "meaning", "cannot_tell")
    }
    return xr.Dataset(columns, {"property": names}, source.provenance | attrs)
