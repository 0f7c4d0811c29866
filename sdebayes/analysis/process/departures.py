"""Tests of further ways in which data depart from a model: noise that changes, long memory, starts, wild values.

As in `fit_tests`, data are compared with replicates that have their noise, lengths and gaps. A test has several
components, of each state and of all together, and the p-value is that of the largest.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Count, Seed
from sdebayes.analysis.process.fit_tests import REPLICATES, check_replicates, checked_replicates
from sdebayes.criticism import departures
from sdebayes.criticism.battery import adjusted
from sdebayes.criticism.comparison import compare
from sdebayes.criticism.innovations import Judge, Replicated
from sdebayes.criticism.walk import directions_of_return
from sdebayes.simulation.source import SourceLike


@checked
def constant_noise(
    source: SourceLike, data: xr.Dataset, replicates: Count = REPLICATES, seed: Seed = 0
) -> xr.Dataset:
    """Test whether the size of innovations goes with the state, in a way that the model's Σ does not.

    Parameters
    ----------
    source
        As in `sdebayes.analysis.process.markov`.
    data
        ``y(trajectory, time, state)``, best such as the posterior has not seen.
    replicates
        Number of replicates, at least 19; p is at least 1/(replicates + 1).
    seed
        Seed of the replicates.

    Returns
    -------
    xarray.Dataset
        Over ``term``: ``test_statistic``, the absolute correlation of squared innovations, cut at 9, with the state
        that was predicted and with its distance from the middle, of each state and of all together, times the root of
        their number, mean over draws; ``test_statistic_replicated`` (replicate, term), ``term_p_value``, and
        ``p_value`` of the largest.

    Raises
    ------
    StateSpaceError, DataError, ModelError
        If data and source do not fit together.

    See Also
    --------
    sdebayes.priors.Diagonal : Noise that depends on the state.
    sdebayes.plots.process.replicates : Draws the test.

    References
    ----------
    Breusch & Pagan (1979), doi:10.2307/1911963.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.process.constant_noise(posterior, test, replicates=30)
    >>> bool(found["p_value"] > 0.01), found["test_statistic_replicated"].sizes["replicate"]
    (True, 30)
    """
    return _tested(source, data, replicates, seed, departures.noise_and_state)


@checked
def changing_variance(
    source: SourceLike, data: xr.Dataset, replicates: Count = REPLICATES, seed: Seed = 0
) -> xr.Dataset:
    """Test whether large and small innovations come in stretches.

    Parameters
    ----------
    source, data, replicates, seed
        As in `constant_noise`.

    Returns
    -------
    xarray.Dataset
        As of `constant_noise`; statistics are the autocorrelations of squared innovations, cut at 9, and how much their
        sums over stretches vary.

    Raises
    ------
    StateSpaceError, DataError, ModelError
        If data and source do not fit together.

    See Also
    --------
    sdebayes.analysis.process.constant_noise : Sizes that go with the state.
    sdebayes.plots.process.replicates : Draws the test.

    References
    ----------
    McLeod & Li (1983), doi:10.1111/j.1467-9892.1983.tb00373.x.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.process.changing_variance(posterior, test, replicates=30)
    >>> bool(found["p_value"] > 0.01)
    True
    """
    return _tested(source, data, replicates, seed, departures.changing_variance)


@checked
def long_memory(
    source: SourceLike, data: xr.Dataset, replicates: Count = REPLICATES, seed: Seed = 0
) -> xr.Dataset:
    """Test whether innovations go with those of long ago, or with other states'.

    Parameters
    ----------
    source, data, replicates, seed
        As in `constant_noise`.

    Returns
    -------
    xarray.Dataset
        As of `constant_noise`; statistics are squared autocorrelations over three and ten lags, the log mean square of
        sums over stretches of 4, 16 and 64 innovations and its negative, and the squared correlations with other states
        a step before.

    Raises
    ------
    StateSpaceError, DataError, ModelError
        If data and source do not fit together.

    See Also
    --------
    sdebayes.analysis.process.markov : At short lags.
    sdebayes.plots.process.replicates : Draws the test.

    Notes
    -----
    Of fractional noise behind observation noise it finds what is persistent; a path rougher than a Brownian one looks
    like more noise.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.process.long_memory(posterior, test, replicates=30)
    >>> bool(found["p_value"] > 0.01)
    True
    """
    return _tested(source, data, replicates, seed, departures.memory)


@checked
def first_state(
    source: SourceLike, data: xr.Dataset, replicates: Count = REPLICATES, seed: Seed = 0
) -> xr.Dataset:
    """Test whether trajectories start where the distribution of the first state says.

    Parameters
    ----------
    source, data, replicates, seed
        As in `constant_noise`.

    Returns
    -------
    xarray.Dataset
        As of `constant_noise`; statistics are, of the first innovations, the square of their mean times their number,
        the sum of their squares, and the log of their spread and its negative.

    Raises
    ------
    StateSpaceError, DataError, ModelError
        If data and source do not fit together.

    See Also
    --------
    sdebayes.SDEModel : Its ``initial`` says how trajectories start.
    sdebayes.plots.process.replicates : Draws the test.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.process.first_state(posterior, test, replicates=30)
    >>> bool(found["p_value"] > 0.01)
    True
    """
    return _tested(source, data, replicates, seed, departures.first_state)


@checked
def outliers(
    source: SourceLike, data: xr.Dataset, replicates: Count = REPLICATES, seed: Seed = 0
) -> xr.Dataset:
    """Test whether single values lie far outside of what the model can bring about.

    Parameters
    ----------
    source, data, replicates, seed
        As in `constant_noise`.

    Returns
    -------
    xarray.Dataset
        As of `constant_noise`; statistics are the log of the largest innovation, and of it in units of the median one,
        which a wild value that widens Σ does not change.

    Raises
    ------
    StateSpaceError, DataError, ModelError
        If data and source do not fit together.

    See Also
    --------
    sdebayes.StudentTNoise : Noise that expects them.
    sdebayes.analysis.quality.surprise : Which ones.
    sdebayes.plots.process.replicates : Draws the test.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> spoilt = test.copy(deep=True)
    >>> spoilt["y"][0, 50] = 20.0
    >>> found = sb.analysis.process.outliers(posterior, spoilt, replicates=30)
    >>> bool(found["p_value"] < 0.05)
    True
    """
    return _tested(source, data, replicates, seed, departures.outliers)


@checked
def return_to_equilibrium(
    source: SourceLike, data: xr.Dataset, replicates: Count = REPLICATES, seed: Seed = 0
) -> xr.Dataset:
    """Test whether the process comes back at all, or could be a random walk seen through noise.

    Parameters
    ----------
    source, data
        As in `constant_noise`.
    replicates
        Number of random walks, at least 19.
    seed
        Their seed.

    Returns
    -------
    xarray.Dataset
        Over ``term``, the left eigenvectors of a linear drift, slowest first, or the states: ``mean_square`` within
        trajectories and ``mean_square_replicated`` (replicate, term), of random walks with each draw's Σ and noise that
        start where the data do; ``term_p_value``, small where the walk is rejected and so the return supported; and
        ``p_value``, the largest after Holm's adjustment: small only if all directions return.

    Raises
    ------
    StateSpaceError, DataError, ModelError
        If data and source do not fit together, or the states themselves are not observed.

    See Also
    --------
    sdebayes.nulls.RandomWalkNoise : The random walk by itself.
    sdebayes.plots.process.replicates : Draws the test.

    References
    ----------
    Sargan & Bhargava (1983), doi:10.2307/1912252.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.process.return_to_equilibrium(posterior, train, replicates=99)
    >>> bool(found["p_value"] < 0.05)  # no random walk
    True
    """
    check_replicates(replicates)
    return return_of(Judge.of(source, data), replicates, seed)


def return_of(judge: Judge, replicates: int, seed: int) -> xr.Dataset:
    """Test the return with a judge at hand."""
    found = directions_of_return(judge, replicates, seed)
    single = np.array([one.outcome.p_value for one in found])
    variables = {
        "mean_square": ("term", [one.spread for one in found]),
        "mean_square_replicated": (
            ("replicate", "term"),
            np.stack([one.spread_replicated for one in found], 1),
        ),
        "term_p_value": ("term", single, {"long_name": "p-value of the direction alone"}),
        "p_value": ((), float(adjusted(single).max()), {"long_name": "largest adjusted p-value"}),
    }
    coords = {"term": [one.name for one in found], "replicate": np.arange(replicates)}
    return xr.Dataset(variables, coords, judge.source.provenance)


def departure_of(
    judge: Judge, data: xr.Dataset, replicated: Replicated, statistic: departures.Statistic
) -> xr.Dataset:
    """Test a departure with replicates at hand."""
    labels = [str(label) for label in data["state"].values]
    own, copies = statistic(replicated.own), statistic(replicated.copies)
    names, columns = departures.flattened(copies, labels)
    data_columns = departures.flattened(own, labels)[1]
    outcome = compare(data_columns, columns)
    variables = {
        "test_statistic": ("term", data_columns.mean(axis=0)),
        "test_statistic_replicated": (("replicate", "term"), columns),
        "term_p_value": ("term", outcome.p_values, {"long_name": "p-value of the component alone"}),
        "p_value": ((), outcome.p_value, {"long_name": "p-value over all components"}),
    }
    return xr.Dataset(
        variables, {"term": names, "replicate": np.arange(len(columns))}, judge.source.provenance
    )


def _tested(
    source: SourceLike, data: xr.Dataset, replicates: int, seed: int, statistic: departures.Statistic
) -> xr.Dataset:
    judge = Judge.of(source, data)
    return departure_of(judge, data, checked_replicates(judge, replicates, seed), statistic)
