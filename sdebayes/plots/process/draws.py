"""Figures of what drift and diffusion of every draw say: growth, return from far away, entropy production, mixing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Probability
from sdebayes._core.units import UNNAMED
from sdebayes.plots.style import POSTERIOR, REFERENCE, TRUTH, band, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAKER = "sdebayes.analysis.process"


@checked
def growth(dataset: xr.Dataset, ax: Axes | None = None, *, prob: Probability = 0.9) -> Axes:
    """Draw the growth condition over the distance from the data: where it levels off, solutions stay finite.

    Parameters
    ----------
    dataset
        As `sdebayes.analysis.process.growth` returns it.
    ax
        Axes, or None.
    prob
        Probability of the band.

    Returns
    -------
    Axes
        Line and band over draws; the grey line is zero, below which paths are drawn back.

    Raises
    ------
    DataError
        If the dataset holds no such numbers.

    See Also
    --------
    sdebayes.analysis.process.growth : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> ax = sb.plots.process.growth(sb.analysis.process.growth(posterior))
    >>> ax.get_xlabel()
    'distance from the middle (half-widths)'
    """
    need(dataset, ["growth", "bounded"], f"{_MAKER}.growth")
    label = f"(z·Lf + ½ tr LΣLᵀ)/(1 + |z|²)\n({dataset['growth'].attrs.get('units', f'per {UNNAMED}')})"
    return _over_radius(dataset["growth"], ax, prob, label, "outward growth")


@checked
def dissipativity(dataset: xr.Dataset, ax: Axes | None = None, *, prob: Probability = 0.9) -> Axes:
    """Draw how strongly the drift leads inward over the distance from the data.

    Parameters
    ----------
    dataset
        As `sdebayes.analysis.process.dissipativity` returns it.
    ax
        Axes, or None.
    prob
        Probability of the band.

    Returns
    -------
    Axes
        Line and band over draws; below the grey line at zero the drift leads inward in every direction.

    Raises
    ------
    DataError
        If the dataset holds no such numbers.

    See Also
    --------
    sdebayes.analysis.process.dissipativity : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> ax = sb.plots.process.dissipativity(sb.analysis.process.dissipativity(posterior))
    >>> ax.get_xlabel()
    'distance from the middle (half-widths)'
    """
    need(dataset, ["radial_drift"], f"{_MAKER}.dissipativity")
    label = f"radial drift z·Lf/|z|²\n({dataset['radial_drift'].attrs.get('units', f'per {UNNAMED}')})"
    return _over_radius(dataset["radial_drift"], ax, prob, label, "radial drift")


@checked
def entropy_production(
    dataset: xr.Dataset, ax: Axes | None = None, *, truth: xr.Dataset | None = None
) -> Axes:
    """Draw the posterior of the entropy production rate beside what a reversible process would give.

    Parameters
    ----------
    dataset
        As `sdebayes.analysis.process.entropy_production` returns it.
    ax
        Axes, or None.
    truth
        The same of the true SDE.

    Returns
    -------
    Axes
        Densities over draws; only a posterior to the right of the grey reference speaks for irreversibility.

    Raises
    ------
    DataError
        If the dataset holds no finite rate.

    See Also
    --------
    sdebayes.analysis.process.entropy_production : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> rates = [sb.analysis.process.entropy_production(source) for source in (posterior, truth)]
    >>> ax = sb.plots.process.entropy_production(rates[0], truth=rates[1])
    >>> ax.get_xlabel()
    'entropy production rate (nats per unit of time)'
    """
    need(dataset, ["rate"], f"{_MAKER}.entropy_production", truth)
    with look():
        ax = one_axes(ax, height=2.0)
        if "rate_reference" in dataset:
            _density(ax, dataset["rate_reference"], REFERENCE, "if reversible (K = 0)", linestyle="--")
        _density(ax, dataset["rate"], POSTERIOR, "posterior")
        if truth is not None:
            ax.axvline(float(truth["rate"].mean()), color=TRUTH, linewidth=1, label="truth")
        units = dataset["rate"].attrs.get("units", f"nats per {UNNAMED}")
        ax.set(xlabel=f"entropy production rate ({units})", ylabel="density", yticks=[], ylim=(0, None))
        ax.set_xlim(left=min(0.0, float(dataset["rate"].min())))
        legend_above(ax)
    return ax


@checked
def mixing_time(values: xr.DataArray, ax: Axes | None = None, *, truth: xr.DataArray | None = None) -> Axes:
    """Draw the posterior of the mixing time.

    Parameters
    ----------
    values
        As `sdebayes.analysis.process.mixing_time` returns it.
    ax
        Axes, or None.
    truth
        The same of the true SDE.

    Returns
    -------
    Axes
        The density over draws that have a finite mixing time.

    Raises
    ------
    DataError
        If no draw has.

    See Also
    --------
    sdebayes.analysis.process.mixing_time : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> ax = sb.plots.process.mixing_time(sb.analysis.process.mixing_time(posterior))
    >>> ax.get_xlabel()
    'mixing time (unit of time)'
    """
    with look():
        ax = one_axes(ax, height=2.0)
        _density(ax, values, POSTERIOR, "posterior")
        if truth is not None:
            ax.axvline(float(truth.mean()), color=TRUTH, linewidth=1, label="truth")
        units = values.attrs.get("units", UNNAMED)
        ax.set(xlabel=f"mixing time ({units})", ylabel="density", yticks=[], ylim=(0, None))
        legend_above(ax)
    return ax


def _over_radius(values: xr.DataArray, ax: Axes | None, prob: float, ylabel: str, name: str) -> Axes:
    radius = values["radius"].values
    with look():
        ax = one_axes(ax, height=2.2)
        ax.axhline(0, color=REFERENCE, linewidth=0.8)
        band(ax, radius, values, prob=prob, label=name)
        ax.set_xscale("log", base=2)
        ax.set(xlabel="distance from the middle (half-widths)", ylabel=ylabel)
        ax.set_xlim(radius[0], radius[-1])
        legend_above(ax)
    return ax


def _density(ax: Axes, values: xr.DataArray, colour: str, label: str, linestyle: str = "-") -> None:
    """Draw a density of finite draws, or a line where there is one draw only."""
    import seaborn as sns

    finite = values.values[np.isfinite(values.values)]
    if not finite.size:
        raise DataError(f"No draw has a finite {values.name}; there is nothing to draw.")
    if finite.size < 3 or np.ptp(finite) == 0:
        ax.axvline(float(np.median(finite)), color=colour, linestyle=linestyle, label=label)
        return
    sns.kdeplot(x=finite, ax=ax, color=colour, fill=True, alpha=0.2, linewidth=0, cut=0)
    sns.kdeplot(x=finite, ax=ax, color=colour, linestyle=linestyle, label=label, cut=0)
